// SPDX-License-Identifier: Apache-2.0
// A stub for each vector, and the common way in: builds x86::Registers and calls C++.

#define REGISTERS_SIZE 168
#define VECTOR_OFFSET 124
#define CS_OFFSET 136
#define STACK_SIZE 32768
#define CPU_INFO_SIZE 64

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
1:  movq %rsp, %rdi
    movq %rsp, %rbx
    testb $3, CS_OFFSET(%rsp)
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
    movq %rsp, %rdi
    movq %rsp, %rbx
    testb $3, CS_OFFSET(%rsp)
    jz 3f
    xorl %ebp, %ebp
3:  andq $-16, %rsp
    call px_interrupt
    movq %rbx, %rsp
leave:
    testb $3, CS_OFFSET(%rsp)
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
    testb $3, CS_OFFSET(%rsp)
    jz 1b
    movq %rsp, %rsi
    movq %rsp, %rdi
    orq $(STACK_SIZE - 1), %rdi
    subq $(CPU_INFO_SIZE + REGISTERS_SIZE - 1), %rdi
    movq %rdi, %rbx
    movl $(REGISTERS_SIZE / 8), %ecx
    rep movsq
    movq %rbx, %rsp
    jmp 1b
