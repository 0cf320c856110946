// SPDX-License-Identifier: Apache-2.0
// dom0_mem=: how much memory dom0 gets. Pure.
#pragma once

#include "base/number.hpp"

#include <string_view>

namespace px::guest::load {

/// "SIZE", "-SIZE" (all but that), "N%", "N%+SIZE", "N%-SIZE". Sizes without suffix are KiB.
struct Amount {
    bool is_set = false;
    bool is_negative = false;
    u32 percent = 0;
    u64 bytes = 0;
};

/// dom0_mem=[min:AMOUNT,][max:AMOUNT,][AMOUNT]
struct MemoryOption {
    Amount size, min, max;
};

/// False if it cannot be read; then `out` may be half changed.
bool parse_memory_option(std::string_view text, MemoryOption& out);

/// Frames of an amount, of `available` frames.
u64 frames_of(const Amount& amount, u64 available);

struct MemorySize {
    u64 frames;     ///< now
    u64 max_frames; ///< limit for later; ~0: none
};
/// Dom0's size, of so many frames that can be had. Without the option: all but a sixteenth, at most 128 MiB.
MemorySize memory_size(const MemoryOption& option, u64 available);

} // namespace px::guest::load
