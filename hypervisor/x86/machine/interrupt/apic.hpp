// SPDX-License-Identifier: Apache-2.0
// The local APIC, in xAPIC or x2APIC mode (SDM volume 3, chapter 11).
#pragma once

#include "base/bitmap.hpp"
#include "base/number.hpp"

namespace px::x86::apic {

/// Vectors that the hypervisor uses itself; devices get 0x30 to 0xdf.
namespace vector {
inline constexpr u8 first_device = 0x30;
inline constexpr u8 last_device = 0xdf;
inline constexpr u8 timer = 0xf9;
inline constexpr u8 event_check = 0xfb;
inline constexpr u8 call_function = 0xfc;
inline constexpr u8 flush_tlb = 0xfd;
inline constexpr u8 error = 0xfe;
inline constexpr u8 spurious = 0xff;
} // namespace vector

/// Boot CPU: finds the mode, maps the registers. Then each CPU: enables its APIC, masks its LVTs, reads its id.
void init();
void init_cpu();
/// APIC id of this CPU, and of any CPU that has started.
[[nodiscard]] u32 own_id();
[[nodiscard]] u32 id_of(CpuId cpu);
void set_id_of(CpuId cpu, u32 apic_id);
[[nodiscard]] bool is_x2apic();

void end_of_interrupt();
/// A fixed interrupt to one CPU.
void send_ipi(CpuId cpu, u8 vector);
void send_ipi(const CpuMask& cpus, u8 vector);
/// To this CPU, also from an NMI: what it interrupted may be sending an interrupt itself.
void send_ipi_here(u8 vector);
/// Starting another CPU: INIT, and STARTUP with the page number of the trampoline.
void send_init(u32 apic_id);
void send_startup(u32 apic_id, u8 page);
/// NMI to all other CPUs: a panic stops them.
void send_nmi_to_others();

/// One-shot timer: fires `vector::timer` after so many nanoseconds (0: at once); calibrated by init_clocks. off:
/// stopped.
void set_timer(u64 nanoseconds);
void stop_timer();

} // namespace px::x86::apic
