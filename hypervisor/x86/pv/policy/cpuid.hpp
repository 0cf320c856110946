// SPDX-License-Identifier: Apache-2.0
// CPUID of paravirtual guests: the domain's policy, and the bits that depend on the moment.
#pragma once

#include "x86/guest/policy/cpu_policy.hpp"
#include "x86/pv/pv_vcpu.hpp"

namespace px::pv {

/// The host's policies. Constant after init_cpu_policies.
struct HostPolicies {
    CpuPolicy raw;  ///< as CPUID gives it
    CpuPolicy host; ///< what the hypervisor uses of it
    CpuPolicy pv;   ///< what a paravirtual guest may have at most, and has by default
};
extern HostPolicies host_policies;

/// Boot, after init_fpu: reads the host's policy and derives the others.
void init_cpu_policies();
/// What CPUID gives this vCPU.
CpuidLeafValue guest_cpuid(const PvVcpu& vcpu, u32 leaf, u32 subleaf);

} // namespace px::pv
