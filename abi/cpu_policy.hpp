// SPDX-License-Identifier: Apache-2.0
// Serialised CPU policies: CPUID leaves and MSR values (public/arch-x86/xen.h).
#pragma once

#include "abi/types.hpp"

namespace abi {

/// subleaf value of a leaf that has none.
inline constexpr uint32_t cpuid_no_subleaf = 0xffffffff;

/// Output of CPUID for one leaf and subleaf.
struct CpuidLeaf {
    uint32_t leaf, subleaf;
    uint32_t a, b, c, d;
};
static_assert(sizeof(CpuidLeaf) == 24);
static_assert(offsetof(CpuidLeaf, d) == 20);

/// flags must be zero.
struct MsrEntry {
    uint32_t idx;
    uint32_t flags;
    uint64_t val;
};
static_assert(sizeof(MsrEntry) == 16);
static_assert(offsetof(MsrEntry, val) == 8);

} // namespace abi
