// SPDX-License-Identifier: Apache-2.0
// Memory calls that several cases make; with those of grants.
#pragma once

#include "lib/grants.hpp"

namespace micro {

inline long memory(abi::MemoryOp command, void* op) { return call(abi::Hypercall::MemoryOp, command, op); }
inline abi::MemoryReservation reservation(u64* frames, u64 count = 1, u32 order = 0) {
    abi::MemoryReservation r{};
    r.extent_start.address = reinterpret_cast<u64>(frames);
    r.nr_extents = count;
    r.extent_order = order;
    r.domid = abi::domid_self;
    return r;
}
} // namespace micro
