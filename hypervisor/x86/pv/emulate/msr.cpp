// SPDX-License-Identifier: Apache-2.0
// RDMSR and WRMSR of paravirtual guests.
#include "x86/pv/emulate/msr.hpp"

#include "abi/cpuid.hpp"
#include "base/log.hpp"
#include "x86/instructions.hpp"
#include "x86/machine/cpu/cpu.hpp"
#include "x86/machine/cpu/cpu_features.hpp"
#include "x86/machine/cpu/cpuid_faulting.hpp"
#include "x86/machine/cpu/speculation.hpp"
#include "x86/pv/guest_copy.hpp"
#include "x86/pv/hypercall_page.hpp"
#include "x86/pv/policy/cpuid.hpp"

namespace px::pv {

namespace {

/// SDM volume 4, chapter 2; APM volume 2, appendix A; public/arch-x86/cpuid.h for the hypercall page.
namespace msr {
constexpr u32 tsc = 0x10, platform_id = 0x17, apic_base = 0x1b, microcode = 0x8b, platform_info = 0xce,
              arch_capabilities = 0x10a, misc_features = 0x140, misc_enable = 0x1a0, energy_perf_bias = 0x1b0,
              pat = 0x277, perf_capabilities = 0x345, efer = 0xc0000080, fs_base = 0xc0000100, gs_base = 0xc0000101,
              kernel_gs_base = 0xc0000102, tsc_aux = 0xc0000103;
/// AMD's.
constexpr u32 perf_control = 0xc0010000, syscfg = 0xc0010010, hwcr = 0xc0010015, iorr_base = 0xc0010016,
              top_mem = 0xc001001a, top_mem2 = 0xc001001d, nb_cfg = 0xc001001f, mmio_conf_base = 0xc0010058,
              pstate_limit = 0xc0010061, last_pstate = 0xc001006b, tseg_base = 0xc0010112, tseg_mask = 0xc0010113,
              perf_control_15h = 0xc0010200, de_cfg = 0xc0011029;
} // namespace msr

constexpr u64 efer_guest_bits = 0xd01; // SCE, LME, LMA, NXE

constexpr bool is_in(u32 index, u32 first, u32 last) { return index >= first && index <= last; }

/// Machine checks as guests see them: two banks without errors (the machine check architecture is in every policy). The
/// registers of further banks are there and do nothing.
constexpr u32 mcg_cap = 0x179, mcg_ctl = 0x17b, first_bank = 0x400, banks = 2, last_bank = 0x47f, first_ctl2 = 0x280,
              last_ctl2 = 0x29f;

constexpr bool is_machine_check(u32 index) {
    return is_in(index, mcg_cap, mcg_ctl) || is_in(index, first_bank, last_bank) || is_in(index, first_ctl2, last_ctl2);
}

/// Status, address and the rest of a bank of the guest's take only what clears them.
constexpr bool write_machine_check(u32 index, u64 value) {
    const bool clears_only = is_in(index, first_bank, first_bank + 4 * banks - 1) && index % 4 != 0;
    return !clears_only || value == 0;
}

/// IA32_MISC_ENABLE as a guest sees it: no performance monitoring, no MONITOR, no xTPR messages.
constexpr u64 guest_misc_enable(u64 host) {
    constexpr u64 perf_available = 1u << 7, bts_unavailable = 1u << 11, pebs_unavailable = 1u << 12, monitor = 1u << 18,
                  xtpr_disable = 1u << 23;
    return (host & ~(perf_available | monitor)) | bts_unavailable | pebs_unavailable | xtpr_disable;
}

/// Counters and P-states, which guests do not have: they read as 0 and take anything.
constexpr bool is_inert_amd(u32 index) {
    return is_in(index, msr::perf_control, msr::perf_control + 7) ||
           is_in(index, msr::perf_control_15h, msr::perf_control_15h + 11) ||
           is_in(index, msr::pstate_limit, msr::last_pstate);
}

bool has_vendor(x86::Vendor vendor) { return x86::cpu_features.vendor == vendor; }

/// Layout of the machine's memory, for the owner of the hardware to read.
bool is_readable_by_hardware_domain(u32 index) {
    switch (index) {
    case msr::syscfg:
    case msr::top_mem:
    case msr::top_mem2:
    case msr::nb_cfg:
    case msr::tseg_base:
    case msr::tseg_mask: return true;
    case msr::mmio_conf_base: return x86::cpu_features.family >= 0x10 && x86::cpu_features.family <= 0x17;
    default: return is_in(index, msr::iorr_base, msr::iorr_base + 3);
    }
}

bool read_amd_msr(const PvVcpu& vcpu, u32 index, u64& value) {
    value = 0;
    if (is_inert_amd(index) || index == msr::hwcr) return true;
    if (index == msr::de_cfg) {
        value = x86::speculation::lfence_waits() ? 1u << 1 : 0;
        return true;
    }
    return vcpu.domain.is_hardware_domain && is_readable_by_hardware_domain(index) && x86::rdmsr_safe(index, value);
}

bool write_amd_msr(const PvVcpu& vcpu, u32 index) {
    return is_inert_amd(index) || index == msr::hwcr || index == msr::de_cfg ||
           (index == msr::nb_cfg && vcpu.domain.is_hardware_domain);
}

bool refuse_write(const PvVcpu& vcpu, u32 index) {
    log::write(log::Level::Debug, log::Source::Guest, "d{}v{} may not write MSR {:#x}", vcpu.domain.id, vcpu.id, index);
    return false;
}

/// The page that the guest names, in the place of its number, gets the stubs.
bool write_hypercall_msr(PvVcpu& vcpu, u64 value) {
    return (value & ~page_mask) == 0 && init_hypercall_page(vcpu.pv_domain(), Gfn(value >> page_shift)).has_value();
}

bool write_base(u64 value, void (*write)(u64)) {
    if (!is_canonical(value)) return false;
    write(value);
    return true;
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

bool set_misc_features(PvVcpu& vcpu, u64 value) {
    using namespace x86::cpuid_faulting;
    const bool has_faulting = (vcpu.pv_domain().policy->platform_info & platform_has_faulting) != 0;
    if ((value & ~(has_faulting ? misc_faulting : 0)) != 0) return false;
    vcpu.cpuid_faults = value != 0;
    return true;
}

bool read_msr(PvVcpu& vcpu, u32 index, u64& value) {
    value = 0;
    switch (index) {
    case msr::fs_base: value = x86::rdfsbase(); return true;
    case msr::gs_base: value = x86::rdgsbase(); return true; // kernel mode: the kernel's
    case msr::kernel_gs_base: value = x86::rdmsr(msr::kernel_gs_base); return true;
    case msr::efer: value = x86::rdmsr(msr::efer) & efer_guest_bits; return true;
    case msr::tsc: value = read_time_stamp(vcpu.pv_domain()); return true;
    case msr::pat: value = abi::pv_pat; return true;
    case msr::apic_base: value = x86::rdmsr(msr::apic_base); return true;
    case msr::tsc_aux: value = vcpu.tsc_aux; return has_tsc_aux(vcpu);
    case msr::platform_id: return has_vendor(x86::Vendor::Intel) && x86::rdmsr_safe(index, value);
    case msr::microcode: return x86::rdmsr_safe(index, value);
    case msr::platform_info: value = vcpu.pv_domain().policy->platform_info; return true;
    case msr::arch_capabilities: value = vcpu.pv_domain().policy->arch_capabilities; return value != 0;
    case msr::misc_features: value = vcpu.cpuid_faults; return true;
    case msr::perf_capabilities:
    case abi::msr_hypercall_page: return true;
    case msr::misc_enable:
        if (!x86::rdmsr_safe(index, value)) return false;
        value = guest_misc_enable(value);
        return true;
    default:
        if (is_machine_check(index)) {
            value = index == mcg_cap ? banks : 0;
            return true;
        }
        return has_vendor(x86::Vendor::Amd) && read_amd_msr(vcpu, index, value);
    }
}

bool write_msr(PvVcpu& vcpu, u32 index, u64 value) {
    u64 old;
    switch (index) {
    case msr::fs_base: return write_base(value, &x86::wrfsbase);
    case msr::gs_base: return write_base(value, &x86::wrgsbase);
    case msr::kernel_gs_base: return write_base(value, [](u64 base) { x86::wrmsr(msr::kernel_gs_base, base); });
    case msr::efer: return read_msr(vcpu, index, old) && old == value;        // what changes nothing is accepted
    case msr::microcode: return has_vendor(x86::Vendor::Intel) && value == 0; // asks for the revision
    case msr::tsc_aux: return has_tsc_aux(vcpu) && set_tsc_aux(vcpu, value);
    case msr::misc_features: return set_misc_features(vcpu, value);
    case msr::misc_enable: return x86::rdmsr_safe(index, old);         // without effect
    case msr::energy_perf_bias: return has_vendor(x86::Vendor::Intel); // without effect
    case abi::msr_hypercall_page: return write_hypercall_msr(vcpu, value);
    default:
        if (is_machine_check(index)) return write_machine_check(index, value);
        if (has_vendor(x86::Vendor::Amd) && write_amd_msr(vcpu, index)) return true;
        return refuse_write(vcpu, index);
    }
}

} // namespace px::pv
