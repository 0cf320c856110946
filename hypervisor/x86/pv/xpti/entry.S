// SPDX-License-Identifier: Apache-2.0
// Ways in and out where guests run on isolated page tables (xpti.hpp). The ordinary ways are patched to come here at boot
// (PATCH_ISOLATE), so that they cost nothing elsewhere.
//
// In guest mode, and here before CR3 is loaded, only what xpti.cpp maps is there: this section, the CPU's interrupt stacks
// and the top page of its main stack, its task state, the IDT, the GDT, the SYSCALL slots.

#include "x86/patch.inc"
#include "x86/register_frame.inc"

// Offsets of CpuInfo, checked in entry.cpp.
#define INFO_HYPERVISOR_CR3 24
#define INFO_GUEST_CR3      32
#define INFO_SYSCALL_SLOT   40

// From SYSCALL or SYSENTER, with `pushed` bytes below CpuInfo: always from a guest. Keeps all registers.
.macro LOAD_HYPERVISOR_CR3 pushed
    pushq %rax
    movq \pushed + 8 + INFO_HYPERVISOR_CR3(%rsp), %rax
    movq %rax, %cr3
.endm

// From an exception or interrupt, registers saved: of a guest, or of the hypervisor with either CR3 (between an entry and
// its load of CR3, or between the load of a guest's CR3 and the guest). r12: CR3 to put back for the hypervisor's own code,
// or 0. Changes rax and rcx.
.macro ENTER_HYPERVISOR_CR3
    movq %rsp, %rax
    orq $STACK_MASK, %rax
    movq %cr3, %r12
    cmpq %r12, INFO_GUEST_CR3 - CPU_INFO_SIZE + 1(%rax)
    jne 701f
    movq INFO_HYPERVISOR_CR3 - CPU_INFO_SIZE + 1(%rax), %rcx
    movq %rcx, %cr3
    jmp 702f
701:
    xorl %r12d, %r12d
702:
.endm

    .section .text.entry, "ax"

    .balign 16
    .global px_xpti_syscall64, px_xpti_syscall32, px_xpti_sysenter
px_xpti_syscall64:
    LOAD_HYPERVISOR_CR3 16
    movq 24 + INFO_SYSCALL_SLOT(%rsp), %rax
    movq $0, (%rax) // other CPUs' guests may see the slot
    popq %rax
    pushq %r11
    pushq $GUEST_CODE64
    jmp px_syscall64_isolated

    .balign 16
px_xpti_syscall32:
    LOAD_HYPERVISOR_CR3 16
    movq 24 + INFO_SYSCALL_SLOT(%rsp), %rax
    movq $0, (%rax)
    popq %rax
    pushq %r11
    pushq $GUEST_CODE32
    jmp px_syscall32_isolated

    .balign 16
px_xpti_sysenter:
    LOAD_HYPERVISOR_CR3 24
    popq %rax
    pushq $GUEST_CODE32
    jmp px_sysenter_isolated

    .balign 16
    .global px_xpti_exception, px_xpti_interrupt, px_xpti_ist
px_xpti_ist:
    ENTER_HYPERVISOR_CR3
    testb $3, REG_CS(%rsp)
    jz 1f
    MOVE_TO_MAIN_STACK
    jmp 1f

    .balign 16
px_xpti_exception:
    ENTER_HYPERVISOR_CR3
1:  movq %rsp, %rdi
    movq %rsp, %rbx
    testb $3, REG_CS(%rsp)
    jz 2f
    xorl %ebp, %ebp // backtraces end here
2:  andq $-16, %rsp
    call px_exception
    movq %rbx, %rsp
    jmp leave

    .balign 16
px_xpti_interrupt:
    ENTER_HYPERVISOR_CR3
    movq %rsp, %rdi
    movq %rsp, %rbx
    testb $3, REG_CS(%rsp)
    jz 3f
    xorl %ebp, %ebp
3:  andq $-16, %rsp
    call px_interrupt
    movq %rbx, %rsp
leave:
    testb $3, REG_CS(%rsp)
    jnz px_return_to_guest
    testq %r12, %r12
    jz 4f
    movq %r12, %cr3
4:  RESTORE_REGISTERS
    addq $8, %rsp
    iretq

    .balign 16
    .global px_xpti_leave
// After px_leave, with 8 bytes below the guest's registers. al: leave by SYSRET.
px_xpti_leave:
    movl %eax, %ebx
    call px_xpti_enter_guest
    addq $8, %rsp
    .global px_xpti_way_out_start, px_xpti_way_out_end, px_xpti_iret
px_xpti_way_out_start:
    testq %rax, %rax
    jz 3f
    CHECK_WAY_OUT
    testb %bl, %bl
    movq %rax, %cr3 // from here on only what guests may see is there
    RESTORE_REGISTERS
    jz 1f
    movq REG_RIP - 120(%rsp), %rcx
    movq REG_RFLAGS - 120(%rsp), %r11
    cmpl $GUEST_CODE64, REG_CS - 120(%rsp)
    movq REG_RSP - 120(%rsp), %rsp
    jne 2f
    PATCH_VERW
    sysretq
2:  PATCH_VERW
    sysretl
1:  addq $8, %rsp
    PATCH_VERW
px_xpti_iret:
    iretq
3:  testb %bl, %bl
    jmp px_leave_as_is
px_xpti_way_out_end:

    .section .note.GNU-stack, "", @progbits
