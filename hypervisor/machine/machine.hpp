// SPDX-License-Identifier: Apache-2.0
// What the portable parts need of the machine. x86/machine implements it; host tests link a fake.
#pragma once

#include "base/bitmap.hpp"
#include "base/percpu.hpp"
#include "base/result.hpp"

namespace px::machine {

/// CPUs that run (constant after boot).
[[nodiscard]] unsigned cpu_count();
[[nodiscard]] const CpuMask& online_cpus();

/// Where a CPU sits. Cores are numbered within their socket.
struct CpuTopology {
    u32 core, socket, node;
};
[[nodiscard]] CpuTopology cpu_topology(CpuId cpu);
/// What the interrupt controllers and the firmware call a CPU.
struct CpuIdentity {
    u32 apic_id, acpi_id;
};
[[nodiscard]] CpuIdentity cpu_identity(CpuId cpu);
/// Shape of the sockets, as sysctl physinfo tells it.
struct HostShape {
    u32 threads_per_core, cores_per_socket;
};
[[nodiscard]] HostShape host_shape();
/// CPUID words for sysctl physinfo: leaves 1 (edx, ecx), 0x80000001 (edx, ecx), 0xd, 7 as public/sysctl.h lists them.
void hardware_capabilities(u32 (&words)[8]);

/// System time: nanoseconds since boot, monotonic and the same on all CPUs.
[[nodiscard]] Nanoseconds now();
/// Raw cycle counter.
[[nodiscard]] u64 cycles();
[[nodiscard]] u64 cycles_khz();
/// How a guest computes system time from the cycle counter (vcpu_time_info, public/xen.h):
/// ns = base_time + (((tsc - base_tsc) << shift) * multiplier >> 32).
struct TimeScale {
    u64 base_tsc;
    u64 base_time;
    u32 multiplier;
    s8 shift;
};
/// The same on all CPUs until time_scale_version() changes; if cycles_are_reliable() is false, this CPU's for the next
/// second or so.
[[nodiscard]] TimeScale time_scale();
/// Changes when the scale does: its rate is corrected, seldom; or the counter is given up.
[[nodiscard]] u32 time_scale_version();
/// True if the cycle counter was found to run at one rate and in step on all CPUs; it may turn false.
[[nodiscard]] bool cycles_are_reliable();
/// Wall clock at system time 0, nanoseconds since 1970 UTC; setting it is dom0's right (settime).
[[nodiscard]] u64 wall_clock_base();
void set_wall_clock_base(u64 nanoseconds);

/// Programs this CPU's one-shot timer; when it fires, SoftIrq::Timer is raised. never: switched off.
inline constexpr Nanoseconds never = INT64_MAX;
void set_deadline(Nanoseconds when);

/// Makes a CPU look at its soft interrupts (an IPI, unless it is this one).
void send_event_check(CpuId cpu);
/// Runs function(argument) on each CPU of the mask, this one included, and waits. Interrupts must be on.
void call_on(const CpuMask& mask, void (*function)(void*), void* argument);

/// Waits for an interrupt in the idle loop: enables interrupts and halts; returns with interrupts enabled.
/// Called with interrupts off after a last check for soft interrupts.
void halt();

/// First frame of 2 MiB number `piece` of the machine-to-physical table. Errors: Invalid where it has no memory.
[[nodiscard]] Result<Mfn> machphys_frame(u64 piece);

[[noreturn]] void power_off();
[[noreturn]] void reboot();

} // namespace px::machine
