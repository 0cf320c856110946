// SPDX-License-Identifier: Apache-2.0
// Model-specific registers that vCPUs of every kind have alike.
#include "x86/guest/msr.hpp"

#include "x86/instructions.hpp"
#include "x86/machine/cpu/cpu.hpp"
#include "x86/machine/cpu/cpu_features.hpp"
#include "x86/machine/cpu/cpuid_faulting.hpp"

namespace px::guest {

bool has_tsc_aux(const X86Vcpu& vcpu) {
    const CpuPolicy& policy = *vcpu.x86_domain().policy;
    return policy.has(x86::extended_1d::rdtscp) || policy.has(x86::leaf_7c::rdpid);
}

bool set_tsc_aux(X86Vcpu& vcpu, u64 value) {
    if (value >> 32) return false;
    vcpu.tsc_aux = static_cast<u32>(value);
    if (&vcpu == current_or_null() && x86::cpu_features.has_tsc_aux()) x86::load_tsc_aux(vcpu.tsc_aux);
    return true;
}

bool set_misc_features(X86Vcpu& vcpu, u64 value) {
    using namespace x86::cpuid_faulting;
    const bool has_faulting = (vcpu.x86_domain().policy->platform_info & platform_has_faulting) != 0;
    if ((value & ~(has_faulting ? misc_faulting : 0)) != 0) return false;
    vcpu.cpuid_faults = value != 0;
    return true;
}

} // namespace px::guest
