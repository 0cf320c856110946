// SPDX-License-Identifier: Apache-2.0
// Bounce frames: how a paravirtual kernel is called for exceptions, system calls and events (layout: public/arch-x86).
#pragma once

#include "domain/time.hpp"
#include "x86/arch/exception.hpp"
#include "x86/pv/guest_copy.hpp"
#include "x86/pv/pv_vcpu.hpp"

namespace px::pv {

namespace rflags = x86::rflags;

/// What lies in the frame between r11 and rip.
enum class FrameKind { Plain, ErrorCode, Failsafe };

/// Between guest kernel and guest user mode: address space and GS base. The other mode's GS base is in KERNEL_GS_BASE.
/// The mode that is entered must have a table.
inline void toggle_mode(PvVcpu& vcpu) {
    vcpu.in_kernel_mode = !vcpu.in_kernel_mode;
    x86::swapgs();
    x86::write_cr3(paddr_of(vcpu.active_l4()).raw());
    // An area that could not be written when the vCPU was switched to may be there now.
    if (vcpu.areas_are_stale && vcpu.in_kernel_mode) [[unlikely]]
        update_guest_areas(vcpu);
}

/// Crashes the current domain, on the way into or out of the hypervisor: interrupts may be off, and are on meanwhile.
[[gnu::cold]] void crash_current(PvVcpu& vcpu, const char* why);

/// Crashes the domain: there is nobody to take what would be delivered.
[[gnu::cold]] void bounce_failed(PvVcpu& vcpu, x86::Registers& r, GuestVaddr address);

/// Makes the guest kernel continue at `address` with a frame of the interrupted state on its stack. From kernel mode
/// the stack goes on; from user mode it is the one of stack_switch. On failure the domain is crashed and false
/// returned.
template <FrameKind Kind>
inline bool bounce(PvVcpu& vcpu, x86::Registers& r, GuestVaddr address, bool masks_events, u32 error_code = 0) {
    constexpr unsigned extra = Kind == FrameKind::Plain ? 0 : Kind == FrameKind::ErrorCode ? 1 : 4;
    u64 frame[7 + extra];
    u64 cs = r.cs & 0xfffc;
    GuestVaddr sp(r.rsp);
    if (!vcpu.in_kernel_mode) {
        cs |= 3;
        sp = vcpu.kernel_sp;
        toggle_mode(vcpu);
    }
    sp = GuestVaddr((sp.raw() & ~u64{15}) - sizeof(frame));
    const u8 mask = vcpu.info->evtchn_upcall_mask;
    frame[0] = r.rcx;
    frame[1] = r.r11;
    if constexpr (Kind == FrameKind::ErrorCode) frame[2] = error_code;
    if constexpr (Kind == FrameKind::Failsafe) {
        frame[2] = vcpu.segments.ds.raw();
        frame[3] = vcpu.segments.es.raw();
        frame[4] = vcpu.segments.fs.raw();
        frame[5] = vcpu.segments.gs.raw();
    }
    u64* const machine = frame + 2 + extra;
    machine[0] = r.rip;
    machine[1] = cs | u64{mask} << 32;
    const x86::Rflags flags = mask ? r.rflags.without(rflags::interrupts) : r.rflags.with(rflags::interrupts);
    machine[2] = rflags::Iopl::put(flags, vcpu.iopl_in_flags()).raw();
    machine[3] = r.rsp;
    machine[4] = r.ss & 0xffff;
    if (address == GuestVaddr(0) || copy_to_active(sp, frame, sizeof(frame)) != 0) [[unlikely]] {
        bounce_failed(vcpu, r, address);
        return false;
    }
    if (masks_events) vcpu.info->evtchn_upcall_mask = 1;
    r.rip = address.raw();
    r.cs = abi::flat_ring3_cs64;
    r.rflags = r.rflags
                   .without(rflags::trap | rflags::direction | rflags::iopl | rflags::nested | rflags::resume |
                            rflags::virtual_8086 | rflags::alignment)
                   .with(rflags::interrupts | rflags::always);
    r.rsp = sp.raw();
    r.ss = abi::flat_ring3_ss64;
    r.entry_vector = x86::entry_sysret; // rcx and r11 are in the frame: SYSRET will do
    return true;
}

template <FrameKind Kind = FrameKind::Plain>
inline bool bounce(PvVcpu& vcpu, x86::Registers& r, const Callback& callback) {
    return bounce<Kind>(vcpu, r, callback.address, callback.masks_events);
}

/// Delivers an exception through the guest's trap table.
void inject_exception(PvVcpu& vcpu, x86::Registers& r, x86::Exception exception, u32 error_code = 0);
/// #PF: puts the address where the guest reads it.
void inject_page_fault(PvVcpu& vcpu, x86::Registers& r, GuestVaddr address, x86::PageFaultCode code);

} // namespace px::pv
