// SPDX-License-Identifier: Apache-2.0
// A paravirtual vCPU's callbacks beyond vcpu_guest_context, and types of frames, for savers and restorers.
#include "x86/arch/address.hpp"
#include "x86/guest/domctl/domctl.hpp"
#include "x86/pv/domctl/domctl.hpp"
#include "x86/pv/paging/types.hpp"

namespace px::pv::domctl {
namespace {

constexpr u32 max_frames_at_once = 1024;

/// The vCPU that an operation names. Errors: Search, Invalid (its own).
Result<PvVcpu*> named_vcpu(PvDomain& domain, u32 number) {
    TRY(guest::domctl::named_vcpu(domain, number));
    return vcpu_of(domain, number);
}

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
    const guest::domctl::Paused paused(vcpu);
    vcpu.syscall32_callback = {GuestVaddr(op.syscall32_callback_eip), op.syscall32_disables_events != 0};
    vcpu.sysenter_callback = {GuestVaddr(op.sysenter_callback_eip), op.sysenter_disables_events != 0};
    // Whatever the tools say, the selector is one of ring 3.
    vcpu.syscall32_cs = x86::selector::in_ring3(op.syscall32_callback_cs);
    vcpu.sysenter_cs = x86::selector::in_ring3(op.sysenter_callback_cs);
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
