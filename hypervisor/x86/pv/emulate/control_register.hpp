// SPDX-License-Identifier: Apache-2.0
// CR0 and CR4 as a paravirtual guest sees them, and as the CPU has them while it runs (SDM volume 3, 2.5).
#pragma once

#include "x86/machine/cpu/cpu.hpp"
#include "x86/pv/pv_vcpu.hpp"

namespace px::pv {

namespace cr0_bit {
inline constexpr u64 protection = 1u << 0, monitor = 1u << 1, task_switched = 1u << 3, extension = 1u << 4,
                     numeric = 1u << 5, write_protect = 1u << 16, alignment = 1u << 18, paging = 1u << 31;
} // namespace cr0_bit

namespace cr4_bit {
inline constexpr u64 tsd = 1u << 2, de = 1u << 3, pae = 1u << 5, mce = 1u << 6, pce = 1u << 8, osfxsr = 1u << 9,
                     osxmmexcpt = 1u << 10, umip = 1u << 11, fsgsbase = 1u << 16, osxsave = 1u << 18, smep = 1u << 20,
                     smap = 1u << 21;
/// What the guest reads back as it wrote it.
inline constexpr u64 guest_owned = tsd | de | osxsave | fsgsbase;
/// Of those, what changes the CPU.
inline constexpr u64 effective = tsd | de;
} // namespace cr4_bit

/// What of a value for CR4 the guest may own here: the rest is the hypervisor's, or not there.
inline u64 owned_of_cr4(u64 value) { return value & cr4_bit::guest_owned & (x86::host_cr4 | cr4_bit::effective); }
constexpr u64 guest_cr0(const ControlRegisters& control) {
    using namespace cr0_bit;
    return protection | monitor | extension | numeric | write_protect | alignment | paging |
           (control.task_switched ? task_switched : 0);
}
constexpr u64 guest_cr4(const ControlRegisters& control) {
    return control.cr4 | cr4_bit::pae | cr4_bit::mce | cr4_bit::osfxsr | cr4_bit::osxmmexcpt;
}
/// What is in CR4 while the vCPU runs: RDTSC traps if its kernel wants that for user mode, or if its counter is
/// emulated.
inline u64 real_cr4(const PvVcpu& vcpu) {
    return (x86::host_cr4 & ~cr4_bit::effective) | (vcpu.control.cr4 & cr4_bit::effective) |
           (vcpu.pv_domain().time_stamp.is_emulated ? cr4_bit::tsd : 0);
}

} // namespace px::pv
