// SPDX-License-Identifier: Apache-2.0
// RDMSR and WRMSR of paravirtual guests.
#include "x86/pv/emulate/msr.hpp"

#include "base/log.hpp"
#include "x86/instructions.hpp"
#include "x86/machine/cpu/cpu.hpp"
#include "x86/pv/policy/cpuid.hpp"
#include "x86/pv/guest_copy.hpp"

namespace px::pv {

namespace {

/// SDM volume 4, chapter 2; APM volume 2, appendix A.
namespace msr {
constexpr u32 tsc = 0x10, platform_id = 0x17, apic_base = 0x1b, microcode = 0x8b, platform_info = 0xce, mtrr_cap = 0xfe,
              arch_capabilities = 0x10a, misc_enable = 0x1a0, energy_perf_bias = 0x1b0, pat = 0x277, mtrr_def_type = 0x2ff,
              efer = 0xc0000080, fs_base = 0xc0000100, gs_base = 0xc0000101, kernel_gs_base = 0xc0000102,
              tsc_aux = 0xc0000103, k8_syscfg = 0xc0010010, k8_hwcr = 0xc0010015, mmio_conf_base = 0xc0010058,
              pstate_limit = 0xc0010061, pstate_status = 0xc0010063;
} // namespace msr

constexpr u64 efer_guest_bits = 0xd01; // SCE, LME, LMA, NXE

/// Machine checks as guests see them: two banks without errors (the machine check architecture is in every policy).
constexpr u32 mcg_cap = 0x179, mcg_ctl = 0x17b, first_bank = 0x400, banks = 2;

bool is_machine_check(u32 index) {
    return (index >= mcg_cap && index <= mcg_ctl) || (index >= first_bank && index < first_bank + 4 * banks);
}

/// Control registers take anything, the status only what clears it.
bool write_machine_check(u32 index, u64 value) {
    if (index == mcg_cap) return false;
    const bool is_control = index == mcg_ctl || (index >= first_bank && index % 4 == 0);
    return is_control || value == 0;
}

/// Registers that only the hardware domain may read, as the host has them.
bool is_readable_by_hardware_domain(u32 index) {
    switch (index) {
    case msr::k8_syscfg: case msr::k8_hwcr: case msr::mmio_conf_base: case msr::misc_enable: case msr::platform_id:
    case msr::energy_perf_bias: case msr::pstate_limit: case msr::pstate_status: case msr::mtrr_cap:
    case msr::mtrr_def_type: return true;
    default: return index >= 0x200 && index <= 0x26f; // MTRRs
    }
}

} // namespace

bool has_tsc_aux(const PvVcpu& vcpu) {
    const CpuPolicy& policy = *vcpu.pv_domain().policy;
    constexpr u32 rdtscp = 1u << 27, rdpid = 1u << 22;
    return (policy.extended[1].d & rdtscp) || (policy.feature[0].c & rdpid);
}

bool set_tsc_aux(PvVcpu& vcpu, u64 value) {
    if (value >> 32) return false;
    vcpu.tsc_aux = static_cast<u32>(value);
    if (&vcpu == current_or_null() && x86::cpu_features.has_tsc_aux()) x86::load_tsc_aux(vcpu.tsc_aux);
    return true;
}

bool read_msr(PvVcpu& vcpu, u32 index, u64& value) {
    switch (index) {
    case msr::fs_base: value = x86::rdfsbase(); return true;
    case msr::gs_base: value = x86::rdgsbase(); return true; // kernel mode: the kernel's
    case msr::kernel_gs_base: value = x86::rdmsr(msr::kernel_gs_base); return true;
    case msr::efer: value = x86::rdmsr(msr::efer) & efer_guest_bits; return true;
    case msr::tsc: value = x86::rdtsc(); return true;
    case msr::pat: value = abi::pv_pat; return true;
    case msr::apic_base: value = x86::rdmsr(msr::apic_base); return true;
    case msr::tsc_aux: value = vcpu.tsc_aux; return has_tsc_aux(vcpu);
    case msr::microcode: return x86::rdmsr_safe(msr::microcode, value);
    case msr::platform_info: value = vcpu.pv_domain().policy->platform_info; return value != 0;
    case msr::arch_capabilities: value = vcpu.pv_domain().policy->arch_capabilities; return value != 0;
    default:
        if (is_machine_check(index)) {
            value = index == mcg_cap ? banks : 0;
            return true;
        }
        return vcpu.domain.is_hardware_domain && is_readable_by_hardware_domain(index) && x86::rdmsr_safe(index, value);
    }
}

bool write_msr(PvVcpu& vcpu, u32 index, u64 value) {
    switch (index) {
    case msr::fs_base:
        if (!is_canonical(value)) return false;
        x86::wrfsbase(value);
        return true;
    case msr::gs_base:
        if (!is_canonical(value)) return false;
        x86::wrgsbase(value);
        return true;
    case msr::kernel_gs_base:
        if (!is_canonical(value)) return false;
        x86::wrmsr(msr::kernel_gs_base, value);
        return true;
    case msr::tsc_aux: return has_tsc_aux(vcpu) && set_tsc_aux(vcpu, value);
    case msr::efer: case msr::pat: case msr::apic_base: {
        u64 old; // what changes nothing is accepted
        return read_msr(vcpu, index, old) && old == value;
    }
    default: {
        if (is_machine_check(index)) return write_machine_check(index, value);
        u64 old;
        if (read_msr(vcpu, index, old) && old == value) return true;
        log::write(log::Level::Debug, log::Source::Guest, "d{}v{} may not write MSR {:#x}", vcpu.domain.id, vcpu.id, index);
        return false;
    }
    }
}

} // namespace px::pv
