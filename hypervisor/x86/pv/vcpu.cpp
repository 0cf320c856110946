// SPDX-License-Identifier: Apache-2.0
// A paravirtual vCPU's life, and its whole context in the ABI's form (setvcpucontext, VCPUOP_initialise).
#include "base/log.hpp"
#include "memory/heap.hpp"
#include "x86/guest/fpu.hpp"
#include "x86/pv/bounce.hpp"
#include "x86/pv/emulate/control_register.hpp"
#include "x86/pv/emulate/debug_register.hpp"
#include "x86/pv/paging/descriptor.hpp"
#include "x86/pv/paging/pagetable.hpp"

#include <cstring>

namespace px::pv {

PvVcpu::~PvVcpu() {
    if (traps) heap::free_page(traps);
}

Result<Vcpu*> PvDomain::make_vcpu(VcpuId number) {
    PvVcpu* const vcpu = make<PvVcpu>(*this, number);
    if (!vcpu) return fail(Error::NoMemory);
    vcpu->traps = static_cast<abi::TrapInfo*>(heap::allocate_page());
    Result<> made = vcpu->traps ? make_fpu(*vcpu) : fail(Error::NoMemory);
    if (made) made = create_descriptor_window(*vcpu);
    if (!made) {
        destroy(vcpu);
        return fail(made.error());
    }
    return vcpu;
}

void PvVcpu::reset() {
    Guard guard(domain.lock);
    is_initialised = false;
    registers = {};
    segments = {};
    control = {};
    debug = {};
    iopl = 0;
    tsc_aux = 0;
    cpuid_faults = false;
    io_bitmap = GuestVaddr::invalid();
    io_bitmap_ports = 0;
    kernel_sp = GuestVaddr(0);
    event_callback = failsafe_callback = syscall_callback = syscall32_callback = sysenter_callback = nmi_callback = {};
    failsafe_pending = nmi_masked = false;
    std::memset(traps, 0, page_size);
    reset_fpu(*this);
}

namespace {

/// What the guest's registers must obey before anything is changed.
Result<> check_context(const abi::VcpuGuestContext& c) {
    for (const abi::TrapInfo& trap : c.trap_ctxt)
        if (!is_canonical(trap.address)) return fail(Error::Invalid);
    for (const u64 address : {c.user_regs.rip, c.event_callback_eip, c.failsafe_callback_eip, c.syscall_callback_eip,
                              c.fs_base, c.gs_base_kernel, c.gs_base_user, c.kernel_sp})
        if (!is_canonical(address)) return fail(Error::Invalid);
    if (c.ldt_ents > 8192 || (c.ldt_ents != 0 && !is_guest_range(GuestVaddr(c.ldt_base), c.ldt_ents * 8)))
        return fail(Error::Invalid);
    if (c.gdt_ents > abi::first_reserved_gdt_entry) return fail(Error::Invalid);
    if (!is_valid_dr7(x86::Dr7(c.debugreg[7]))) return fail(Error::Invalid);
    for (unsigned i = 0; i < 4; ++i)
        if (c.debugreg[i] != 0 && !is_guest_range(GuestVaddr(c.debugreg[i]), 1)) return fail(Error::Invalid);
    return {};
}

void set_registers(PvVcpu& vcpu, const abi::CpuUserRegs& u) {
    x86::Registers& r = vcpu.registers;
    std::memcpy(&r, &u, offsetof(x86::Registers, error_code)); // the general registers have one order
    r.error_code = 0;
    r.entry_vector = 0; // whole state: by IRET
    r.rip = u.rip;
    r.cs = x86::selector::in_ring3(u.cs).raw();
    const x86::Rflags flags{u.rflags};
    r.rflags =
        flags.without(rflags::iopl | rflags::virtual_8086 | rflags::nested).with(rflags::interrupts | rflags::always);
    r.rsp = u.rsp;
    r.ss = x86::selector::in_ring3(u.ss).raw();
    vcpu.segments.ds = x86::Selector(u.ds);
    vcpu.segments.es = x86::Selector(u.es);
    vcpu.segments.fs = x86::Selector(u.fs);
    vcpu.segments.gs = x86::Selector(u.gs);
    vcpu.iopl = rflags::Iopl::of(flags);
}

void set_callbacks(PvVcpu& vcpu, const abi::VcpuGuestContext& c) {
    std::memcpy(vcpu.traps, c.trap_ctxt, sizeof(c.trap_ctxt));
    vcpu.kernel_sp = GuestVaddr(c.kernel_sp);
    vcpu.kernel_ss = x86::selector::in_ring3(c.kernel_ss);
    vcpu.event_callback = {GuestVaddr(c.event_callback_eip), true};
    vcpu.failsafe_callback = {GuestVaddr(c.failsafe_callback_eip), (c.flags & abi::vgcf_failsafe_disables_events) != 0};
    vcpu.syscall_callback = {GuestVaddr(c.syscall_callback_eip), (c.flags & abi::vgcf_syscall_disables_events) != 0};
}

void set_rest(PvVcpu& vcpu, const abi::VcpuGuestContext& c) {
    vcpu.segments.fs_base = c.fs_base;
    vcpu.segments.gs_base_kernel = c.gs_base_kernel;
    vcpu.segments.gs_base_user = c.gs_base_user;
    vcpu.control.task_switched = x86::Cr0(c.ctrlreg[0]).has(x86::cr0::task_switched);
    vcpu.control.cr4 = owned_of_cr4(x86::Cr4(c.ctrlreg[4]));
    for (unsigned i = 0; i < 4; ++i) vcpu.debug.address[i] = GuestVaddr(c.debugreg[i]);
    vcpu.debug.dr6 = normal_dr6(x86::Dr6(c.debugreg[6]));
    vcpu.debug.dr7 = normal_dr7(x86::Dr7(c.debugreg[7]));
    if (c.flags & abi::vgcf_i387_valid) set_legacy_fpu(vcpu, &c.fpu_ctxt);
    else reset_fpu(vcpu);
}

/// Tables and descriptors. Errors: Restart, Invalid.
Result<> set_address_space(PvVcpu& vcpu, const abi::VcpuGuestContext& c) {
    Guard guard(vcpu.pv_domain().page_table_lock);
    TRY(set_kernel_table(vcpu, Mfn(abi::cr3_to_pfn(c.ctrlreg[3]))));
    if (c.ctrlreg[1] != 0) TRY(set_user_table(vcpu, Mfn(abi::cr3_to_pfn(c.ctrlreg[1] & ~u64{1}))));
    const u64 gdt_pages = (c.gdt_ents + 511) / 512;
    TRY(set_gdt(vcpu, {c.gdt_frames, gdt_pages}, static_cast<u32>(c.gdt_ents)));
    return set_ldt(vcpu, GuestVaddr(c.ldt_base), c.ldt_ents);
}

} // namespace

Result<> PvVcpu::set_context(const void* context, bool may_replace) {
    const auto& c = *static_cast<const abi::VcpuGuestContext*>(context);
    TRY(check_context(c));
    const bool kernel = (c.flags & abi::vgcf_in_kernel) != 0;
    if (!kernel && c.ctrlreg[1] == 0) return fail(Error::Invalid);
    Guard guard(domain.lock);
    if (is_initialised && !may_replace) return fail(Error::Exists);
    if (is_initialised) {
        // The tables of a vCPU that has run are its kernel's affair.
        if (kernel_l4 != Mfn(abi::cr3_to_pfn(c.ctrlreg[3]))) return fail(Error::Invalid);
    } else {
        TRY(set_address_space(*this, c));
    }
    // Frame 0 in ctrlreg[1] means none, and so may what a vCPU has that has run: CR3 needs a table.
    if (!kernel && !user_l4.is_valid()) return fail(Error::Invalid);
    set_registers(*this, c.user_regs);
    set_callbacks(*this, c);
    set_rest(*this, c);
    in_kernel_mode = kernel;
    if (id.raw() == 0) domain.vm_assist = c.vm_assist & abi::vm_assist_valid;
    is_initialised = true;
    return {};
}

Result<> PvVcpu::get_context(void* context) {
    auto& c = *static_cast<abi::VcpuGuestContext*>(context);
    std::memset(&c, 0, sizeof(c));
    get_legacy_fpu(*this, &c.fpu_ctxt);
    c.flags = abi::vgcf_i387_valid;
    if (in_kernel_mode) c.flags |= abi::vgcf_in_kernel;
    if (failsafe_callback.masks_events) c.flags |= abi::vgcf_failsafe_disables_events;
    if (syscall_callback.masks_events) c.flags |= abi::vgcf_syscall_disables_events;
    if (!(flags.load() & vcpu_flag::down)) c.flags |= abi::vgcf_online;
    std::memcpy(&c.user_regs, &registers, offsetof(x86::Registers, cs));
    c.user_regs.cs = static_cast<u16>(in_kernel_mode ? registers.cs & ~u64{3} : registers.cs);
    c.user_regs.rflags = (registers.rflags | rflags::Iopl::make(iopl)).raw();
    c.user_regs.rsp = registers.rsp;
    c.user_regs.ss = static_cast<u16>(registers.ss);
    c.user_regs.ds = segments.ds.raw();
    c.user_regs.es = segments.es.raw();
    c.user_regs.fs = segments.fs.raw();
    c.user_regs.gs = segments.gs.raw();
    c.user_regs.saved_upcall_mask = info->evtchn_upcall_mask;
    std::memcpy(c.trap_ctxt, traps, sizeof(c.trap_ctxt));
    c.ldt_base = ldt_base.raw();
    c.ldt_ents = ldt_entries;
    for (unsigned i = 0; i < abi::first_reserved_gdt_page; ++i) c.gdt_frames[i] = gdt_frames[i].raw();
    c.gdt_ents = gdt_entries;
    c.kernel_ss = kernel_ss.raw();
    c.kernel_sp = kernel_sp.raw();
    c.ctrlreg[0] = guest_cr0(control).raw();
    c.ctrlreg[1] = user_l4.is_valid() ? paddr_of(user_l4).raw() : 0;
    c.ctrlreg[2] = info->arch.cr2;
    c.ctrlreg[3] = kernel_l4.is_valid() ? paddr_of(kernel_l4).raw() : 0;
    c.ctrlreg[4] = guest_cr4(control).raw();
    for (unsigned i = 0; i < 4; ++i) c.debugreg[i] = debug.address[i].raw();
    c.debugreg[6] = debug.dr6.raw();
    c.debugreg[7] = debug.dr7.raw();
    c.event_callback_eip = event_callback.address.raw();
    c.failsafe_callback_eip = failsafe_callback.address.raw();
    c.syscall_callback_eip = syscall_callback.address.raw();
    c.vm_assist = domain.vm_assist;
    c.fs_base = segments.fs_base;
    c.gs_base_kernel = segments.gs_base_kernel;
    c.gs_base_user = segments.gs_base_user;
    return {};
}

void PvVcpu::dump_registers() {
    const bool is_here = this == current_or_null();
    const x86::Registers& r = is_here ? x86::guest_registers() : registers;
    log::error("RIP:    {:04x}:[<{:016x}>]", r.cs & 0xffff, r.rip);
    log::error("RFLAGS: {:016x}   EM: {}   CONTEXT: pv guest (d{}v{})", r.rflags.raw(), info->evtchn_upcall_mask,
               domain.id, id);
    log::error("rax: {:016x}   rbx: {:016x}   rcx: {:016x}", r.rax, r.rbx, r.rcx);
    log::error("rdx: {:016x}   rsi: {:016x}   rdi: {:016x}", r.rdx, r.rsi, r.rdi);
    log::error("rbp: {:016x}   rsp: {:016x}   r8:  {:016x}", r.rbp, r.rsp, r.r8);
    log::error("r9:  {:016x}   r10: {:016x}   r11: {:016x}", r.r9, r.r10, r.r11);
    log::error("r12: {:016x}   r13: {:016x}   r14: {:016x}", r.r12, r.r13, r.r14);
    log::error("r15: {:016x}   cr0: {:016x}   cr4: {:016x}", r.r15, guest_cr0(control).raw(), guest_cr4(control).raw());
    log::error("cr3: {:016x}   cr2: {:016x}   {} mode", active_l4().raw() << page_shift, info->arch.cr2,
               in_kernel_mode ? "kernel" : "user");
    log::error("fsb: {:016x}   gsb: {:016x}   gss: {:016x}", segments.fs_base, segments.gs_base_kernel,
               segments.gs_base_user);
    if (!is_here) return;
    log::error("Guest stack trace from rsp={:016x}:", r.rsp);
    constexpr unsigned words_per_line = 4, lines = 10;
    for (unsigned line = 0; line < lines; ++line) {
        u64 words[words_per_line];
        if (copy_from_active(words, GuestVaddr(r.rsp) + line * sizeof(words), sizeof(words)) != 0) return;
        log::error("   {:016x} {:016x} {:016x} {:016x}", words[0], words[1], words[2], words[3]);
    }
}

} // namespace px::pv
