// SPDX-License-Identifier: Apache-2.0
// One client of the store: its byte streams, transactions and watches. Knows nothing of sockets or rings.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "store/core/watch.hpp"
#include "store/core/wire.hpp"
#include "store/tree/permissions.hpp"
#include "store/tree/transaction.hpp"

namespace store {

/// A client. The transport puts what it receives into `input` and sends pending(); the server handles
/// the requests in between.
class Connection {
  public:
    enum class Kind { Socket, Ring };
    /// Whenever bytes are queued, the connection adds itself to `busy` (once, until is_busy is cleared).
    Connection(Kind kind, Identity who, std::vector<Connection*>& busy) : kind{kind}, who{who}, busy_{busy} {}
    Connection(Connection const&) = delete;

    Kind const kind;
    Identity who;
    bool is_busy = false;      ///< stands in the list of connections with fresh output
    void* transport = nullptr; ///< of the daemon's own use
    std::string input;         ///< received, not yet handled; at most one message and what came with it
    std::map<std::uint32_t, std::unique_ptr<OpenTransaction>> transactions;
    std::uint32_t next_transaction = 1;
    std::vector<std::unique_ptr<Watch>> watches;
    std::int64_t watch_bytes = 0;
    std::int64_t copied_bytes = 0; ///< nodes that its changes of the live tree had to copy, since snapshots shared them
    /// The part of copied_bytes whose former nodes its own snapshots may keep alive.
    [[nodiscard]] std::int64_t kept_alive_bytes() const;

    /// Bytes for the client, in order.
    [[nodiscard]] std::string_view pending() const { return std::string_view{output_}.substr(sent_); }
    /// The transport has delivered the first `count` of them.
    void taken(std::size_t count);
    /// All bytes ever queued: grows by what each request adds.
    [[nodiscard]] std::uint64_t produced() const { return produced_; }
    /// Replies queued and not delivered whole.
    [[nodiscard]] std::size_t outstanding() const { return reply_ends_.size(); }

    /// Composes a reply in place: begin, append to the string, then finish or give up.
    [[nodiscard]] std::string& begin_reply();
    /// Refuses (E2BIG) a payload beyond the protocol's bound.
    void finish_reply(Header const& request);
    void fail_reply(Header const& request, int error);

    /// Queues a watch event, or remembers it while the client does not read: equal events then become
    /// one, and beyond a bound all events of one watch become one for the watched path itself. So no event
    /// is lost and memory stays bounded. `may_keep` false: the client's memory is used up, so only that one is kept.
    void event(Watch& watch, std::string_view changed, bool may_keep = true);
    /// Memory of what waits for the client: replies, events, and an unfinished request.
    [[nodiscard]] std::int64_t waiting_bytes() const {
        return static_cast<std::int64_t>(output_.size() - sent_ + input.size()) + deferred_bytes_;
    }
    /// Memory of its open transactions.
    [[nodiscard]] std::int64_t transaction_bytes() const;
    /// Forgets remembered events of a watch that is going away.
    void forget_events(Watch& watch);

    /// Forgets all bytes and events in both directions: the stream starts anew.
    void clear_streams();
    /// Journal recovery: takes over undelivered bytes.
    void restore_output(std::string_view bytes);

  private:
    void queue_event(Watch const& watch, std::string_view changed);
    void flush_deferred();
    void mark_busy() {
        if (!is_busy) busy_.push_back(this);
        is_busy = true;
    }
    [[nodiscard]] std::size_t event_room() const { return kind == Kind::Ring ? 8192 : 65536; }
    [[nodiscard]] std::size_t deferred_limit() const { return kind == Kind::Ring ? 1024 : 65536; }

    /// A watch, and the changed path; empty for the watched path itself, which needs no memory.
    using Deferred = std::pair<Watch*, std::string>;
    using DeferredSet = std::set<Deferred, std::less<>>;
    static std::int64_t bytes_of(Deferred const& event) {
        return static_cast<std::int64_t>(sizeof(Deferred) + 64 + event.second.size()); // 64: of set and deque
    }
    std::vector<Connection*>& busy_;
    std::string output_;
    std::size_t sent_ = 0;
    std::size_t reply_start_ = 0;
    std::uint64_t produced_ = 0;
    std::uint64_t delivered_ = 0;
    std::deque<std::uint64_t> reply_ends_;             // positions, as produced_ counts
    std::deque<DeferredSet::const_iterator> deferred_; // in the order they came
    DeferredSet deferred_set_;
    std::int64_t deferred_bytes_ = 0;
};

} // namespace store
