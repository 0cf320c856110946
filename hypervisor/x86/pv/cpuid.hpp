// SPDX-License-Identifier: Apache-2.0
// CPUID of paravirtual guests: the domain's policy, and the bits that depend on the moment.
#pragma once

#include "x86/pv/cpu_policy.hpp"
#include "x86/pv/pv_vcpu.hpp"

namespace px::pv {

/// Boot: reads the host's policy and derives the maximum and default policies of paravirtual guests.
void init_cpu_policies();
/// What CPUID gives this vCPU.
CpuidLeafValue guest_cpuid(const PvVcpu& vcpu, u32 leaf, u32 subleaf);

} // namespace px::pv
