// SPDX-License-Identifier: Apache-2.0
// A stub for each vector, and the common way in: builds x86::Registers and calls C++.

    .section .text.entry, "ax"

#include "x86/patch.inc"
#include "x86/register_frame.inc"

    .balign 16
    .globl px_vector_stubs
px_vector_stubs:
    .set vector, 0
    .rept 256
    .balign 16, 0xcc
    // The CPU pushes an error code for 8, 10 to 14, 17, 21, 29 and 30.
    .if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || vector == 29 || vector == 30)
    pushq $0
    .endif
    movl $vector, 4(%rsp)
    .if vector == 1 || vector == 2 || vector == 18
    jmp ist_entry
    .elseif vector < 32
    jmp exception_entry
    .else
    jmp interrupt_entry
    .endif
    .set vector, vector + 1
    .endr
    .balign 16, 0xcc

exception_entry:
    cld
    PATCH_CLAC
    SAVE_REGISTERS
    CLEAR_R12_TO_R15
    PATCH_ISOLATE px_xpti_exception
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
interrupt_entry:
    cld
    PATCH_CLAC
    SAVE_REGISTERS
    CLEAR_R12_TO_R15
    PATCH_ISOLATE px_xpti_interrupt
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
    RESTORE_REGISTERS
    addq $8, %rsp
    iretq

// On an interrupt stack. A frame from ring 3 moves to the top of the main stack, where a guest's frame belongs; one from
// ring 0 is handled here.
    .balign 16
ist_entry:
    cld
    PATCH_CLAC
    SAVE_REGISTERS
    CLEAR_R12_TO_R15
    PATCH_ISOLATE px_xpti_ist
    testb $3, REG_CS(%rsp)
    jz 1b
    MOVE_TO_MAIN_STACK
    jmp 1b

// For PATCH_VERW: the hypervisor's data segment. Guests' page tables show it where they are isolated.
    .balign 2
    .globl px_verw_selector
px_verw_selector:
    .word 0xe010
