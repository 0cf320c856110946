// SPDX-License-Identifier: Apache-2.0
// Debug registers of paravirtual vCPUs (SDM volume 3, 18.2).
#pragma once

#include "base/result.hpp"
#include "x86/pv/pv_vcpu.hpp"

namespace px::pv {

/// Local and global enable bits of the four breakpoints.
inline constexpr u64 dr7_enables = 0xff;

/// False for what a guest may not set: general detect, I/O breakpoints (CR4.DE semantics), upper bits.
constexpr bool is_valid_dr7(u64 value) {
    if (value >> 32 || (value & 1u << 13)) return false;
    for (unsigned i = 0; i < 4; ++i)
        if ((value >> (2 * i) & 3) != 0 && (value >> (16 + 4 * i) & 3) == 2) return false;
    return true;
}
/// Reserved bits as the CPU has them.
constexpr u64 normal_dr7(u64 value) { return (value & ~u64{0xd800}) | 0x400; }

/// Sets register `number` (4 and 5 are 6 and 7) and, if the vCPU is current, the CPU's. Errors: Perm, Invalid.
Result<> set_debug_register(PvVcpu& vcpu, unsigned number, u64 value);
Result<u64> get_debug_register(const PvVcpu& vcpu, unsigned number);
/// The guest's debug registers into the CPU: only when a breakpoint is enabled.
void load_debug_registers(const PvVcpu& vcpu);

} // namespace px::pv
