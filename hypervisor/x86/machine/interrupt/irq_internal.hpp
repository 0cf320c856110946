// SPDX-License-Identifier: Apache-2.0
// What the files of the interrupt layer share.
#pragma once

#include "x86/machine/interrupt/irq.hpp"

namespace px::x86::irq {

/// Finds a CPU and a vector there for an interrupt: `near`, if it has a free one, else the least used CPU. vector 0:
/// none.
[[nodiscard]] Descriptor::Place take_vector(Irq irq, CpuId near);
/// Takes a vector on this CPU: `same` if it is free there, else, unless only_same, any. vector 0: none.
[[nodiscard]] Descriptor::Place take_vector_on(Irq irq, CpuId cpu, u8 same, bool only_same);
void release_vector(Descriptor::Place& place);
/// Owner of a vector on this CPU.
[[nodiscard]] Irq vector_owner(u8 vector);

/// Counts an interrupt; true if there were so many lately that it is to be masked for a while. Lock held.
[[nodiscard]] bool is_storm(Descriptor& descriptor);
/// Sees to it that it is unmasked after the pause. Lock held.
void end_storm_later(Descriptor& descriptor);

} // namespace px::x86::irq
