// SPDX-License-Identifier: Apache-2.0
// RDMSR and WRMSR of paravirtual guests.
#include "x86/pv/emulate/msr.hpp"

#include "abi/cpuid.hpp"
#include "base/log.hpp"
#include "x86/guest/msr.hpp"
#include "x86/instructions.hpp"
#include "x86/machine/cpu/cpu.hpp"
#include "x86/machine/cpu/cpu_features.hpp"
#include "x86/machine/cpu/speculation.hpp"
#include "x86/pv/guest_copy.hpp"
#include "x86/pv/hypercall_page.hpp"

namespace px::pv {

namespace {

using x86::is_in;
using x86::Msr;

/// In the place of this number the guest's hypercall page is named (public/arch-x86/cpuid.h).
constexpr Msr hypercall_page{abi::msr_hypercall_page};

constexpr auto efer_of_guest =
    x86::efer::syscall | x86::efer::long_mode | x86::efer::long_mode_active | x86::efer::no_execute;

/// Machine checks as guests see them: two banks without errors (the machine check architecture is in every policy). The
/// registers of further banks are there and do nothing.
constexpr u32 banks = 2, most_banks = 32, bank_registers = 4;

constexpr bool is_machine_check(Msr msr) {
    return is_in(msr, Msr::McgCap, Msr::McgCtl) ||
           is_in(msr, Msr::McCtl, Msr::McCtl + (most_banks * bank_registers - 1)) ||
           is_in(msr, Msr::McCtl2, Msr::McCtl2 + (most_banks - 1));
}

/// Status, address and the rest of a bank of the guest's take only what clears them.
constexpr bool write_machine_check(Msr msr, u64 value) {
    const bool clears_only =
        is_in(msr, Msr::McCtl, Msr::McCtl + (banks * bank_registers - 1)) && number_of(msr) % bank_registers != 0;
    return !clears_only || value == 0;
}

/// IA32_MISC_ENABLE as a guest sees it: no performance monitoring, no MONITOR, no xTPR messages.
constexpr u64 guest_misc_enable(u64 host) {
    constexpr u64 perf_available = 1u << 7, bts_unavailable = 1u << 11, pebs_unavailable = 1u << 12, monitor = 1u << 18,
                  xtpr_disable = 1u << 23;
    return (host & ~(perf_available | monitor)) | bts_unavailable | pebs_unavailable | xtpr_disable;
}

/// Counters and P-states, which guests do not have: they read as 0 and take anything.
constexpr bool is_inert_amd(Msr msr) {
    return is_in(msr, Msr::PerfControl, Msr::PerfControl + 7) ||
           is_in(msr, Msr::PerfControl15h, Msr::PerfControl15h + 11) || is_in(msr, Msr::PStateLimit, Msr::PStateLast);
}

bool has_vendor(x86::Vendor vendor) { return x86::cpu_features.vendor == vendor; }

/// Layout of the machine's memory, for the owner of the hardware to read.
bool is_readable_by_hardware_domain(Msr msr) {
    switch (msr) {
    case Msr::SysCfg:
    case Msr::TopMem:
    case Msr::TopMem2:
    case Msr::NbCfg:
    case Msr::TSegBase:
    case Msr::TSegMask: return true;
    case Msr::MmioConfBase: return x86::cpu_features.family >= 0x10 && x86::cpu_features.family <= 0x17;
    default: return is_in(msr, Msr::IorrBase, Msr::IorrBase + 3);
    }
}

bool read_amd_msr(const PvVcpu& vcpu, Msr msr, u64& value) {
    value = 0;
    if (is_inert_amd(msr) || msr == Msr::Hwcr) return true;
    if (msr == Msr::DeCfg) {
        value = x86::speculation::lfence_waits() ? 1u << 1 : 0;
        return true;
    }
    return vcpu.domain.is_hardware_domain && is_readable_by_hardware_domain(msr) && x86::rdmsr_safe(msr, value);
}

bool write_amd_msr(const PvVcpu& vcpu, Msr msr) {
    return is_inert_amd(msr) || msr == Msr::Hwcr || msr == Msr::DeCfg ||
           (msr == Msr::NbCfg && vcpu.domain.is_hardware_domain);
}

bool refuse_write(const PvVcpu& vcpu, Msr msr) {
    log::write(log::Level::Debug, log::Source::Guest, "d{}v{} may not write MSR {:#x}", vcpu.domain.id, vcpu.id,
               number_of(msr));
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

bool read_msr(PvVcpu& vcpu, Msr msr, u64& value) {
    value = 0;
    switch (msr) {
    case Msr::FsBase: value = x86::rdfsbase(); return true;
    case Msr::GsBase: value = x86::rdgsbase(); return true; // kernel mode: the kernel's
    case Msr::KernelGsBase: value = x86::rdmsr(Msr::KernelGsBase); return true;
    case Msr::Efer: value = x86::rdmsr(Msr::Efer) & efer_of_guest.raw(); return true;
    case Msr::Tsc: value = read_time_stamp(vcpu.pv_domain()); return true;
    case Msr::Pat: value = abi::pv_pat; return true;
    case Msr::ApicBase: value = x86::rdmsr(Msr::ApicBase); return true;
    case Msr::TscAux: value = vcpu.tsc_aux; return has_tsc_aux(vcpu);
    case Msr::PlatformId: return has_vendor(x86::Vendor::Intel) && x86::rdmsr_safe(msr, value);
    case Msr::Microcode: return x86::rdmsr_safe(msr, value);
    case Msr::PlatformInfo: value = vcpu.pv_domain().policy->platform_info; return true;
    case Msr::ArchCapabilities: value = vcpu.pv_domain().policy->arch_capabilities; return value != 0;
    case Msr::MiscFeatures: value = vcpu.cpuid_faults; return true;
    case Msr::PerfCapabilities:
    case hypercall_page: return true;
    case Msr::MiscEnable:
        if (!x86::rdmsr_safe(msr, value)) return false;
        value = guest_misc_enable(value);
        return true;
    default:
        if (is_machine_check(msr)) {
            value = msr == Msr::McgCap ? banks : 0;
            return true;
        }
        return has_vendor(x86::Vendor::Amd) && read_amd_msr(vcpu, msr, value);
    }
}

bool write_msr(PvVcpu& vcpu, Msr msr, u64 value) {
    u64 old;
    switch (msr) {
    case Msr::FsBase: return write_base(value, &x86::wrfsbase);
    case Msr::GsBase: return write_base(value, &x86::wrgsbase);
    case Msr::KernelGsBase: return write_base(value, [](u64 base) { x86::wrmsr(Msr::KernelGsBase, base); });
    case Msr::Efer: return read_msr(vcpu, msr, old) && old == value;          // what changes nothing is accepted
    case Msr::Microcode: return has_vendor(x86::Vendor::Intel) && value == 0; // asks for the revision
    case Msr::TscAux: return has_tsc_aux(vcpu) && set_tsc_aux(vcpu, value);
    case Msr::MiscFeatures: return set_misc_features(vcpu, value);
    case Msr::MiscEnable: return x86::rdmsr_safe(msr, old);          // without effect
    case Msr::EnergyPerfBias: return has_vendor(x86::Vendor::Intel); // without effect
    case hypercall_page: return write_hypercall_msr(vcpu, value);
    default:
        if (is_machine_check(msr)) return write_machine_check(msr, value);
        if (has_vendor(x86::Vendor::Amd) && write_amd_msr(vcpu, msr)) return true;
        return refuse_write(vcpu, msr);
    }
}

} // namespace px::pv
