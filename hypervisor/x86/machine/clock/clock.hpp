// SPDX-License-Identifier: Apache-2.0
// The host's time: beyond machine/machine.hpp, what the start code needs.
#pragma once

namespace px::x86 {

/// Boot CPU: chooses the platform timer and calibrates the TSC and the APIC timer by it; from here machine::now() runs.
void init_clocks();

/// Boot CPU, once all others run and interrupts are on: finds out whether all TSCs are in step, and begins to watch
/// their rate. From then on timers must be handled more often than the platform timer wraps.
void check_clocks();

} // namespace px::x86
