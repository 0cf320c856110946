// SPDX-License-Identifier: Apache-2.0
// CR0.TS as a paravirtual guest sees it: the CPU has it while the vCPU runs.
#pragma once

#include "x86/pv/pv_vcpu.hpp"

namespace px::pv {

/// Sets or clears the current vCPU's, and the CPU's.
void set_task_switched(PvVcpu& vcpu, bool set);

} // namespace px::pv
