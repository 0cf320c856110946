// SPDX-License-Identifier: Apache-2.0
// Performance counters for guests, hypercall xenpmu_op (public/pmu.h).
#pragma once

#include "abi/types.hpp"

namespace abi {

/// First argument of hypercall xenpmu_op.
enum class PmuOp : uint32_t {
    ModeGet = 0,
    ModeSet = 1,
    FeatureGet = 2,
    FeatureSet = 3,
    Init = 4,
    Finish = 5,
    LvtpcSet = 6,
    Flush = 7,
};

inline constexpr uint64_t pmu_mode_off = 0;
inline constexpr uint64_t pmu_mode_self = 1u << 0;
inline constexpr uint64_t pmu_mode_hv = 1u << 1;
inline constexpr uint64_t pmu_mode_all = 1u << 2;

/// Second argument of hypercall xenpmu_op.
struct PmuParams {
    struct {
        uint32_t maj;
        uint32_t min;
    } version;
    uint64_t val;
    uint32_t vcpu;
    uint32_t pad;
};
static_assert(sizeof(PmuParams) == 24);
static_assert(offsetof(PmuParams, pad) == 20);

} // namespace abi
