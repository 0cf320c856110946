// SPDX-License-Identifier: Apache-2.0
// Idle vCPUs: what a CPU runs when nothing else wants it.
#pragma once

#include "domain/vcpu.hpp"

namespace px::schedule {

/// Makes the idle vCPU of a CPU, in the idle domain. Null if there is no memory.
[[nodiscard]] Vcpu* make_idle_vcpu(CpuId cpu);

/// The idle loop of this CPU: runs soft interrupts, scrubs free frames, halts.
[[noreturn]] void idle_loop();

} // namespace px::schedule
