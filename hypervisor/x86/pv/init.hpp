// SPDX-License-Identifier: Apache-2.0
// The start of the part that runs paravirtual guests.
#pragma once

#include "base/percpu.hpp"

namespace px::pv {

/// Boot CPU: the domain factory, and what all CPUs have in common.
void init();
/// On each CPU: its ways in (STAR, LSTAR, SYSENTER, stubs) and fixups.
void init_cpu(CpuId cpu);

} // namespace px::pv
