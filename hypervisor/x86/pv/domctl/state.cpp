// SPDX-License-Identifier: Apache-2.0
// A vCPU's state beyond vcpu_guest_context, for savers and restorers: callbacks, extended registers, frame types.
#include "memory/heap.hpp"
#include "x86/arch/address.hpp"
#include "x86/arch/msr.hpp"
#include "x86/machine/cpu/cpu.hpp"
#include "x86/machine/cpu/cpuid_faulting.hpp"
#include "x86/pv/domctl/domctl.hpp"
#include "x86/pv/emulate/msr.hpp"
#include "x86/pv/fpu.hpp"
#include "x86/pv/guest_copy.hpp"
#include "x86/pv/paging/types.hpp"

namespace px::pv::domctl {
namespace {

/// Before the XSAVE area come XCR0 as it is and as it ever was.
struct ExtStateHeader {
    u64 xcr0, xcr0_accumulated;
};

constexpr u32 max_frames_at_once = 1024;
/// TSC_AUX is the only MSR with a value of the vCPU's own.
constexpr u32 most_vcpu_msrs = 2;

/// Pauses a vCPU for a look inside.
class Paused {
  public:
    explicit Paused(Vcpu& vcpu) : vcpu_(vcpu) { vcpu_.pause(); }
    ~Paused() { vcpu_.unpause(); }
    Paused(const Paused&) = delete;
    Paused& operator=(const Paused&) = delete;

