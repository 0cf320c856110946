// SPDX-License-Identifier: Apache-2.0
// A domain's table of event channels: the state that event_*.cpp share.
#pragma once

#include "domain/event/channels.hpp"

namespace px {

/// One event channel. Binding and closing take the table's lock and then the channel's; sending takes only the
/// channel's, so that events of different channels never wait for each other.
struct Channel {
    SpinLock<LockRank::EventChannel> lock; ///< always with interrupts off: physical interrupts send too
    std::atomic<u8> state_value{0};        ///< abi::EvtchnState; written with lock held
    std::atomic<u8> priority{abi::fifo_priority_default};
    std::atomic<bool> was_pending{false}; ///< FIFO: an event came before the guest made room for its word
    std::atomic<u32> vcpu{0};             ///< vCPU that is notified
    std::atomic<u32> last_queue{0};       ///< FIFO: the queue it was last linked on, see fifo::queue_key
    union {                               ///< by state; guarded by lock
        DomId unbound_remote;
        struct {
            Domain* domain;
            Port port;
        } remote;
        Pirq pirq;
        u32 virq;
    };

    Channel() : remote{nullptr, Port(0)} {}
    [[nodiscard]] abi::EvtchnState state() const {
        return static_cast<abi::EvtchnState>(state_value.load(std::memory_order_acquire));
    }
    void set_state(abi::EvtchnState s) { state_value.store(static_cast<u8>(s), std::memory_order_release); }
};
static_assert(sizeof(Channel) == 32);

struct FifoVcpu;

/// The channels of one domain, in pages of 128, in groups of 32 pages: made when first needed, freed with the domain.
class EventChannels {
  public:
    static constexpr u32 per_page = page_size / sizeof(Channel);
    static constexpr u32 pages_per_group = 32;
    static constexpr u32 group_count = abi::fifo_nr_channels / (per_page * pages_per_group);
    static constexpr u32 max_array_pages = abi::fifo_nr_channels * sizeof(u32) / page_size;
    static constexpr u32 pirqs_per_page = page_size / sizeof(u32);
    static constexpr u32 pirq_pages = 16;

    explicit EventChannels(Domain& owner) : domain(owner) {}

    Domain& domain;
    SpinLock<LockRank::Events> lock;
    std::atomic<bool> is_fifo{false};
    std::atomic<FifoVcpu*>* fifo_vcpus = nullptr;       ///< by vCPU, domain.max_vcpus entries
    std::atomic<u32*> fifo_array[max_array_pages] = {}; ///< pages of event words, mapped writable
    std::atomic<u32> fifo_array_pages{0};
    std::atomic<u32> teardown_port{1}; ///< where destroy() and reset() go on

    /// Makes the first channels, for a new table: tools ask for the status of ports from 0 on. Errors: NoMemory.
    Result<> make_first() PX_REQUIRES(lock);
    /// The channel of a port, null when it was never made. That of port 0 is closed for ever. Holds under speculation.
    [[nodiscard]] Channel* channel(Port port) const;
    /// A closed channel with the lowest free port, made if needed. Errors: NoSpace, NoMemory.
    Result<Port> allocate() PX_REQUIRES(lock);
    /// A channel that allocate() gave became closed again.
    void freed(Port port) PX_REQUIRES(lock);
    /// First port that can not exist (2-level or FIFO limit, and the domain's own limit).
    [[nodiscard]] u32 port_limit() const;
    /// One past the highest port whose channel was ever made.
    [[nodiscard]] u32 made_ports() const { return made_ports_.load(std::memory_order_acquire); }

    /// Channels that are not closed.
    [[nodiscard]] u32 open_channels() const PX_REQUIRES(lock) { return open_; }

    /// Port bound to a physical interrupt; 0 none. Lock-free: interrupt context reads it.
    [[nodiscard]] Port pirq_port(Pirq pirq) const;
    Result<> set_pirq_port(Pirq pirq, Port port) PX_REQUIRES(lock);
    void free_memory();

  private:
    struct Group {
        std::atomic<Channel*> pages[pages_per_group] = {};
        u8 used[pages_per_group] = {};
    };
    Channel* make_page(u32 page) PX_REQUIRES(lock);

    std::atomic<Group*> groups_[group_count] = {};
    std::atomic<u32*> pirq_ports_[pirq_pages] = {};
    std::atomic<u32> made_ports_{0};
    u32 open_ PX_GUARDED_BY(lock) = 0;
    u32 first_page_with_room_ = 0; ///< every page before it is full
};

namespace event {

/// Makes a port pending and notifies its vCPU. The channel is bound, or its lock is held. Any context.
void set_pending(Domain& domain, Port port, Channel& channel);
void set_pending_2l(Domain& domain, Port port, Channel& channel);
void unmask_2l(Domain& domain, Port port, Channel& channel);
/// The port is not pending any more: it is being closed, and who binds it next must not get an old event.
void clear_pending(Domain& domain, Port port, Channel& channel);
/// Closes with the table's lock held by nobody. Errors: Invalid for a closed port.
Result<> close_port(EventChannels& table, Port port);

namespace fifo {
void set_pending(EventChannels& table, Port port, Channel& channel);
void unmask(EventChannels& table, Port port, Channel& channel);
[[nodiscard]] bool is_pending(EventChannels& table, Port port);
void clear_pending(EventChannels& table, Port port);
[[nodiscard]] bool is_masked(EventChannels& table, Port port);
/// Back to 2-level: unmaps all pages. Errors: Restart if a channel was opened meanwhile (then close all again).
Result<> tear_down(EventChannels& table);
} // namespace fifo
} // namespace event
} // namespace px
