// SPDX-License-Identifier: Apache-2.0
// CR0 and CR4 as a paravirtual guest sees them, and as the CPU has them while it runs (SDM volume 3, 2.5).
#pragma once

#include "x86/machine/cpu/cpu.hpp"
#include "x86/pv/pv_vcpu.hpp"

namespace px::pv {

/// Of CR4, what the guest reads back as it wrote it; and of that, what changes the CPU.
inline constexpr x86::Cr4 cr4_of_guest = x86::cr4::tsd | x86::cr4::de | x86::cr4::osxsave | x86::cr4::fsgsbase;
inline constexpr x86::Cr4 cr4_in_force = x86::cr4::tsd | x86::cr4::de;

/// What of a value for CR4 the guest may own here: the rest is the hypervisor's, or not there.
inline x86::Cr4 owned_of_cr4(x86::Cr4 value) { return value & cr4_of_guest & (x86::host_cr4 | cr4_in_force); }
constexpr x86::Cr0 guest_cr0(const ControlRegisters& control) {
    using namespace x86::cr0;
    return protection | monitor | extension | numeric | write_protect | alignment | paging |
           (control.task_switched ? task_switched : x86::Cr0{});
}
constexpr x86::Cr4 guest_cr4(const ControlRegisters& control) {
    using namespace x86::cr4;
    return control.cr4 | pae | mce | osfxsr | osxmmexcpt;
}
/// What is in CR4 while the vCPU runs: RDTSC traps if its kernel wants that for user mode, or if its counter is
/// emulated.
inline x86::Cr4 real_cr4(const PvVcpu& vcpu) {
    const x86::Cr4 real = x86::host_cr4.without(cr4_in_force) | (vcpu.control.cr4 & cr4_in_force);
    return vcpu.pv_domain().time_stamp.is_emulated ? real | x86::cr4::tsd : real;
}

} // namespace px::pv
