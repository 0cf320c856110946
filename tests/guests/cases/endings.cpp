// SPDX-License-Identifier: Apache-2.0
// Ways a guest ends: each is run alone.
#include "lib/micro.hpp"

using namespace micro;
using abi::Hypercall;

/// A trap without a handler: the guest is crashed, the hypervisor lives.
MICRO_CASE_ALONE(crash_without_handler) {
    call(Hypercall::SetTrapTable, u64{0});
    asm volatile("ud2");
}

/// A kernel stack that cannot take the frame.
MICRO_CASE_ALONE(crash_by_bad_stack) { asm volatile("mov $0x1000, %rsp; ud2"); }

/// A register frame that no ring-3 code may have.
MICRO_CASE_ALONE(crash_by_iret_to_hypervisor) {
    asm volatile("push $0x10; push $0; push $2; push $0x8; push $0; iretq");
}

namespace {
/// The iret hypercall with a frame of the guest's choice; `flags` 0x100 asks for the way back by SYSRET.
[[noreturn]] void iret(u64 rip, u64 cs, u64 rsp, u64 ss, u64 flags) {
    mmuext(abi::MmuextCommand::NewUserBaseptr, mfn_of(reinterpret_cast<void*>(start_info->pt_base)));
    call(Hypercall::StackSwitch, abi::flat_ring3_ss64, kernel_stack_top);
    asm volatile("push %0; push %1; push $0x202; push %2; push %3; push %4; push $0; push $0; push $0; mov $23, %%eax; "
                 "syscall" ::"r"(ss),
                 "r"(rsp), "r"(cs), "r"(rip), "r"(flags)
                 : "rax", "memory");
    __builtin_unreachable();
}
} // namespace

/// SYSRET to an address that is none faults with the hypervisor's privilege on Intel's processors.
MICRO_CASE_ALONE(crash_by_sysret_not_canonical) { iret(0x0000800000000000, 0xe033, 0x1000, 0xe02b, 0x100); }
MICRO_CASE_ALONE(crash_by_iret_not_canonical) { iret(0x8000000000000000, 0xe033, 0x8000000000000000, 0xe02b, 0); }
/// Selectors of the hypervisor, and none at all.
MICRO_CASE_ALONE(crash_by_iret_selectors) { iret(0x1000, 0xe008, 0x1000, 0xe010, 0); }
MICRO_CASE_ALONE(crash_by_iret_null_selectors) { iret(0x1000, 0, 0x1000, 0, 0x100); }

MICRO_CASE_ALONE(reboot) { shut_down(1); }
MICRO_CASE_ALONE(end_suspend) { shut_down(2); }
MICRO_CASE_ALONE(end_crash) { shut_down(3); }
MICRO_CASE_ALONE(end_watchdog) { shut_down(4); }
MICRO_CASE_ALONE(end_soft_reset) { shut_down(5); }
MICRO_CASE_ALONE(end_unknown) { shut_down(6); }
MICRO_CASE_ALONE(end_far) { shut_down(300); }
/// The reason that is said first is the one that counts.
MICRO_CASE_ALONE(end_announced) {
    for (const u32 reason : {2u, 0x304u}) {
        abi::SchedShutdown op{reason};
        CHECK_IS(call(Hypercall::SchedOp, abi::SchedOp::ShutdownCode, &op), 0);
    }
    shut_down(0);
}

/// Stays in guest mode for ever, for who looks at the machine from outside.
MICRO_CASE_ALONE(spins_in_guest_mode) {
    for (;;) asm volatile("pause");
}
