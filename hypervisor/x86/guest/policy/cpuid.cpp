// SPDX-License-Identifier: Apache-2.0
// CPUID of guests.
#include "x86/guest/policy/cpuid.hpp"

#include "abi/cpuid.hpp"
#include "abi/domctl.hpp"
#include "machine/machine.hpp"
#include "x86/guest/fpu.hpp"
#include "x86/guest/msr.hpp"
#include "x86/instructions.hpp"
#include "x86/machine/cpu/cpuid_faulting.hpp"

namespace px::guest {

HostPolicies host_policies;

namespace {

constexpr u32 xen_version_number = 0x00040011; // 4.17

CpuidLeafValue host_leaf(u32 leaf, u32 subleaf) {
    const x86::CpuidResult r = x86::cpuid(leaf, subleaf);
    return {r.eax, r.ebx, r.ecx, r.edx};
}

/// Leaf +3: how the guest's time stamp counter behaves.
CpuidLeafValue time_leaf(const X86Vcpu& vcpu, u32 subleaf) {
    const X86Domain& domain = vcpu.x86_domain();
    const TimeStamp& t = domain.time_stamp;
    const u32 host_khz = static_cast<u32>(machine::cycles_khz());
    switch (subleaf) {
    case 0: {
        const u32 flags = (t.is_emulated ? abi::cpuid_tsc_emulated : 0) |
                          (has_tsc_aux(vcpu) ? abi::cpuid_tsc_rdtscp : 0) |
                          (machine::cycles_are_reliable() ? abi::cpuid_tsc_host_reliable : 0);
        return {flags, domain.tsc_mode, t.is_emulated ? t.khz : host_khz, t.incarnation};
    }
    case 1: {
        const machine::TimeScale scale = domain.own_time_scale ? *domain.own_time_scale : machine::time_scale();
        const u64 start = t.is_emulated ? static_cast<u64>(t.start) : 0;
        return {static_cast<u32>(start), static_cast<u32>(start >> 32), scale.multiplier,
                static_cast<u32>(static_cast<s32>(scale.shift))};
    }
    case 2: return {host_khz, 0, 0, 0};
    default: return {};
    }
}

u32 hypervisor_leaf_limit(const CpuPolicy& policy) {
    const u32 own_limit = policy.hypervisor_limit & 0xff;
    return own_limit != 0 && own_limit < abi::cpuid_max_num_leaves ? own_limit : abi::cpuid_max_num_leaves;
}

CpuidLeafValue hypervisor_leaf(const X86Vcpu& vcpu, u32 number, u32 subleaf) {
    const u32 limit = hypervisor_leaf_limit(*vcpu.x86_domain().policy);
    if (number > limit) return {};
    switch (number) {
    case 0:
        return {abi::cpuid_hypervisor_leaf(limit), abi::cpuid_signature_ebx, abi::cpuid_signature_ecx,
                abi::cpuid_signature_edx};
    case 1: return {xen_version_number, 0, 0, 0};
    case 3: return time_leaf(vcpu, subleaf);
    default: return {};
    }
}

/// Size of the standard-format area for the components in xcr0.
u32 xsave_bytes(const CpuPolicy& policy, u64 xcr0) {
    u32 size = 576;
    for (u32 i = 2; i < CpuPolicy::xstate_subleaves; ++i)
        if ((xcr0 >> i & 1) && policy.xstate[i].a + policy.xstate[i].b > size)
            size = policy.xstate[i].a + policy.xstate[i].b;
    return size;
}

} // namespace

void init_cpu_policies() {
    read_policy(host_policies.raw, &host_leaf);
    // Guests have the architecture's MSRs for it whatever the CPU's own way is.
    host_policies.raw.platform_info = x86::cpuid_faulting::is_on() ? x86::cpuid_faulting::platform_has_faulting : 0;
    host_policies.host = host_policies.raw;
    host_policies.pv = host_policies.raw;
    limit_to_pv(host_policies.pv, fpu_layout.components);
}

bool shows_hypervisor_leaf(const CpuPolicy& policy, u32 number) { return number <= hypervisor_leaf_limit(policy); }

CpuidLeafValue common_cpuid(const X86Vcpu& vcpu, u32 leaf, u32 subleaf) {
    const CpuPolicy& policy = *vcpu.x86_domain().policy;
    if (leaf - abi::cpuid_first_leaf < 0x100) return hypervisor_leaf(vcpu, leaf - abi::cpuid_first_leaf, subleaf);
    if (leaf >= CpuPolicy::extended_base ? leaf > policy.extended[0].a : leaf > policy.basic[0].a) return {};
    const CpuidLeafValue* const found = policy.find(leaf, subleaf);
    if (!found) return {};
    CpuidLeafValue value = *found;
    switch (leaf) {
    case 1:
        value.b = x86::leaf_1b::ApicId::put(x86::Leaf1B(value.b), vcpu.id.raw() * 2).raw();
        value.c &= ~x86::leaf_1c::osxsave.raw();
        break;
    case 0xb:
        value.c = subleaf & 0xff;
        value.d = vcpu.id.raw() * 2;
        break;
    case 0xd:
        if (subleaf == 0 && value.a != 0) value.b = xsave_bytes(policy, vcpu.xcr0);
        break;
    default: break;
    }
    return value;
}

} // namespace px::guest
