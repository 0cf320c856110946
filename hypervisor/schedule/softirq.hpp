// SPDX-License-Identifier: Apache-2.0
// Soft interrupts: work that a CPU does on its way back to a guest or in its idle loop.
#pragma once

#include "base/percpu.hpp"

#include <atomic>

namespace px {

/// In the order in which they are handled. MachineCheck comes first: the guest that ran may have to end before it runs
/// elsewhere.
enum class SoftIrq : u8 { MachineCheck, Timer, Schedule, Scrub, Rcu, Tasklet, Count };

namespace softirq {

using Handler = void (*)();
/// Boot only.
void set_handler(SoftIrq which, Handler handler);
/// On this CPU.
void raise(SoftIrq which);
/// On any CPU; sends an event check when it is another and the soft interrupt is not pending there already.
void raise_on(CpuId cpu, SoftIrq which);
/// The same, and the event check is sent in any case: for who has waited long.
void raise_again(CpuId cpu, SoftIrq which);
/// Bits of this CPU; the entry code tests it before each return to a guest.
extern PerCpu<std::atomic<u64>> pending;
[[nodiscard]] inline bool is_pending() { return pending.here().load(std::memory_order_relaxed) != 0; }
/// Handles all that is pending on this CPU, with interrupts on. May not return: the Schedule handler can switch to
/// another vCPU. Called with an empty stack only (before the return to a guest, or in the idle loop).
void process();

} // namespace softirq
} // namespace px
