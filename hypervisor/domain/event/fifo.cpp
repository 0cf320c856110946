// SPDX-License-Identifier: Apache-2.0
// FIFO events: pending, linking, unmasking. The guest can write every word at any time: nothing here trusts them. A
// guest that goes by the rules loses none: tests/models/fifo.pml.
#include "domain/event/fifo.hpp"

namespace px::event::fifo {
namespace {

constexpr u32 bit(unsigned n) { return 1u << n; }
constexpr u32 pending = bit(abi::fifo_pending_bit);
constexpr u32 masked = bit(abi::fifo_masked_bit);
constexpr u32 linked = bit(abi::fifo_linked_bit);

/// Event word of a port; null while the guest has not made room for it.
u32* word_of(const EventChannels& table, Port port) {
    constexpr u32 per_page = page_size / sizeof(u32);
    const u32 page = (port.raw() / per_page) % EventChannels::max_array_pages;
    u32* words = table.fifo_array[page].load(std::memory_order_acquire);
    return words ? &words[port.raw() % per_page] : nullptr;
}

/// Writes the link of the tail's word if the guest has not taken it off the queue yet. The guest may change the word
/// all the time: a bounded number of tries, after which only its own queue is wrong.
bool set_link(u32* tail, u32 link) {
    std::atomic_ref<u32> word(*tail);
    u32 old = word.load(std::memory_order_acquire);
    for (int tries = 0; tries < 64; ++tries) {
        if (!(old & linked)) return false;
        if (word.compare_exchange_weak(old, (old & ~abi::fifo_link_mask) | link, std::memory_order_seq_cst))
            return true;
    }
    return false;
}

FifoVcpu* fifo_vcpu(const EventChannels& table, u32 vcpu) {
    if (vcpu >= table.domain.max_vcpus) return nullptr;
    return table.fifo_vcpus[vcpu].load(std::memory_order_acquire);
}

/// Holds the queue an event goes to and the one it was last on.
class QueuePair {
  public:
    QueuePair(FifoQueue& a, FifoQueue& b) PX_NO_THREAD_SAFETY : first_(&a < &b ? a : b), second_(&a < &b ? b : a) {
        first_.lock.lock();
        if (&first_ != &second_) second_.lock.lock();
    }
    ~QueuePair() PX_NO_THREAD_SAFETY {
        if (&first_ != &second_) second_.lock.unlock();
        first_.lock.unlock();
    }
    QueuePair(const QueuePair&) = delete;
    QueuePair& operator=(const QueuePair&) = delete;

  private:
    IrqOff off_;
    FifoQueue& first_;
    FifoQueue& second_;
};

/// Appends; true if the queue's ready bit went from clear to set: the vCPU must be told.
bool append(EventChannels& table, FifoVcpu& control, u32 priority, FifoQueue& queue, Port port) PX_NO_THREAD_SAFETY {
    bool linked_to_tail = false;
    if (queue.tail != 0) {
        u32* tail = word_of(table, Port(queue.tail));
        linked_to_tail = tail && set_link(tail, port.raw());
    }
    if (!linked_to_tail)
        std::atomic_ref<u32>(control.control->head[priority]).store(port.raw(), std::memory_order_release);
    queue.tail = port.raw();
    if (linked_to_tail) return false;
    return !(std::atomic_ref<u32>(control.control->ready).fetch_or(bit(priority), std::memory_order_seq_cst) &
             bit(priority));
}

/// Puts a pending, unmasked event on its queue.
void link(EventChannels& table, Port port, Channel& channel, u32* word) PX_NO_THREAD_SAFETY {
    const u32 vcpu = channel.vcpu.load(std::memory_order_relaxed);
    const u32 priority = channel.priority.load(std::memory_order_relaxed) % abi::fifo_max_queues;
    FifoVcpu* target = fifo_vcpu(table, vcpu);
    if (!target) {
        channel.was_pending.store(true, std::memory_order_release);
        return;
    }
    const u32 key = queue_key(vcpu, priority);
    bool notify = false;
    // The last queue can change under us when another CPU links the same event; then its link is ours too.
    for (int tries = 0; tries < 3; ++tries) {
        const u32 last_key = channel.last_queue.load(std::memory_order_acquire);
        FifoVcpu* last = fifo_vcpu(table, last_key >> 8);
        FifoQueue& queue = target->queues[priority];
        FifoQueue& last_queue = last ? last->queues[last_key & 0xf] : queue;
        QueuePair queues(queue, last_queue);
        if (channel.last_queue.load(std::memory_order_acquire) != last_key) continue;
        if (std::atomic_ref<u32>(*word).fetch_or(linked, std::memory_order_seq_cst) & linked) return; // queued already
        // It left its old queue, or it could not have been unlinked: it must not serve as a tail there any more.
        if (last_key != key && last_queue.tail == port.raw()) last_queue.tail = 0;
        // Being last on this very queue with its link cleared means that the queue is empty.
        if (last_key == key && queue.tail == port.raw()) queue.tail = 0;
        channel.last_queue.store(key, std::memory_order_release);
        notify = append(table, *target, priority, queue, port);
        break;
    }
    if (notify) table.domain.vcpus[vcpu]->mark_events_pending();
}

} // namespace

void set_pending(EventChannels& table, Port port, Channel& channel) {
    u32* word = word_of(table, port);
    if (!word) {
        channel.was_pending.store(true, std::memory_order_release);
        return;
    }
    std::atomic_ref<u32> ref(*word);
    ref.fetch_or(pending, std::memory_order_seq_cst);
    if (!(ref.load(std::memory_order_seq_cst) & (masked | linked))) link(table, port, channel, word);
}

void unmask(EventChannels& table, Port port, Channel& channel) {
    u32* word = word_of(table, port);
    if (!word) return;
    std::atomic_ref<u32> ref(*word);
    ref.fetch_and(~masked, std::memory_order_seq_cst);
    if (ref.load(std::memory_order_seq_cst) & pending) set_pending(table, port, channel);
}

bool is_pending(EventChannels& table, Port port) {
    u32* word = word_of(table, port);
    return word && (std::atomic_ref<u32>(*word).load(std::memory_order_acquire) & pending);
}

void clear_pending(EventChannels& table, Port port) {
    // It stays linked if it is: the guest takes it off the queue and finds nothing pending.
    if (u32* word = word_of(table, port)) std::atomic_ref<u32>(*word).fetch_and(~pending, std::memory_order_seq_cst);
}

bool is_masked(EventChannels& table, Port port) {
    u32* word = word_of(table, port);
    return !word || (std::atomic_ref<u32>(*word).load(std::memory_order_acquire) & masked);
}

} // namespace px::event::fifo
