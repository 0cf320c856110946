// SPDX-License-Identifier: Apache-2.0
// Counters of known frequency, by which the TSC and the APIC timer are calibrated: HPET, ACPI PM timer, PIT.
#pragma once

#include "base/number.hpp"

namespace px::x86::clock {

/// A free-running counter that wraps at mask + 1.
struct Reference {
    const char* name = nullptr; ///< null: not there
    u64 hertz = 0;
    u64 mask = 0;
    u64 (*read)() = nullptr;
};

/// Each starts its counter; name is null if the machine has none.
Reference start_hpet();
Reference start_pm_timer();
Reference start_pit();

} // namespace px::x86::clock
