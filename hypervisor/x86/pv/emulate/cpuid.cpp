// SPDX-License-Identifier: Apache-2.0
// CPUID of paravirtual guests: what their kind adds.
#include "abi/cpuid.hpp"
#include "x86/guest/policy/cpuid.hpp"
#include "x86/machine/cpu/cpu.hpp"
#include "x86/pv/emulate/emulate.hpp"

#include <bit>

namespace px::pv {

namespace {

CpuidLeafValue guest_cpuid(const PvVcpu& vcpu, u32 leaf, u32 subleaf) {
    const CpuPolicy& policy = *vcpu.pv_domain().policy;
    CpuidLeafValue value = common_cpuid(vcpu, leaf, subleaf);
    switch (leaf) {
    case 1:
        // OSXSAVE is on in the CPU whatever the guest has set: kernels take it for the hypervisor's word that XSAVE
        // works.
        if (policy.basic[0].a >= 1 && policy.has(x86::leaf_1c::xsave) && x86::host_cr4.has(x86::cr4::osxsave))
            value.c |= x86::leaf_1c::osxsave.raw();
        return value;
    case abi::cpuid_first_leaf + 2:
        if (!shows_hypervisor_leaf(policy, 2)) return {};
        return {1, abi::msr_hypercall_page, abi::cpuid_feat1_mmu_pt_update_preserve_ad, 0};
    case abi::cpuid_first_leaf + 5:
        if (!shows_hypervisor_leaf(policy, 5)) return {};
        return {0, static_cast<u32>(std::bit_width(max_frame.raw() - 1) + page_shift), 0, 0};
    default: return value;
    }
}

} // namespace

void emulate_cpuid(PvVcpu& vcpu, x86::Registers& r) {
    const CpuidLeafValue value = guest_cpuid(vcpu, static_cast<u32>(r.rax), static_cast<u32>(r.rcx));
    r.rax = value.a;
    r.rbx = value.b;
    r.rcx = value.c;
    r.rdx = value.d;
}

} // namespace px::pv
