// SPDX-License-Identifier: Apache-2.0
// The context switch: the state is the vCPUs' own affair, its order that of every kind of guest.
#include "domain/run/schedule.hpp"
#include "x86/guest/tlb.hpp"
#include "x86/instructions.hpp"
#include "x86/layout.hpp"
#include "x86/machine/cpu/cpu.hpp"
#include "x86/machine/paging/paging.hpp"
#include "x86/registers.hpp"

namespace px {

namespace {

/// Back to the hypervisor's own address space, for an idle vCPU.
void leave_space() {
    x86::load_own_gdt();
    x86::lldt({});
    guest::load_top_table(mfn_of(x86::hypervisor_page_table()));
}

/// Continues at `where` on an empty main stack.
[[noreturn]] void continue_at(Vcpu::Continuation where) {
    const u64 top = reinterpret_cast<u64>(&x86::guest_registers());
    register const Vcpu::Continuation target asm("r11") = where;
    asm volatile("movq %0, %%rsp\n"
                 "xorl %%ebp, %%ebp\n"
                 "pushq $0\n"
                 "jmp __x86_indirect_thunk_r11" ::"r"(top & ~u64{15}),
                 "r"(target)
                 : "memory");
    __builtin_unreachable();
}

} // namespace

void context_switch(Vcpu& previous, Vcpu& next) {
    x86::disable_interrupts();
    if (!previous.is_idle()) previous.save_state();
    cpu_info().current = &next;
    if (!next.is_idle()) next.load_state();
    else if (!previous.is_idle()) leave_space();
    if (!previous.is_idle()) previous.dirty_cpu.store(~0u, std::memory_order_release); // loading CR3 has flushed
    schedule::switch_finished(previous);
    if (next.is_idle()) x86::enable_interrupts();
    continue_at(next.continuation());
}

} // namespace px
