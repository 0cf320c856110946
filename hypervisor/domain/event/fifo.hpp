// SPDX-License-Identifier: Apache-2.0
// The FIFO event ABI: a queue per vCPU and priority, linked through words that the guest shares.
#pragma once

#include "domain/event/table.hpp"

namespace px {

/// One queue: the hypervisor appends, the guest takes from the head in its control block.
struct FifoQueue {
    SpinLock<LockRank::EventQueue> lock; ///< interrupts are off already (channel lock) or turned off
    u32 tail PX_GUARDED_BY(lock) = 0;    ///< last port appended, 0: none. Only a hint: the guest may have taken it
};

/// FIFO state of a vCPU.
struct FifoVcpu {
    abi::EvtchnFifoControlBlock* control; ///< in a frame of the guest with a Writable reference
    Mfn frame;
    FifoQueue queues[abi::fifo_max_queues];
};

namespace event::fifo {

/// Identity of a queue in Channel::last_queue.
constexpr u32 queue_key(u32 vcpu, u32 priority) { return vcpu << 8 | priority; }
void free_memory(EventChannels& table);

} // namespace event::fifo
} // namespace px
