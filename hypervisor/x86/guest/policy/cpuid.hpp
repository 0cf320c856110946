// SPDX-License-Identifier: Apache-2.0
// CPUID of guests: the domain's policy, and the bits that depend on the moment.
#pragma once

#include "x86/guest/policy/cpu_policy.hpp"
#include "x86/guest/x86_vcpu.hpp"

namespace px::guest {

/// The host's policies. Constant after init_cpu_policies.
struct HostPolicies {
    CpuPolicy raw;  ///< as CPUID gives it
    CpuPolicy host; ///< what the hypervisor uses of it
    CpuPolicy pv;   ///< what a paravirtual guest may have at most, and has by default
};
extern HostPolicies host_policies;

/// Boot, after init_fpu: reads the host's policy and derives the others.
void init_cpu_policies();

/// What CPUID gives a vCPU of any kind. Its kind adds OSXSAVE in leaf 1, and the hypervisor's leaves 2, 4 and 5.
CpuidLeafValue common_cpuid(const X86Vcpu& vcpu, u32 leaf, u32 subleaf);
/// True if the domain sees the hypervisor's leaf with this number above the first.
[[nodiscard]] bool shows_hypervisor_leaf(const CpuPolicy& policy, u32 number);

} // namespace px::guest
