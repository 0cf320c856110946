// SPDX-License-Identifier: Apache-2.0
// A client's requests from the queue to their replies, over connections that may be lost in between.
#include "store/client.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>

namespace store {

using abi::XenstoreOp;
using xen::fail;
using xen::Result;

namespace {

constexpr std::size_t most_outstanding = 48; ///< their replies fit in any socket buffer, so that nobody waits for ever
/// A daemon that dies this often over one request would do so for ever.
constexpr unsigned most_repeats = 8;

int errno_of(std::string_view name) {
    for (auto const& error : abi::xenstore_errors)
        if (name == error.errstring) return error.errnum;
    return EINVAL;
}

bool only_reads(XenstoreOp op) {
    return op == XenstoreOp::Read || op == XenstoreOp::Directory || op == XenstoreOp::DirectoryPart ||
           op == XenstoreOp::GetPerms;
}

/// Doing it twice has succeeded if the first time did.
bool done_before(XenstoreOp op, int error) {
    return error == ENOENT && (op == XenstoreOp::Rm || op == XenstoreOp::Release || op == XenstoreOp::Unwatch);
}

} // namespace

bool is_unreachable(xen::Error const& error) {
    return error.code == ENOTCONN || error.code == ETIMEDOUT || error.code == EINTR || error.code == EPROTO;
}

/// A request of a transaction that is lost: reads see the store as it is, all else waits for the commit to fail. True
/// if the daemon is to answer it.
bool Client::lose(Pending& request, char* message) {
    if (only_reads(request.op)) {
        abi::XsdSockmsg header{};
        std::memcpy(&header, message, sizeof header);
        header.tx_id = 0;
        std::memcpy(message, &header, sizeof header);
        return true;
    }
    request.from = From::Client;
    request.error = request.op == XenstoreOp::TransactionEnd && message[sizeof(abi::XsdSockmsg)] == 'T' ? EAGAIN : 0;
    return false;
}

Result<> Client::post(XenstoreOp op, std::initializer_list<std::string_view> parts, Transaction transaction) {
    std::size_t length = 0;
    for (auto part : parts) length += part.size();
    if (length > abi::xenstore_payload_max) return fail(E2BIG, "xenstore: value too long");
    Pending request{.op = op, .in_transaction = transaction != Transaction::none};
    abi::XsdSockmsg header{static_cast<std::uint32_t>(op), 0, 0, static_cast<std::uint32_t>(length)};
    auto const id = static_cast<std::uint32_t>(transaction);
    auto const found = std::ranges::find(open_, id, &Open::id);
    if (found != open_.end()) header.tx_id = found->wire;
    auto const start = out_.size();
    out_.append(reinterpret_cast<char const*>(&header), sizeof header);
    for (auto part : parts) out_.append(part);
    if (request.in_transaction && found == open_.end()) {
        bool const lost = id <= last_lost_;
        if (!lost) request.from = From::Client, request.error = ENOENT;
        if (!lost || !lose(request, out_.data() + start)) out_.resize(start);
    }
    request.size = out_.size() - start;
    queue_.push_back(request);
    return queue_.size() - first_ >= most_outstanding ? flush() : Result<>{};
}

Result<> Client::post_write(std::string_view path, std::string_view value, Transaction transaction) {
    return post(XenstoreOp::Write, {path, std::string_view("", 1), value}, transaction);
}

Result<> Client::post_permissions(std::string_view path, std::string_view joined, Transaction transaction) {
    return post(XenstoreOp::SetPerms, {path, std::string_view("", 1), joined}, transaction);
}

/// Sends all requests; through the kernel's device, which drops what follows a message in one write(), only the first.
void Client::send_queue() {
    if (link_.is_device() && sent_ != answered_) return;
    auto const end = link_.is_device() ? answered_ + queue_[first_].size : out_.size();
    while (sent_ < end) {
        auto const done = link_.send(std::string_view(out_).substr(sent_, end - sent_));
        if (!done) { // receiving finds out as well, after what was answered before
            sent_ = end;
            return;
        }
        sent_ += *done;
    }
}

/// Takes one whole message from what has been received; false where there is none.
Result<bool> Client::take_message(Reply& reply) {
    std::string_view const have = std::string_view(in_).substr(used_);
    abi::XsdSockmsg header{};
    if (have.size() < sizeof header) return false;
    std::memcpy(&header, have.data(), sizeof header);
    if (header.len > 64 * 1024) return fail(EPROTO, "xenstore: senseless reply");
    if (have.size() < sizeof header + header.len) return false;
    reply = {static_cast<XenstoreOp>(header.type), std::string(have.substr(sizeof header, header.len))};
    used_ += sizeof header + header.len;
    if (used_ == in_.size()) {
        in_.clear();
        used_ = 0;
    }
    return true;
}

Result<> Client::keep_event(Reply const& event) {
    std::string_view const payload = event.payload;
    auto const end = payload.find('\0');
    if (event.type != XenstoreOp::WatchEvent || end == std::string_view::npos)
        return fail(EPROTO, "xenstore: bad event");
    auto const token = payload.substr(end + 1);
    events_.push_back({std::string(payload.substr(0, end)), std::string(token.substr(0, token.find('\0')))});
    return {};
}

/// The next reply of the daemon; watch events before it are kept.
Result<Client::Reply> Client::next_reply() {
    if (!link_) return fail(ENOTCONN, {});
    send_queue();
    for (Reply reply;;) {
        if (!XEN_TRY(take_message(reply))) {
            XEN_TRY(link_.receive_reply(in_));
            continue;
        }
        if (reply.type != XenstoreOp::WatchEvent) return reply;
        XEN_TRY(keep_event(reply));
    }
}

void Client::pop_request() {
    answered_ += queue_[first_].size;
    if (++first_ == queue_.size()) forget_queue();
}

void Client::forget_queue() {
    queue_.clear();
    out_.clear();
    first_ = answered_ = sent_ = 0;
}

/// Nobody waits any more for what is in the queue. Nonsense ends the connection; else it stays in step.
void Client::abandon(int code) {
    if (code == EPROTO) {
        lose_connection();
        return forget_queue();
    }
    out_.resize(sent_); // replies to what was sent may come yet
    auto left = sent_ - answered_;
    std::size_t kept = first_;
    for (; kept < queue_.size() && left > 0; ++kept) {
        left -= queue_[kept].size;
        queue_[kept].from = From::Nobody;
    }
    queue_.resize(kept);
    if (first_ == kept) forget_queue();
}

Result<std::optional<std::string>> Client::answer_first() {
    for (Deadline deadline;;) {
        if (Pending const request = queue_[first_]; request.from == From::Client) {
            pop_request();
            if (request.error != 0) return fail(request.error, "xenstore request");
            return std::string("OK\0", 3);
        }
        auto reply = next_reply();
        if (reply) {
            Pending const request = queue_[first_];
            pop_request();
            if (request.from == From::Nobody) return std::nullopt;
            if (reply->type != XenstoreOp::Error) return std::move(reply->payload);
            int const error = errno_of(std::string_view(reply->payload.c_str()));
            if (request.repeats && done_before(request.op, error)) return std::string("OK\0", 3);
            return fail(error, "xenstore request");
        }
        XEN_TRY(recover(std::move(reply.error()), deadline));
    }
}

/// After a failure to get a reply: connects again, or gives up all that is in the queue; then the error is why.
Result<> Client::recover(xen::Error error, Deadline& deadline) {
    if (error.code == ENOTCONN) {
        if (!deadline) deadline = patience_ends();
        auto back = reconnect(deadline);
        if (!back) forget_queue();
        return back;
    }
    if (error.code == ETIMEDOUT)
        error.context =
            fmt::format("xenstore: no answer for {} s, though xenstored is there (does it hang?)", reply_limit.count());
    abandon(error.code);
    return std::unexpected(std::move(error));
}

Result<> Client::flush() {
    while (first_ < queue_.size()) {
        auto const reply = answer_first();
        if (reply) continue;
        if (!first_error_) first_error_ = reply.error();
        if (is_unreachable(reply.error())) break;
    }
    if (!first_error_) return {};
    auto error = std::exchange(first_error_, std::nullopt);
    return std::unexpected(std::move(*error));
}

Deadline Client::patience_ends() const { return Clock::now() + (gave_up_ ? std::chrono::milliseconds(0) : patience_); }

void Client::lose_connection() {
    link_.close();
    in_.clear();
    used_ = 0;
    open_.clear();
    last_lost_ = last_transaction_;
}

/// What must be sent on a new connection: the watches, and what was not answered.
void Client::requeue() {
    std::string const bytes = std::exchange(out_, {});
    std::vector<Pending> const requests = std::exchange(queue_, {});
    std::size_t at = std::exchange(answered_, 0), next = std::exchange(first_, 0);
    sent_ = 0;
    for (auto const& [path, token] : watches_) {
        auto const payload = path + '\0' + token + '\0';
        abi::XsdSockmsg const header{static_cast<std::uint32_t>(XenstoreOp::Watch), 0, 0,
                                     static_cast<std::uint32_t>(payload.size())};
        out_.append(reinterpret_cast<char const*>(&header), sizeof header).append(payload);
        queue_.push_back({.op = XenstoreOp::Watch, .from = From::Nobody, .size = sizeof header + payload.size()});
    }
    for (; next < requests.size(); at += requests[next++].size) {
        Pending request = requests[next];
        if (request.from == From::Nobody) continue;
        if (request.from == From::Daemon) {
            auto const start = out_.size();
            out_.append(bytes, at, request.size);
            bool again = ++request.repeats <= most_repeats;
            if (!again || request.op == XenstoreOp::Control) {
                again = false;
                request.from = From::Client;
                request.error = ECONNRESET;
            }
            if (again && std::exchange(request.in_transaction, false)) again = lose(request, out_.data() + start);
            if (!again) {
                out_.resize(start);
                request.size = 0;
            }
        }
        queue_.push_back(request);
    }
}

Result<> Client::reconnect(Deadline deadline) {
    bool const was_device = link_.is_device();
    lose_connection();
    if (was_device) return fail(ENOTCONN, "xenstore: /dev/xen/xenbus gives nothing more");
    if (patience_ == patience_.zero()) return fail(ENOTCONN, "xenstore: xenstored has closed the connection");
    auto link = Link::wait_for_socket(deadline);
    if (!link && link.error().code == EINTR) return std::unexpected(std::move(link.error()));
    if (!link) {
        gave_up_ = true;
        return fail(ENOTCONN,
                    fmt::format("xenstore: xenstored is away and did not come back in time at {} (systemctl status "
                                "xenstored; xl doctor)",
                                socket_path()));
    }
    link_ = std::move(*link);
    gave_up_ = false;
    ++reconnections_;
    requeue();
    return {};
}

/// Sorts what has been received while nothing was outstanding: only events.
Result<> Client::keep_events() {
    for (Reply event; XEN_TRY(take_message(event));) XEN_TRY(keep_event(event));
    return {};
}

Result<std::optional<WatchEvent>> Client::next_event(int timeout_ms) {
    Deadline const deadline =
        timeout_ms < 0 ? Deadline{} : Deadline{Clock::now() + std::chrono::milliseconds(timeout_ms)};
    XEN_TRY(flush());
    for (;;) {
        if (auto kept = keep_events(); !kept) {
            abandon(kept.error().code);
            return std::unexpected(std::move(kept.error()));
        }
        if (!events_.empty()) {
            auto event = std::move(events_.front());
            events_.pop_front();
            return event;
        }
        auto received = link_ ? link_.receive(in_, deadline) : fail(ENOTCONN, {});
        if (received) continue;
        if (received.error().code == ETIMEDOUT) return std::nullopt;
        if (received.error().code != ENOTCONN) return std::unexpected(std::move(received.error()));
        auto back = reconnect(deadline);
        if (!back) {
            bool const waits = back.error().code == ENOTCONN && patience_ != patience_.zero() && !link_.is_device();
            if (waits && deadline && milliseconds_left(deadline) == 0) return std::nullopt;
            return std::unexpected(std::move(back.error()));
        }
        if (auto done = flush(); !done && done.error().code != ENOTCONN)
            return std::unexpected(std::move(done.error()));
    }
}

void Client::forget_events(std::string_view token) {
    std::erase_if(events_, [&](WatchEvent const& event) { return event.token == token; });
}

} // namespace store
