// SPDX-License-Identifier: Apache-2.0
// A xenstore client.
#include "store/client.hpp"

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace store {

using abi::XenstoreOp;
using xen::fail;
using xen::fail_errno;
using xen::Result;

namespace {

constexpr unsigned most_outstanding = 48; ///< their replies fit in any socket buffer, so that nobody waits for ever

std::string_view op_name(XenstoreOp op) {
    switch (op) {
    case XenstoreOp::Read: return "read";
    case XenstoreOp::Write: return "write";
    case XenstoreOp::Mkdir: return "mkdir";
    case XenstoreOp::Rm: return "remove";
    case XenstoreOp::SetPerms: return "set permissions of";
    case XenstoreOp::Directory: return "list";
    case XenstoreOp::Watch: return "watch";
    case XenstoreOp::Introduce: return "introduce";
    case XenstoreOp::TransactionStart:
    case XenstoreOp::TransactionEnd: return "transaction";
    default: return "request";
    }
}

int errno_of(std::string_view name) {
    for (auto const& error : abi::xenstore_errors)
        if (name == error.errstring) return error.errnum;
    return EINVAL;
}

std::string number(std::uint64_t value) { return std::to_string(value); }

} // namespace

Result<Client> Client::open_socket() {
    char const* const whole = std::getenv("XENSTORED_PATH");
    char const* const rundir = std::getenv("XENSTORED_RUNDIR");
    std::string const path = whole ? whole : std::string(rundir ? rundir : "/run/xenstored") + "/socket";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return fail(ENAMETOOLONG, "xenstore: " + path);
    path.copy(address.sun_path, path.size());
    xen::FileDescriptor file(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!file || connect(file.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
        return fail_errno("xenstore: cannot reach the daemon at " + path);
    return Client(std::move(file));
}

Result<Client> Client::open() {
    auto client = open_socket();
    if (client) return client;
    auto device = xen::FileDescriptor::open("/dev/xen/xenbus", O_RDWR);
    if (!device) return fail(client.error().code, client.error().context + ", nor open /dev/xen/xenbus");
    Client through_kernel(std::move(*device));
    through_kernel.device_ = true;
    return through_kernel;
}

Result<> Client::post(XenstoreOp op, std::initializer_list<std::string_view> parts, Transaction transaction) {
    std::size_t length = 0;
    for (auto part : parts) length += part.size();
    if (length > abi::xenstore_payload_max) return fail(E2BIG, "xenstore: value too long");
    abi::XsdSockmsg const header{static_cast<std::uint32_t>(op), 0, static_cast<std::uint32_t>(transaction),
                                 static_cast<std::uint32_t>(length)};
    out_.append(reinterpret_cast<char const*>(&header), sizeof header);
    for (auto part : parts) out_.append(part);
    ++outstanding_;
    return outstanding_ >= most_outstanding ? flush() : Result<>{};
}

Result<> Client::post_write(std::string_view path, std::string_view value, Transaction transaction) {
    return post(XenstoreOp::Write, {path, std::string_view("", 1), value}, transaction);
}

Result<> Client::post_permissions(std::string_view path, std::string_view joined, Transaction transaction) {
    return post(XenstoreOp::SetPerms, {path, std::string_view("", 1), joined}, transaction);
}

Result<> Client::send_queue() {
    std::string_view rest = out_;
    while (!rest.empty()) {
        auto part = rest.size();
        if (one_by_one_) { // the kernel's device takes one message in each write
            abi::XsdSockmsg header{};
            std::memcpy(&header, rest.data(), sizeof header);
            part = sizeof header + header.len;
        }
        auto const done = ::write(file_.get(), rest.data(), part);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return fail_errno("xenstore: sending");
        rest.remove_prefix(static_cast<std::size_t>(done));
    }
    out_.clear();
    return {};
}

Result<> Client::flush() {
    XEN_TRY(send_queue());
    while (outstanding_ > 0) {
        --outstanding_;
        auto reply = receive();
        if (!reply && !first_error_) first_error_ = reply.error();
    }
    if (!first_error_) return {};
    auto error = std::exchange(first_error_, std::nullopt);
    return std::unexpected(std::move(*error));
}

/// Reads more bytes; ETIMEDOUT when none came in time.
Result<> Client::fill(int timeout_ms) {
    if (timeout_ms >= 0) {
        pollfd poller{file_.get(), POLLIN, 0};
        int const ready = poll(&poller, 1, timeout_ms);
        if (ready < 0) return fail_errno("xenstore: waiting");
        if (ready == 0) return fail(ETIMEDOUT, "xenstore");
    }
    if (used_ == in_.size()) {
        in_.clear();
        used_ = 0;
    }
    auto const old = in_.size();
    constexpr std::size_t chunk = 8192;
    in_.resize(old + chunk);
    ssize_t got;
    do got = ::read(file_.get(), in_.data() + old, chunk);
    while (got < 0 && errno == EINTR && timeout_ms < 0);
    int const error = errno;
    in_.resize(old + (got > 0 ? static_cast<std::size_t>(got) : 0));
    if (got == 0) return fail(EPIPE, "xenstore: the daemon closed the connection");
    if (got < 0) return fail(error, "xenstore: receiving");
    return {};
}

/// One whole message of any kind.
Result<Client::Reply> Client::message() {
    for (;;) {
        std::string_view const have = std::string_view(in_).substr(used_);
        abi::XsdSockmsg header{};
        if (have.size() >= sizeof header) {
            std::memcpy(&header, have.data(), sizeof header);
            if (header.len > 64 * 1024) return fail(EPROTO, "xenstore: senseless reply");
            if (have.size() >= sizeof header + header.len) {
                Reply reply{static_cast<XenstoreOp>(header.type), std::string(have.substr(sizeof header, header.len))};
                used_ += sizeof header + header.len;
                return reply;
            }
        }
        XEN_TRY(fill(-1));
    }
}

/// The next reply; watch events before it are kept.
Result<Client::Reply> Client::receive() {
    for (;;) {
        auto reply = XEN_TRY(message());
        if (reply.type == XenstoreOp::Error)
            return fail(errno_of(std::string_view(reply.payload.c_str())), "xenstore request");
        if (reply.type != XenstoreOp::WatchEvent) return reply;
        std::string_view const payload = reply.payload;
        auto const end = payload.find('\0');
        if (end == std::string_view::npos) return fail(EPROTO, "xenstore: bad event");
        auto const token = payload.substr(end + 1);
        events_.push_back({std::string(payload.substr(0, end)), std::string(token.substr(0, token.find('\0')))});
    }
}

Result<std::string> Client::call(XenstoreOp op, std::initializer_list<std::string_view> parts,
                                 Transaction transaction) {
    XEN_TRY(flush());
    XEN_TRY(post(op, parts, transaction));
    XEN_TRY(send_queue());
    outstanding_ = 0;
    auto reply = receive();
    if (reply) return std::move(reply->payload);
    std::string context = "xenstore: " + std::string(op_name(op));
    if (parts.size() && op != XenstoreOp::TransactionStart && op != XenstoreOp::TransactionEnd)
        context += " " + std::string(parts.begin()->substr(0, parts.begin()->find('\0')));
    return fail(reply.error().code, std::move(context));
}

namespace {
constexpr std::string_view nul("", 1);
}

Result<std::string> Client::read(std::string_view path, Transaction transaction) {
    return call(XenstoreOp::Read, {path, nul}, transaction);
}

std::optional<std::string> Client::get(std::string_view path, Transaction transaction) {
    auto value = read(path, transaction);
    return value ? std::optional(std::move(*value)) : std::nullopt;
}

Result<std::vector<std::optional<std::string>>> Client::get_all(std::span<std::string const> paths) {
    XEN_TRY(flush());
    std::vector<std::optional<std::string>> out;
    for (std::size_t at = 0; at < paths.size();) {
        auto const batch = std::min<std::size_t>(paths.size() - at, most_outstanding - 1);
        for (std::size_t i = 0; i < batch; ++i)
            XEN_TRY(post(XenstoreOp::Read, {paths[at + i], nul}, Transaction::none));
        XEN_TRY(send_queue());
        outstanding_ = 0;
        for (std::size_t i = 0; i < batch; ++i) {
            auto reply = receive();
            if (reply) out.emplace_back(std::move(reply->payload));
            else if (reply.error().code == EPIPE || reply.error().code == EPROTO) return std::unexpected(reply.error());
            else out.emplace_back(std::nullopt);
        }
        at += batch;
    }
    return out;
}

Result<std::vector<std::string>> Client::list(std::string_view path, Transaction transaction) {
    auto payload = call(XenstoreOp::Directory, {path, nul}, transaction);
    std::string names;
    if (payload) {
        names = std::move(*payload);
    } else if (payload.error().code == E2BIG) {
        for (std::string generation;;) { // piece by piece; again from the start when the node changes meanwhile
            auto part = XEN_TRY(call(XenstoreOp::DirectoryPart, {path, nul, number(names.size()), nul}, transaction));
            auto const end = part.find('\0');
            if (end == std::string::npos) return fail(EPROTO, "xenstore: bad directory");
            auto const now = part.substr(0, end);
            if (generation.empty()) generation = now;
            if (now != generation) {
                generation.clear();
                names.clear();
                continue;
            }
            auto const piece = std::string_view(part).substr(end + 1);
            bool const last = piece.empty() || piece.ends_with(std::string_view("\0\0", 2)) || piece == nul;
            names.append(last && !piece.empty() ? piece.substr(0, piece.size() - 1) : piece);
            if (last) break;
        }
    } else {
        return std::unexpected(payload.error());
    }
    std::vector<std::string> out;
    for (std::string_view rest = names; !rest.empty();) {
        auto const end = rest.find('\0');
        if (end != 0) out.emplace_back(rest.substr(0, end));
        if (end == std::string_view::npos) break;
        rest.remove_prefix(end + 1);
    }
    return out;
}

Result<> Client::write(std::string_view path, std::string_view value, Transaction transaction) {
    XEN_TRY(call(XenstoreOp::Write, {path, nul, value}, transaction));
    return {};
}

Result<> Client::mkdir(std::string_view path, Transaction transaction) {
    XEN_TRY(call(XenstoreOp::Mkdir, {path, nul}, transaction));
    return {};
}

Result<> Client::remove(std::string_view path, Transaction transaction) {
    auto done = call(XenstoreOp::Rm, {path, nul}, transaction);
    if (!done && done.error().code != ENOENT) return std::unexpected(done.error());
    return {};
}

Result<> Client::set_permissions(std::string_view path, std::span<std::string const> permissions,
                                 Transaction transaction) {
    std::string joined;
    for (auto& permission : permissions) (joined += permission) += '\0';
    XEN_TRY(call(XenstoreOp::SetPerms, {path, nul, joined}, transaction));
    return {};
}

Result<std::vector<std::string>> Client::permissions(std::string_view path, Transaction transaction) {
    auto const payload = XEN_TRY(call(XenstoreOp::GetPerms, {path, nul}, transaction));
    std::vector<std::string> out;
    for (std::string_view rest = payload; !rest.empty();
         rest.remove_prefix(std::min(rest.size(), out.back().size() + 1)))
        out.emplace_back(rest.substr(0, rest.find('\0')));
    return out;
}

Result<std::string> Client::control(std::string_view arguments) {
    auto text = XEN_TRY(call(XenstoreOp::Control, {arguments}, Transaction::none));
    text.resize(std::min(text.size(), text.find('\0')));
    return text;
}

Result<Transaction> Client::begin() {
    auto text = XEN_TRY(call(XenstoreOp::TransactionStart, {nul}, Transaction::none));
    std::uint32_t id = 0;
    std::from_chars(text.data(), text.data() + text.size(), id);
    return static_cast<Transaction>(id);
}

Result<> Client::commit(Transaction transaction) {
    XEN_TRY(call(XenstoreOp::TransactionEnd, {"T", nul}, transaction));
    return {};
}

Result<> Client::abort(Transaction transaction) {
    XEN_TRY(call(XenstoreOp::TransactionEnd, {"F", nul}, transaction));
    return {};
}

Result<> Client::watch(std::string_view path, std::string_view token) {
    XEN_TRY(call(XenstoreOp::Watch, {path, nul, token, nul}, Transaction::none));
    return {};
}

Result<> Client::unwatch(std::string_view path, std::string_view token) {
    XEN_TRY(call(XenstoreOp::Unwatch, {path, nul, token, nul}, Transaction::none));
    return {};
}

Result<std::optional<WatchEvent>> Client::next_event(int timeout_ms) {
    XEN_TRY(flush());
    for (;;) {
        // Whole messages that are here already can only be events: nothing is outstanding.
        while (events_.empty() && in_.size() - used_ >= sizeof(abi::XsdSockmsg)) {
            abi::XsdSockmsg header{};
            std::memcpy(&header, in_.data() + used_, sizeof header);
            if (in_.size() - used_ < sizeof header + header.len) break;
            auto reply = XEN_TRY(message());
            auto const end = reply.payload.find('\0');
            if (reply.type != XenstoreOp::WatchEvent || end == std::string::npos)
                return fail(EPROTO, "xenstore: bad event");
            events_.push_back({reply.payload.substr(0, end), std::string(reply.payload.c_str() + end + 1)});
        }
        if (!events_.empty()) {
            auto event = std::move(events_.front());
            events_.pop_front();
            return event;
        }
        auto filled = fill(timeout_ms);
        if (!filled && filled.error().code == ETIMEDOUT) return std::nullopt;
        if (!filled) return std::unexpected(filled.error());
    }
}

Result<> Client::introduce(xen::DomId domain, xen::Frame ring, xen::Port port) {
    XEN_TRY(call(XenstoreOp::Introduce, {number(domain.value), nul, number(ring.value), nul, number(port.value), nul},
                 Transaction::none));
    return {};
}

Result<> Client::release(xen::DomId domain) {
    XEN_TRY(call(XenstoreOp::Release, {number(domain.value), nul}, Transaction::none));
    return {};
}

} // namespace store
