// SPDX-License-Identifier: Apache-2.0
// CPU policies: the CPUID leaves and MSR values a guest sees. Pure logic over leaves; no CPUID instruction in here.
#pragma once

#include "abi/cpu_policy.hpp"
#include "base/number.hpp"
#include "base/result.hpp"

#include <span>

namespace px::pv {

/// Registers after CPUID.
struct CpuidLeafValue {
    u32 a = 0, b = 0, c = 0, d = 0;
    friend bool operator==(const CpuidLeafValue&, const CpuidLeafValue&) = default;
};

/// A serialisable CPU policy: leaves by group, and the MSRs that belong to it.
struct CpuPolicy {
    static constexpr u32 basic_leaves = 0x16 + 1;
    static constexpr u32 extended_leaves = 0x22;
    static constexpr u32 cache_subleaves = 6, feature_subleaves = 2, topology_subleaves = 2, xstate_subleaves = 63;

    CpuidLeafValue basic[basic_leaves];         ///< leaves 0.. without subleaves (4, 7, 0xb, 0xd unused here)
    CpuidLeafValue cache[cache_subleaves];      ///< leaf 4
    CpuidLeafValue feature[feature_subleaves];  ///< leaf 7
    CpuidLeafValue topology[topology_subleaves]; ///< leaf 0xb
    CpuidLeafValue xstate[xstate_subleaves];    ///< leaf 0xd
    CpuidLeafValue extended[extended_leaves];   ///< leaves 0x80000000..
    u64 platform_info = 0;                      ///< MSR 0xce (bit 31: CPUID faulting)
    u64 arch_capabilities = 0;                  ///< MSR 0x10a
};

} // namespace px::pv
