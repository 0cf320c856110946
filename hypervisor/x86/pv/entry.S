// SPDX-License-Identifier: Apache-2.0
// Ways in from a paravirtual guest (SYSCALL, SYSENTER) and the way back to it. 64-bit SYSCALL: entry_hypercall.cpp.
//
// No guest-controlled state is trusted on the way in: each CPU has its own SYSCALL stub, which knows its slot of
// px_syscall_slots by address, so that neither a segment base nor SWAPGS is needed to find the stack.

#include "x86/patch.inc"
#include "x86/register_frame.inc"

#define ENTRY_SYSCALL  0x100
#define ENTRY_SYSENTER 0x101

#define STUB_SIZE 64
#define SLOT_SIZE 64
#define MAX_CPUS  256

    .section .bss.px_syscall_slots, "aw", @nobits
    .balign 4096
    .global px_syscall_slots
// For each CPU: scratch for the guest's rsp, then the address right below its CpuInfo (set by pv::init_cpu).
px_syscall_slots:
    .skip SLOT_SIZE * MAX_CPUS

    .section .text.entry, "ax"
    .balign 64
    .global px_syscall_stubs
// For each CPU: LSTAR at +0, CSTAR at +32. rcx: guest rip, r11: guest rflags, interrupts off.
px_syscall_stubs:
.set slot, 0
.rept MAX_CPUS
    .balign STUB_SIZE
    movq %rsp, px_syscall_slots + slot(%rip)
    movq px_syscall_slots + slot + 8(%rip), %rsp
    pushq $GUEST_DATA
    pushq px_syscall_slots + slot(%rip)
    jmp px_syscall64
    .balign 32, 0xcc
    movq %rsp, px_syscall_slots + slot(%rip)
    movq px_syscall_slots + slot + 8(%rip), %rsp
    pushq $GUEST_DATA
    pushq px_syscall_slots + slot(%rip)
    jmp px_syscall32
    .balign 32, 0xcc
.set slot, slot + SLOT_SIZE
.endr

    .balign 16
px_syscall32:
    PATCH_ISOLATE px_xpti_syscall32
    pushq %r11
    pushq $GUEST_CODE32
    .global px_syscall32_isolated
px_syscall32_isolated:
    pushq %rcx
    pushq $0
    movl $ENTRY_SYSCALL, 4(%rsp)
    SAVE_REGISTERS
    CLEAR_PRESERVED
    movq %rsp, %rdi
    subq $8, %rsp
    call px_compat_syscall
    jmp px_leave_guest

    .balign 16
    .global px_sysenter
// rsp was loaded from SYSENTER_ESP: right below CpuInfo. The guest's rip and rsp are lost; its ABI has them in registers.
px_sysenter:
    pushq $GUEST_DATA
    pushq $0
    pushfq
    .global px_sysenter_flags_saved
px_sysenter_flags_saved: // up to here a single step may go on (exceptions.cpp): its flag is the guest's
    PATCH_ISOLATE px_xpti_sysenter
    pushq $GUEST_CODE32
    .global px_sysenter_isolated
px_sysenter_isolated:
    pushq $0
    pushq $0
    movl $ENTRY_SYSENTER, 4(%rsp)
    SAVE_REGISTERS
    CLEAR_PRESERVED
    pushq $2
    popfq
    movq %rsp, %rdi
    subq $8, %rsp
    call px_sysenter_call
    jmp px_leave_guest

    .text
    .balign 16
    .global px_return_to_guest, px_leave_guest
// From any depth of this CPU's main stack: forgets it and leaves with the registers below CpuInfo.
px_return_to_guest:
    cli
    orq $STACK_MASK, %rsp
    subq $(CPU_INFO_SIZE + REGISTERS_SIZE - 1 + 8), %rsp
px_leave_guest:
    cli
    leaq 8(%rsp), %rdi
    call px_leave
    // From here to the guest no interrupt is taken, and what faults starts the way out anew (way_out.cpp).
    .global px_way_out_start, px_way_out_end, px_guest_iret
px_way_out_start:
    PATCH_ISOLATE px_xpti_leave
    addq $8, %rsp
    testb %al, %al
    .global px_leave_as_is
px_leave_as_is:
    CHECK_WAY_OUT
    RESTORE_REGISTERS
    jz 1f
    // SYSRET: px_leave made sure that rip is canonical and that the selectors are the flat ones.
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
px_guest_iret:
    iretq
px_way_out_end:

    .section .note.GNU-stack, "", @progbits
