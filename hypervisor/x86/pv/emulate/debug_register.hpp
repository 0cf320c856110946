// SPDX-License-Identifier: Apache-2.0
// Debug registers of paravirtual vCPUs (SDM volume 3, 18.2).
#pragma once

#include "base/result.hpp"
#include "x86/pv/pv_vcpu.hpp"

namespace px::pv {

/// False for what a guest may not set: general detect, I/O breakpoints (CR4.DE semantics), upper bits.
constexpr bool is_valid_dr7(x86::Dr7 value) {
    using namespace x86::dr7;
    if (value.raw() >> 32 || value.has(general_detect)) return false;
    for (unsigned i = 0; i < 4; ++i)
        if (is_enabled(value, i) && access_of(value, i) == Access::Port) return false;
    return true;
}

/// Sets register `number` (4 and 5 are 6 and 7) and, if the vCPU is current, the CPU's. Errors: Perm, Invalid.
Result<> set_debug_register(PvVcpu& vcpu, unsigned number, u64 value);
Result<u64> get_debug_register(const PvVcpu& vcpu, unsigned number);
/// The guest's debug registers into the CPU: only when a breakpoint is enabled.
void load_debug_registers(const PvVcpu& vcpu);

} // namespace px::pv
