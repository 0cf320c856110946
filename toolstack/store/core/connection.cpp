// SPDX-License-Identifier: Apache-2.0
// Output side of a connection: replies, events, and events that wait.
#include "store/core/connection.hpp"

#include <algorithm>

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

void Connection::event(Watch& watch, std::string_view changed) {
    if (deferred_.empty() && output_.size() - sent_ < event_room()) return queue_event(watch, changed);
    Deferred event{&watch, changed};
    if (deferred_set_.contains(event)) return;
    if (deferred_.size() >= deferred_limit()) {
        event.second = watch.path;
        if (deferred_set_.contains(event)) return;
    }
    deferred_set_.insert(event);
    deferred_.push_back(std::move(event));
}

void Connection::queue_event(Watch const& watch, std::string_view changed) {
    auto const path = watch.event_path(changed);
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
        queue_event(*deferred_.front().first, deferred_.front().second);
        deferred_set_.erase(deferred_.front());
        deferred_.pop_front();
    }
}

void Connection::forget_events(Watch& watch) {
    if (deferred_.empty()) return;
    std::erase_if(deferred_, [&](Deferred const& event) { return event.first == &watch; });
    std::erase_if(deferred_set_, [&](Deferred const& event) { return event.first == &watch; });
}

void Connection::clear_streams() {
    input.clear();
    output_.clear();
    sent_ = 0;
    delivered_ = produced_;
    reply_ends_.clear();
    deferred_.clear();
    deferred_set_.clear();
}

void Connection::restore_output(std::string_view bytes) {
    output_.append(bytes);
    produced_ += bytes.size();
}

} // namespace store
