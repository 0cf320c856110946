// SPDX-License-Identifier: Apache-2.0
// Output side of a connection: replies, events, and events that wait.
#include "store/core/connection.hpp"

#include <algorithm>
#include <cerrno>

namespace store {

void Connection::taken(std::size_t count) {
    sent_ += count;
    delivered_ += count;
    while (!reply_ends_.empty() && reply_ends_.front() <= delivered_) reply_ends_.pop_front();
    if (sent_ == output_.size()) {
        output_.clear();
        sent_ = 0;
    } else if (sent_ > 65536) {
        output_.erase(0, sent_);
        sent_ = 0;
    }
    if (!deferred_.empty()) flush_deferred();
}

std::string& Connection::begin_reply() {
    reply_start_ = output_.size();
    output_.append(sizeof(Header), '\0');
    return output_;
}

void Connection::finish_reply(Header const& request) {
    Header reply = request;
    // A client takes a longer one for a broken daemon.
    if (output_.size() - reply_start_ - sizeof(Header) > payload_max) return fail_reply(request, E2BIG);
    reply.len = static_cast<std::uint32_t>(output_.size() - reply_start_ - sizeof(Header));
    std::memcpy(output_.data() + reply_start_, &reply, sizeof reply);
    produced_ += output_.size() - reply_start_;
    reply_ends_.push_back(produced_);
    mark_busy();
}

void Connection::fail_reply(Header const& request, int error) {
    output_.resize(reply_start_ + sizeof(Header));
    output_.append(error_name(error));
    output_ += '\0';
    Header reply = request;
    reply.type = static_cast<std::uint32_t>(Op::Error);
    finish_reply(reply);
}

std::int64_t Connection::kept_alive_bytes() const {
    std::int64_t oldest = copied_bytes;
    for (auto const& [id, transaction] : transactions) oldest = std::min(oldest, transaction->owner_copied());
    return copied_bytes - oldest;
}

std::int64_t Connection::transaction_bytes() const {
    std::int64_t bytes = 0;
    for (auto const& [id, transaction] : transactions) bytes += transaction->bytes();
    return bytes;
}

void Connection::event(Watch& watch, std::string_view changed, bool may_keep) {
    if (deferred_.empty() && output_.size() - sent_ < event_room()) return queue_event(watch, changed);
    bool const whole = changed == watch.path || !may_keep || deferred_.size() >= deferred_limit();
    Deferred event{&watch, whole ? std::string_view{} : changed};
    auto const [place, is_new] = deferred_set_.insert(std::move(event));
    if (!is_new) return;
    deferred_.push_back(place);
    deferred_bytes_ += bytes_of(*place);
}

void Connection::queue_event(Watch const& watch, std::string_view changed) {
    auto path = watch.event_path(changed);
    if (path.size() + watch.token.size() + 2 > payload_max) path = watch.given; // fits, since it came in one request
    auto const length = path.size() + watch.token.size() + 2;
    Header const header{static_cast<std::uint32_t>(Op::WatchEvent), 0, 0, static_cast<std::uint32_t>(length)};
    output_.append(reinterpret_cast<char const*>(&header), sizeof header);
    output_.append(path).push_back('\0');
    output_.append(watch.token).push_back('\0');
    produced_ += sizeof header + length;
    mark_busy();
}

void Connection::flush_deferred() {
    while (!deferred_.empty() && output_.size() - sent_ < event_room()) {
        auto const& [watch, path] = *deferred_.front();
        queue_event(*watch, path.empty() ? std::string_view{watch->path} : path);
        deferred_bytes_ -= bytes_of(*deferred_.front());
        deferred_set_.erase(deferred_.front());
        deferred_.pop_front();
    }
}

void Connection::forget_events(Watch& watch) {
    if (deferred_.empty()) return;
    std::erase_if(deferred_, [&](DeferredSet::const_iterator event) { return event->first == &watch; });
    std::erase_if(deferred_set_, [&](Deferred const& event) {
        if (event.first != &watch) return false;
        deferred_bytes_ -= bytes_of(event);
        return true;
    });
}

void Connection::clear_streams() {
    input.clear();
    output_.clear();
    sent_ = 0;
    delivered_ = produced_;
    reply_ends_.clear();
    deferred_.clear();
    deferred_set_.clear();
    deferred_bytes_ = 0;
}

void Connection::restore_output(std::string_view bytes) {
    output_.append(bytes);
    produced_ += bytes.size();
}

} // namespace store
