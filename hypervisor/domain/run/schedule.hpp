// SPDX-License-Identifier: Apache-2.0
// Scheduling of vCPUs: what domains, hypercalls and the context switch use.
#pragma once

#include "domain/vcpu.hpp"

namespace px::schedule {

/// Boot CPU: handlers, timers, run queue.
void init();
/// Before the CPU runs: makes its idle vCPU.
void init_cpu(CpuId cpu);

/// The guest-visible name and number of this scheduler: it answers as credit2.
inline constexpr const char* scheduler_name = "SMP Credit Scheduler rev2";

/// Gives a new vCPU (affinity set, flags down) to the scheduler. Errors: NoMemory.
Result<> add_vcpu(Vcpu& vcpu);
/// Takes it back before it goes away: it is down or its domain paused, and runs nowhere.
void remove_vcpu(Vcpu& vcpu);
/// Its reasons to run or not to run (flags, pause counts) have changed. Any context.
void update(Vcpu& vcpu);
/// The current vCPU gives way to others once.
void yield();
/// Restricts it to `hard` and lets it prefer `soft`; the vCPU's fields take both. Errors: Invalid when no CPU of hard
/// is online.
Result<> set_affinity(Vcpu& vcpu, const CpuMask& hard, const CpuMask& soft);
/// Weight of all vCPUs of a domain.
void set_weight(Domain& domain, u16 weight);
/// Limits what all vCPUs of a domain run together, in percent of one CPU; 0: no limit. Errors: NoMemory. Serialized by
/// the caller with other changes and with add_vcpu().
Result<> set_cap(Domain& domain, u16 percent);
[[nodiscard]] u16 cap_of(const Domain& domain);
/// Before the vCPUs of a domain that is freed go.
void free_cap(Domain& domain);
/// Consistent copy of its run state, time of the current state included.
void read_runstate(const Vcpu& vcpu, abi::VcpuRunstateInfo& out);

/// Called by context_switch() on the new vCPU's behalf, once `previous`'s registers are saved; interrupts may be off.
void switch_finished(Vcpu& previous);
/// Idle vCPU of a CPU (made by init_cpu).
[[nodiscard]] Vcpu& idle_vcpu(CpuId cpu);
/// Time a CPU has been idle, in nanoseconds.
[[nodiscard]] u64 idle_time(CpuId cpu);

/// Least time a vCPU runs before a waking one takes its CPU, in microseconds.
[[nodiscard]] u32 rate_limit_us();
void set_rate_limit_us(u32 us);

} // namespace px::schedule
