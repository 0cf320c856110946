// SPDX-License-Identifier: Apache-2.0
// A stub for each vector, and the common way in: builds x86::Registers and calls C++.

#define REGISTERS_SIZE 168
#define VECTOR_OFFSET 124
#define CS_OFFSET 136
#define STACK_SIZE 32768
#define CPU_INFO_SIZE 64

    .section .text.entry, "ax"

// Registers in the order of x86::Registers; what a guest had in them is cleared from those that C++ does not set.
.macro save_registers
    pushq %rdi
    pushq %rsi
    pushq %rdx
    pushq %rcx
    pushq %rax
    pushq %r8
    pushq %r9
    pushq %r10
    pushq %r11
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
.endm

.macro restore_registers
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    popq %r11
    popq %r10
    popq %r9
    popq %r8
    popq %rax
    popq %rcx
    popq %rdx
    popq %rsi
    popq %rdi
    addq $8, %rsp
.endm

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
    save_registers
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
    save_registers
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
    restore_registers
    iretq

// On an interrupt stack. A frame from ring 3 moves to the top of the main stack, where a guest's frame belongs; one from
// ring 0 is handled here.
    .balign 16
ist_entry:
    cld
    save_registers
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
