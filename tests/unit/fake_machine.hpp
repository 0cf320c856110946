// SPDX-License-Identifier: Apache-2.0
// A machine for host tests of the hypervisor's portable parts: a clock that the test moves, what was asked of the CPUs,
// and memory.
#pragma once

#include "base/number.hpp"
#include "machine/machine.hpp"

#include <map>
#include <vector>

namespace fake {

/// What the machine's functions answer and record. A test resets it first.
struct Machine {
    px::Nanoseconds now = 0;
    unsigned cpus = 1;
    std::map<px::u32, px::Nanoseconds> deadlines; ///< last set_deadline of each CPU
    std::vector<px::u32> event_checks;            ///< CPUs that got one
    px::u64 live_allocations = 0;
    px::u64 fail_allocations_after = ~0ull; ///< heap::allocate_bytes fails from then on
};
extern Machine machine;

} // namespace fake
