// SPDX-License-Identifier: Apache-2.0
// Debug registers of vCPUs (SDM volume 3, 18.2).
#pragma once

#include "base/number.hpp"
#include "x86/arch/debug.hpp"

namespace px::guest {

/// Debug registers as the guest set them; the kind has checked what its guests may set.
struct DebugRegisters {
    GuestVaddr address[4] = {};
    x86::Dr6 dr6 = x86::dr6::nothing;
    x86::Dr7 dr7 = x86::dr7::nothing;
};

/// Reserved bits as the CPU has them.
constexpr x86::Dr7 normal_dr7(x86::Dr7 value) { return value.without(x86::dr7::reserved) | x86::dr7::nothing; }
constexpr x86::Dr6 normal_dr6(x86::Dr6 value) { return (value & x86::dr6::sticky) | x86::dr6::nothing; }

} // namespace px::guest
