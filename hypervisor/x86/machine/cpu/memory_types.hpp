// SPDX-License-Identifier: Apache-2.0
// Memory type range registers (MTRRs): the firmware's, the same on every CPU (SDM volume 3, 12.11).
#pragma once

#include "base/number.hpp"

namespace px::x86::memory_types {

/// One variable range, in frames; `count` is 0 where the register is not in use.
struct Range {
    u64 first = 0, count = 0;
    u32 type = 0;
};

/// Number of variable ranges that this kind of CPU has.
u32 range_count();

/// What this CPU has in a variable range, number < range_count().
Range range(u32 number);

/// Notes what the boot CPU has. Once, before other CPUs start.
void note();

/// Gives this CPU, which has just started, what the boot CPU has, where that differs; interrupts are off. Two CPUs that
/// take the same memory for different types lose writes (12.11.8), and an INIT may have cleared this one's: TCG's does.
void take_over();

/// How many CPUs differed.
u32 differed();

} // namespace px::x86::memory_types
