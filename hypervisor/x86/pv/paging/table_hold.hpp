// SPDX-License-Identifier: Apache-2.0
// A page table whose check or teardown was interrupted, and the reference on it.
#pragma once

#include "memory/frame.hpp"

namespace px::pv {

class PvDomain;

/// Owns one typed reference on a frame that may be partial. One per vCPU: the next memory-management call of the vCPU
/// goes on with it or drops it.
struct TableHold {
    Frame* frame = nullptr;
    PvDomain* owner = nullptr; ///< of the frame, which keeps it from being freed
    u8 level = 0;

    [[nodiscard]] bool has(const Frame& f, unsigned l) const { return frame == &f && level == l; }
};

} // namespace px::pv
