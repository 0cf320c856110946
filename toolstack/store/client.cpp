// SPDX-License-Identifier: Apache-2.0
// The operations of a xenstore client.
#include "store/client.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fmt/format.h>

namespace store {

using abi::XenstoreOp;
using xen::fail;
using xen::Result;

namespace {

constexpr std::string_view nul("", 1);

std::string_view op_name(XenstoreOp op) {
    switch (op) {
    case XenstoreOp::Read: return "read";
    case XenstoreOp::Write: return "write";
    case XenstoreOp::Mkdir: return "mkdir";
    case XenstoreOp::Rm: return "remove";
    case XenstoreOp::SetPerms: return "set permissions of";
    case XenstoreOp::Directory: return "list";
    case XenstoreOp::Watch: return "watch";
    case XenstoreOp::Unwatch: return "unwatch";
    case XenstoreOp::GetPerms: return "read permissions of";
    case XenstoreOp::Introduce: return "introduce";
    case XenstoreOp::Release: return "release";
    case XenstoreOp::Control: return "control";
    case XenstoreOp::TransactionStart:
    case XenstoreOp::TransactionEnd: return "transaction";
    default: return "request";
    }
}

std::string number(std::uint64_t value) { return std::to_string(value); }

} // namespace

Result<Client> Client::open_socket() { return Client(XEN_TRY(Link::open_socket())); }

Result<Client> Client::open(std::chrono::milliseconds patience) {
    auto socket = Link::open_socket();
    if (!socket && Link::daemon_was_here()) socket = Link::wait_for_socket(Clock::now() + patience);
    if (socket) return Client(std::move(*socket));
    if (Link::daemon_was_here()) return std::unexpected(std::move(socket.error()));
    auto device = Link::open_device();
    if (!device) return fail(socket.error().code, socket.error().context + ", nor open /dev/xen/xenbus");
    return Client(std::move(*device));
}

Result<std::string> Client::call(XenstoreOp op, std::initializer_list<std::string_view> parts,
                                 Transaction transaction) {
    XEN_TRY(flush());
    XEN_TRY(post(op, parts, transaction));
    for (;;) {
        auto reply = answer_first();
        if (reply && *reply) return std::move(**reply);
        if (reply) continue;
        std::string context = "xenstore: " + std::string(op_name(op));
        if (parts.size() && op != XenstoreOp::TransactionStart && op != XenstoreOp::TransactionEnd)
            context += " " + std::string(parts.begin()->substr(0, parts.begin()->find('\0')));
        if (is_unreachable(reply.error())) context += ": " + reply.error().context;
        return fail(reply.error().code, std::move(context));
    }
}

Result<std::string> Client::read(std::string_view path, Transaction transaction) {
    return call(XenstoreOp::Read, {path, nul}, transaction);
}

std::optional<std::string> Client::get(std::string_view path, Transaction transaction) {
    auto value = read(path, transaction);
    return value ? std::optional(std::move(*value)) : std::nullopt;
}

Result<std::vector<std::expected<std::string, int>>> Client::ask_all(XenstoreOp op, std::span<std::string const> paths,
                                                                     Transaction transaction) {
    constexpr std::size_t batch = 40; // few enough for post() to leave the replies to us
    XEN_TRY(flush());
    std::vector<std::expected<std::string, int>> out;
    out.reserve(paths.size());
    for (std::size_t at = 0; at < paths.size(); at += batch) {
        auto const some = paths.subspan(at, std::min(batch, paths.size() - at));
        for (auto const& path : some) XEN_TRY(post(op, {path, nul}, transaction));
        for (auto const end = out.size() + some.size(); out.size() < end;) {
            auto reply = answer_first();
            if (reply && *reply) out.emplace_back(std::move(**reply));
            else if (!reply && is_unreachable(reply.error())) return std::unexpected(std::move(reply.error()));
            else if (!reply) out.emplace_back(std::unexpected(reply.error().code));
        }
    }
    return out;
}

Result<std::vector<std::optional<std::string>>> Client::get_all(std::span<std::string const> paths) {
    auto replies = XEN_TRY(ask_all(XenstoreOp::Read, paths));
    std::vector<std::optional<std::string>> out;
    out.reserve(replies.size());
    for (auto& reply : replies) out.push_back(reply ? std::optional(std::move(*reply)) : std::nullopt);
    return out;
}

/// Piece by piece; again from the start when the node changes meanwhile.
Result<std::string> Client::list_in_parts(std::string_view path, Transaction transaction) {
    constexpr int most_starts = 100;
    std::string names, generation;
    for (int starts = 1; starts <= most_starts;) {
        auto part = XEN_TRY(call(XenstoreOp::DirectoryPart, {path, nul, number(names.size()), nul}, transaction));
        auto const end = part.find('\0');
        if (end == std::string::npos) return fail(EPROTO, "xenstore: bad directory");
        auto const now = part.substr(0, end);
        if (generation.empty()) generation = now;
        if (now != generation) {
            generation.clear();
            names.clear();
            ++starts;
            continue;
        }
        auto const piece = std::string_view(part).substr(end + 1);
        bool const last = piece.empty() || piece.ends_with(std::string_view("\0\0", 2)) || piece == nul;
        names.append(last && !piece.empty() ? piece.substr(0, piece.size() - 1) : piece);
        if (last) return names;
    }
    return fail(EBUSY, fmt::format("xenstore: {} changes faster than it can be listed", path));
}

std::vector<std::string> Client::names_in(std::string_view payload) {
    std::vector<std::string> out;
    for (std::string_view rest = payload; !rest.empty();) {
        auto const end = rest.find('\0');
        if (end != 0) out.emplace_back(rest.substr(0, end));
        if (end == std::string_view::npos) break;
        rest.remove_prefix(end + 1);
    }
    return out;
}

Result<std::vector<std::string>> Client::list(std::string_view path, Transaction transaction) {
    auto payload = call(XenstoreOp::Directory, {path, nul}, transaction);
    if (!payload && payload.error().code == E2BIG) payload = list_in_parts(path, transaction);
    if (!payload) return std::unexpected(std::move(payload.error()));
    return names_in(*payload);
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
    std::uint32_t wire = 0;
    std::from_chars(text.data(), text.data() + text.size(), wire);
    // Ids of our own: another connection's transactions may have the same as those of this one.
    open_.push_back({++last_transaction_, wire});
    return static_cast<Transaction>(last_transaction_);
}

Result<> Client::end(Transaction transaction, std::string_view how) {
    auto const done = call(XenstoreOp::TransactionEnd, {how, nul}, transaction);
    std::erase_if(open_, [&](Open const& open) { return open.id == static_cast<std::uint32_t>(transaction); });
    if (!done) return std::unexpected(done.error());
    return {};
}

Result<> Client::commit(Transaction transaction) { return end(transaction, "T"); }

Result<> Client::abort(Transaction transaction) { return end(transaction, "F"); }

Result<> Client::watch(std::string_view path, std::string_view token) {
    XEN_TRY(call(XenstoreOp::Watch, {path, nul, token, nul}, Transaction::none));
    watches_.push_back({std::string(path), std::string(token)});
    return {};
}

Result<> Client::unwatch(std::string_view path, std::string_view token) {
    auto const done = call(XenstoreOp::Unwatch, {path, nul, token, nul}, Transaction::none);
    // Whatever the daemon says: a later connection must not have it again.
    std::erase_if(watches_, [&](WatchEvent const& known) { return known.path == path && known.token == token; });
    if (!done) return std::unexpected(done.error());
    return {};
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
