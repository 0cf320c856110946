// SPDX-License-Identifier: Apache-2.0
// An index that a guest chose, behind a check of it: inside its array also where the CPU guesses the check's result.
#pragma once

#include "base/number.hpp"

namespace px {

/// `index` if it is below `size`, else 0; computed without a branch, which could be guessed. size < 2^63.
[[nodiscard]] inline u64 bounded(u64 index, u64 size) {
    // The compiler knows from the check before that the index is in range, and would leave all of this out; and it
    // might choose by a branch, if it saw that the mask is all ones or none.
    asm("" : "+r"(index));
    const u64 is_below = index - size, is_huge = index; // in their sign bits
    u64 mask = static_cast<u64>(static_cast<s64>(is_below & ~is_huge) >> 63);
    asm("" : "+r"(mask));
    return index & mask;
}

} // namespace px
