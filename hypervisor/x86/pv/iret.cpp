// SPDX-License-Identifier: Apache-2.0
// The iret hypercall.
#include "x86/pv/iret.hpp"

#include "base/log.hpp"
#include "x86/pv/bounce.hpp"
#include "x86/pv/hypercall_rows.hpp"

namespace px::pv {

void return_from_guest_kernel(PvVcpu& vcpu, x86::Registers& r) {
    abi::IretContext frame; // copied once: the guest may change it meanwhile
    if (copy_from_active(&frame, GuestVaddr(r.rsp), sizeof(frame)) != 0) [[unlikely]] {
        log::guest("d{}v{} iret: no frame at {:#x}", vcpu.domain.id, vcpu.id, r.rsp);
        crash_current(vcpu, "bad stack for iret");
        return;
    }
    if ((frame.cs & 3) == 3) {
        if (!vcpu.user_l4.is_valid()) [[unlikely]] {
            log::guest("d{}v{} iret to user mode without user page tables", vcpu.domain.id, vcpu.id);
            crash_current(vcpu, "no user page tables");
            return;
        }
        toggle_mode(vcpu);
    }
    const x86::Rflags wanted{frame.rflags};
    if (vcpu.iopl_in_flags() != 0 ||
        (vcpu.domain.vm_assist >> static_cast<u32>(abi::VmAssistType::ArchitecturalIopl) & 1)) [[unlikely]]
        vcpu.iopl = rflags::Iopl::of(wanted);
    r.rip = frame.rip;
    r.cs = x86::selector::in_ring3(frame.cs).raw();
    r.rflags = wanted.without(rflags::iopl | rflags::virtual_8086).with(rflags::interrupts | rflags::always);
    r.rsp = frame.rsp;
    r.ss = x86::selector::in_ring3(frame.ss).raw();
    if (frame.flags & abi::vgcf_in_syscall) {
        r.entry_vector = x86::entry_sysret; // rcx and r11 need not be kept
    } else {
        r.rcx = frame.rcx;
        r.r11 = frame.r11;
        r.entry_vector = 0;
    }
    r.rax = frame.rax;
    vcpu.info->evtchn_upcall_mask = wanted.has(rflags::interrupts) ? 0 : 1;
    vcpu.nmi_masked = false;
}

} // namespace px::pv

namespace px::hypercall {

Outcome iret(Call&) {
    x86::Registers& r = x86::guest_registers();
    pv::return_from_guest_kernel(pv::current_pv(), r);
    return Outcome::of(static_cast<s64>(r.rax));
}

} // namespace px::hypercall
