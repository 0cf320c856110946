// SPDX-License-Identifier: Apache-2.0
// The state of a paravirtual vCPU that a context switch moves.
#include "x86/pv/context.hpp"

#include "x86/guest/fpu.hpp"
#include "x86/layout.hpp"
#include "x86/machine/cpu/cpu.hpp"
#include "x86/machine/cpu/speculation.hpp"
#include "x86/pv/emulate/control_register.hpp"
#include "x86/pv/emulate/debug_register.hpp"
#include "x86/pv/paging/descriptor.hpp"
#include "x86/pv/paging/pagetable.hpp"
#include "x86/pv/paging/tlb.hpp"

namespace px::pv {

namespace {

/// Loads the selectors; those the CPU refuses become null. False if one was refused.
bool load_selectors(const Segments& s) {
    bool all = true;
    const auto refused = [&all](bool loaded) {
        if (!loaded) all = false;
        return !loaded;
    };
    if ((s.ds | x86::read_ds()) != x86::Selector{} && refused(load_ds(s.ds))) (void)load_ds({});
    if ((s.es | x86::read_es()) != x86::Selector{} && refused(load_es(s.es))) (void)load_es({});
    if ((s.fs | x86::read_fs()) != x86::Selector{} && refused(load_fs(s.fs))) (void)load_fs({});
    if ((s.gs | x86::read_gs()) != x86::Selector{} && refused(load_gs(s.gs))) (void)load_gs({});
    return all;
}

/// Address space and descriptor tables of the vCPU. In between the CPU has its own GDT: an NMI must find its code
/// segment.
void enter_space(PvVcpu& vcpu) {
    map_cpu_descriptors(vcpu, x86::descriptor_frame(this_cpu()));
    x86::load_own_gdt();
    load_cr3(vcpu.active_l4());
    constexpr u64 limit = (abi::first_reserved_gdt_page + 1) * page_size - 1;
    x86::lgdt({static_cast<u16>(limit), x86::layout::gdt_address(vcpu.id)});
    load_ldt(vcpu);
}

} // namespace

void PvVcpu::save_extended_state() {
    if (control.task_switched) x86::clts();
    save_fpu(*this);
}

void PvVcpu::load_extended_state() {
    x86::clts();
    load_fpu(*this);
    if (control.task_switched) x86::write_cr0(x86::read_cr0() | x86::cr0::task_switched);
}

void PvVcpu::save_state() {
    registers = x86::guest_registers();
    segments.ds = x86::read_ds();
    segments.es = x86::read_es();
    segments.fs = x86::read_fs();
    segments.gs = x86::read_gs();
    segments.fs_base = x86::rdfsbase();
    const u64 active = x86::rdgsbase();
    const u64 inactive = read_inactive_gs_base();
    segments.gs_base_kernel = in_kernel_mode ? active : inactive;
    segments.gs_base_user = in_kernel_mode ? inactive : active;
    save_extended_state();
    if (debug.dr7.has_any(x86::dr7::enables)) x86::write_dr7(x86::dr7::nothing);
}

void PvVcpu::load_state() {
    dirty_cpu.store(this_cpu().raw(), std::memory_order_seq_cst); // pairs with tlb::flush_older
    x86::speculation::enter_vcpu(identity);
    enter_space(*this);
    if (const x86::Cr4 cr4 = real_cr4(*this); cr4 != x86::read_cr4()) x86::write_cr4(cr4);
    if (!load_selectors(segments)) failsafe_pending = true;
    x86::wrfsbase(segments.fs_base);
    x86::wrgsbase(in_kernel_mode ? segments.gs_base_kernel : segments.gs_base_user);
    write_inactive_gs_base(in_kernel_mode ? segments.gs_base_user : segments.gs_base_kernel);
    if (x86::cpu_features.has_tsc_aux()) x86::load_tsc_aux(tsc_aux);
    load_extended_state();
    if (debug.dr7.has_any(x86::dr7::enables)) load_debug_registers(*this);
    x86::guest_registers() = registers;
}

} // namespace px::pv
