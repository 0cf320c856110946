// SPDX-License-Identifier: Apache-2.0
// The ring page of a domain.
#include "store/core/ring.hpp"

#include <algorithm>
#include <atomic>

namespace store {

namespace {

constexpr std::uint32_t ring_size = abi::xenstore_ring_size;

/// One read of a field that the domain may change at any time.
std::uint32_t load(std::uint32_t& field) { return std::atomic_ref{field}.load(std::memory_order_acquire); }
/// Orders all bytes copied before it: the domain's acquiring read of the index sees them.
void publish(std::uint32_t& field, std::uint32_t value) {
    std::atomic_ref{field}.store(value, std::memory_order_release);
}

} // namespace

void Ring::start(Domain& domain) {
    domain.consumed = published_consumed_ = load(page_->req_cons);
    domain.owed = published_owed_ = load(page_->rsp_prod);
    publish(page_->server_features, abi::xenstore_feature_reconnection | abi::xenstore_feature_error);
    publish(page_->error, static_cast<std::uint32_t>(abi::XenstoreRingError::None));
}

void Ring::follow(Server& server, Domain& domain) {
    published_consumed_ = load(page_->req_cons);
    published_owed_ = load(page_->rsp_prod);
    server.reset_streams(domain, published_consumed_, published_owed_);
}

void Ring::resume(Server& server, Domain& domain) {
    published_consumed_ = load(page_->req_cons);
    published_owed_ = load(page_->rsp_prod);
    std::uint32_t const unpublished = domain.consumed - published_consumed_;
    std::uint32_t const delivered = published_owed_ - domain.owed;
    if (unpublished > ring_size || delivered > domain.connection->pending().size()) return follow(server, domain);
    domain.connection->taken(delivered);
    domain.owed = published_owed_;
}

Ring::Pulled Ring::pull(Server& server, Domain& domain) {
    if (given_up_) return Pulled::Nothing;
    if (load(page_->req_cons) != published_consumed_ || load(page_->rsp_prod) != published_owed_)
        follow(server, domain);
    std::string& input = domain.connection->input;
    std::uint32_t available = load(page_->req_prod) - domain.consumed;
    if (available > ring_size) {
        give_up(abi::XenstoreRingError::RingIndex);
        return Pulled::Violation;
    }
    while (true) {
        Frame frame;
        auto const state = parse_frame(input, frame);
        if (state == FrameState::Complete) return Pulled::Message;
        if (state == FrameState::TooLong) {
            give_up(abi::XenstoreRingError::Protocol);
            return Pulled::Violation;
        }
        if (available == 0) return Pulled::Nothing;
        std::size_t const whole = input.size() < sizeof(Header) ? sizeof(Header) : sizeof(Header) + frame.header.len;
        std::uint32_t const at = abi::xenstore_mask_index(domain.consumed);
        std::uint32_t const count =
            std::min({available, static_cast<std::uint32_t>(whole - input.size()), ring_size - at});
        input.append(page_->req + at, count);
        domain.consumed += count;
        available -= count;
    }
}

bool Ring::deliver(Domain& domain) {
    auto const bytes = domain.deliverable();
    if (bytes.empty()) return false;
    std::uint32_t const used = domain.owed - load(page_->rsp_cons);
    if (used > ring_size) {
        give_up(abi::XenstoreRingError::RingIndex);
        return false;
    }
    auto const count = static_cast<std::uint32_t>(std::min<std::size_t>(bytes.size(), ring_size - used));
    if (count == 0) return false;
    std::uint32_t const at = abi::xenstore_mask_index(domain.owed);
    std::uint32_t const first = std::min(count, ring_size - at);
    std::memcpy(page_->rsp + at, bytes.data(), first);
    std::memcpy(page_->rsp, bytes.data() + first, count - first);
    domain.owed += count;
    published_owed_ = domain.owed;
    publish(page_->rsp_prod, domain.owed);
    // Orders our index before our next look at the domain's, as the domain does the other way round.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    domain.connection->taken(count);
    return true;
}

Ring::Pushed Ring::push(Domain& domain) {
    if (given_up_) return {false, false};
    bool notify = false;
    if (domain.consumed != published_consumed_) {
        published_consumed_ = domain.consumed;
        publish(page_->req_cons, domain.consumed);
        std::atomic_thread_fence(std::memory_order_seq_cst);
        notify = true;
    }
    while (deliver(domain)) notify = true;
    return {notify || given_up_, load(page_->req_prod) != domain.consumed};
}

void Ring::give_up(abi::XenstoreRingError why) {
    given_up_ = true;
    publish(page_->error, static_cast<std::uint32_t>(why));
}

bool Ring::wants_reset() const {
    return load(page_->connection) == static_cast<std::uint32_t>(abi::XenstoreConnection::Reconnect);
}

void Ring::restart(Domain& domain) {
    for (auto* const field : {&page_->req_cons, &page_->req_prod, &page_->rsp_cons, &page_->rsp_prod})
        publish(*field, 0);
    given_up_ = false;
    start(domain);
    publish(page_->connection, static_cast<std::uint32_t>(abi::XenstoreConnection::Connected));
}

} // namespace store
