// SPDX-License-Identifier: Apache-2.0
// Goes round all ways into the hypervisor and out of it, for who interrupts the machine from outside (test_nmi.py):
// what a round finds changed, it says.
#include "abi/version.hpp"
#include "lib/user.hpp"

using namespace micro;
using abi::Hypercall;

asm(R"(
    .pushsection .text
    .globl rounds_user, rounds_user_end
rounds_user: # a system call, a page fault, a single step, and the end
    mov $0x1111, %ebx
    mov $0x2222, %ebp
    mov $0x3333, %r12d
    mov $0x4444, %r13d
    mov $0x5555, %r14d
    mov $0x6666, %r15d
    mov $0x7777, %edi
    xor %r8d, %r8d
    mov $10, %eax
    syscall
    mov (%r8), %rax
    pushf
    orl $0x100, (%rsp)
    popf
    nop
    nop
    int $0x80
rounds_user_end:
    .popsection
)");
extern "C" const u8 rounds_user[], rounds_user_end[];

namespace {

constexpr u64 flat_code64 = 0x00affb000000ffff, ldt_code_selector = 2 << 3 | 7;
constexpr u64 trap_flag = 0x100;
unsigned seen; ///< bit per way that user mode has come by

void on_trap(Frame& frame) {
    switch (frame.vector) {
    case 0x202: seen |= 1; return;
    case 14:
        seen |= 2;
        frame.rip += 3;
        return;
    case 1:
        seen |= 4;
        frame.rflags &= ~trap_flag;
        return;
    case 0x80:
        seen |= 8;
        CHECK_IS(frame.rbx, 0x1111);
        CHECK_IS(frame.rbp, 0x2222);
        CHECK_IS(frame.r12, 0x3333);
        CHECK_IS(frame.r13, 0x4444);
        CHECK_IS(frame.r14, 0x5555);
        CHECK_IS(frame.r15, 0x6666);
        CHECK_IS(frame.rdi, 0x7777);
        CHECK_IS(frame.rsp, UserSpace::stack_address);
        leave_user();
        return;
    case 0x200: return;
    default: CHECK(!"a trap that nobody has asked for");
    }
}

void go_user(u64 code_selector) {
    seen = 0;
    trap_hook = on_trap;
    enter_user_by(UserSpace::code_address, UserSpace::stack_address, code_selector, abi::flat_ring3_ss64);
    trap_hook = nullptr;
    vcpu_info().evtchn_upcall_mask = 1;
    CHECK_IS(seen, 15);
}

} // namespace

MICRO_CASE_ALONE(goes_round_and_round) {
    auto* ldt = static_cast<u64*>(new_page());
    ldt[2] = flat_code64;
    const UserSpace space(rounds_user, static_cast<unsigned>(rounds_user_end - rounds_user));
    CHECK_IS(set_access(ldt, false), 0);
    // The hypervisor meets this breakpoint when it writes a call's result: a debug exception of its own.
    auto* watched = static_cast<u64*>(new_page());
    constexpr u64 data_write_of_8 = u64{0b1001} << 16, enabled = 1, fixed = 0x400;
    CHECK_IS(call(Hypercall::SetDebugreg, 0, watched), 0);
    CHECK_IS(call(Hypercall::SetDebugreg, 7, data_write_of_8 | enabled | fixed), 0);
    for (u64 round = 1;; ++round) {
        CHECK_IS(mmuext(abi::MmuextCommand::SetLdt, reinterpret_cast<u64>(ldt), 512), 0); // mapped at the IRET's fault
        go_user(ldt_code_selector);
        go_user(abi::flat_ring3_cs64);
        CHECK_IS(mmuext(abi::MmuextCommand::SetLdt, 0, 0), 0);
        CHECK_IS(call(Hypercall::XenVersion, abi::VersionOp::Extraversion, watched), 0);
        CHECK(traps([] { asm volatile("ud2"); }));
        if (round % 16 == 0) observe("rounds", static_cast<s64>(round));
    }
}