  private:
    Vcpu& vcpu_;
};

u64 frame_info(PvDomain& domain, u64 gfn) {
    const Result<Mfn> mfn = domain.translate(Gfn(gfn));
    if (!mfn || !is_valid(*mfn) || !acquire_frame(frame_of(*mfn), domain.id)) return abi::pfinfo_xtab;
    const FrameState state = frame_of(*mfn).load();
    u64 info = u64{table_level(state.type())} << abi::pfinfo_ltab_shift;
    if (info != 0 && state.has(FrameState::pinned)) info |= abi::pfinfo_lpintab;
    release_frame(frame_of(*mfn));
    return info;
}

} // namespace

Result<> get_ext_context(PvDomain& domain, abi::DomctlExtVcpuContext& op) {
    PvVcpu& vcpu = *TRY(named_vcpu(domain, op.vcpu));
    const u32 number = op.vcpu;
    op = {};
    op.vcpu = number;
    op.size = sizeof(op);
    op.syscall32_callback_eip = vcpu.syscall32_callback.address.raw();
    op.syscall32_callback_cs = vcpu.syscall32_cs.raw();
    op.syscall32_disables_events = vcpu.syscall32_callback.masks_events;
    op.sysenter_callback_eip = vcpu.sysenter_callback.address.raw();
    op.sysenter_callback_cs = vcpu.sysenter_cs.raw();
    op.sysenter_disables_events = vcpu.sysenter_callback.masks_events;
    return {};
}

Result<> set_ext_context(PvDomain& domain, const abi::DomctlExtVcpuContext& op) {
    PvVcpu& vcpu = *TRY(named_vcpu(domain, op.vcpu));
    if (op.size < offsetof(abi::DomctlExtVcpuContext, mcg_cap)) return fail(Error::Invalid);
    if (!x86::is_canonical(op.syscall32_callback_eip) || !x86::is_canonical(op.sysenter_callback_eip))
        return fail(Error::Invalid);
    const Paused paused(vcpu);
    vcpu.syscall32_callback = {GuestVaddr(op.syscall32_callback_eip), op.syscall32_disables_events != 0};
    vcpu.sysenter_callback = {GuestVaddr(op.sysenter_callback_eip), op.sysenter_disables_events != 0};
    // Whatever the tools say, the selector is one of ring 3.
    vcpu.syscall32_cs = x86::selector::in_ring3(op.syscall32_callback_cs);
    vcpu.sysenter_cs = x86::selector::in_ring3(op.sysenter_callback_cs);
    return {};
}

Result<> get_ext_state(PvDomain& domain, abi::DomctlVcpuExtState& op) {
    PvVcpu& vcpu = *TRY(named_vcpu(domain, op.vcpu));
    const u64 bytes = fpu_layout.components ? sizeof(ExtStateHeader) + fpu_layout.bytes : 0;
    const bool only_size = op.size == 0 && op.xfeature_mask == 0;
    if (!only_size && (op.size != bytes || op.xfeature_mask != fpu_layout.components)) return fail(Error::Invalid);
    op.size = bytes;
    op.xfeature_mask = fpu_layout.components;
    if (only_size || bytes == 0) return {};
    const Paused paused(vcpu);
    TRY(GuestPointer<ExtStateHeader>(op.buffer.address).write({vcpu.xcr0, vcpu.xcr0}));
    return GuestPointer<u8>(op.buffer.address + sizeof(ExtStateHeader))
        .write_array(static_cast<const u8*>(vcpu.xsave_area), fpu_layout.bytes);
}

namespace {

/// What XRSTOR would refuse is the tools' mistake, not a reason for the hypervisor to fault (SDM volume 1, 13.8).
void make_loadable(u8* area) {
    constexpr std::size_t at_mxcsr = 24, at_header = 512, header_words = 8;
    u64 header[header_words] = {}; // but for the first word, which components there are: the standard format
    __builtin_memcpy(header, area + at_header, sizeof(header[0]));
    header[0] &= fpu_layout.components;
    __builtin_memcpy(area + at_header, header, sizeof(header));
    u32 mxcsr;
    __builtin_memcpy(&mxcsr, area + at_mxcsr, sizeof(mxcsr));
    mxcsr &= 0xffff;
    __builtin_memcpy(area + at_mxcsr, &mxcsr, sizeof(mxcsr));
}

} // namespace

Result<> set_ext_state(PvDomain& domain, const abi::DomctlVcpuExtState& op) {
    PvVcpu& vcpu = *TRY(named_vcpu(domain, op.vcpu));
    if (op.size == 0) return {};
    if (op.size < sizeof(ExtStateHeader) + 576 || op.size > sizeof(ExtStateHeader) + fpu_layout.bytes)
        return fail(Error::Invalid);
    if (op.xfeature_mask & ~fpu_layout.components) return fail(Error::Invalid);
    const auto header = TRY(GuestPointer<ExtStateHeader>(op.buffer.address).read());
    if (!is_valid_xcr0(header.xcr0, fpu_layout.components)) return fail(Error::Invalid);
    // Whole before anything changes: a call that fails leaves the vCPU the state that it had.
    auto* const area = static_cast<u8*>(heap::allocate_bytes(fpu_layout.bytes));
    if (!area) return fail(Error::NoMemory);
    const Result<> read =
        GuestPointer<u8>(op.buffer.address + sizeof(header)).read_array(area, op.size - sizeof(header));
    if (read) {
        make_loadable(area);
        const Paused paused(vcpu);
        __builtin_memcpy(vcpu.xsave_area, area, fpu_layout.bytes);
        vcpu.xcr0 = header.xcr0;
    }
    heap::free_bytes(area);
    return read;
}

Result<> get_msrs(PvDomain& domain, abi::DomctlVcpuMsrs& op) {
    PvVcpu& vcpu = *TRY(named_vcpu(domain, op.vcpu));
    const GuestPointer<abi::DomctlVcpuMsr> msrs(op.msrs.address);
    if (msrs.is_null()) {
        op.msr_count = most_vcpu_msrs;
        return {};
    }
    const Paused paused(vcpu);
    const abi::DomctlVcpuMsr all[most_vcpu_msrs] = {
        {number_of(x86::Msr::MiscFeatures), 0, vcpu.cpuid_faults ? x86::cpuid_faulting::misc_faulting : 0},
        {number_of(x86::Msr::TscAux), 0, vcpu.tsc_aux}};
    u32 count = 0;
    for (const auto& msr : all) {
        if (msr.value == 0) continue; // left out
        if (count >= op.msr_count) return fail(Error::NoBuffers);
        TRY(msrs.write(msr, count++));
    }
    op.msr_count = count;
    return {};
}

namespace {
bool set_one_msr(PvVcpu& vcpu, const abi::DomctlVcpuMsr& msr) {
    switch (static_cast<x86::Msr>(msr.index)) {
    case x86::Msr::MiscFeatures: return set_misc_features(vcpu, msr.value);
    case x86::Msr::TscAux: return has_tsc_aux(vcpu) && set_tsc_aux(vcpu, msr.value);
    default: return false;
    }
}
} // namespace

Result<> set_msrs(PvDomain& domain, abi::DomctlVcpuMsrs& op) {
    PvVcpu& vcpu = *TRY(named_vcpu(domain, op.vcpu));
    if (op.msr_count > most_vcpu_msrs) return fail(Error::Invalid);
    const GuestPointer<abi::DomctlVcpuMsr> msrs(op.msrs.address);
    const Paused paused(vcpu);
    for (u32 i = 0; i < op.msr_count; ++i) {
        const abi::DomctlVcpuMsr msr = TRY(msrs.read(i));
        if (msr.reserved != 0 || !set_one_msr(vcpu, msr)) return fail(Error::Invalid);
    }
    return {};
}

Result<> page_frame_info(PvDomain& domain, const abi::DomctlGetPageFrameInfo3& op) {
    if (op.num > max_frames_at_once) return fail(Error::TooBig);
    const GuestPointer<u64> frames(op.array.address);
    for (u64 i = 0; i < op.num; ++i) {
        const u64 gfn = TRY(frames.read(i));
        TRY(frames.write(frame_info(domain, gfn), i));
    }
    return {};
}

} // namespace px::pv::domctl
