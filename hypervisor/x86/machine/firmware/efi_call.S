// SPDX-License-Identifier: Apache-2.0
// One call of an EFI runtime service: its address space, its calling convention (UEFI 2.10, section 2.3.4), and a way
// back when it faults. Offsets are those of efi::CallFrame (efi_runtime.cpp).

#define FRAME_FUNCTION  0
#define FRAME_ARGUMENTS 8
#define FRAME_CR3       48
#define FRAME_OLD_CR3   56
#define FRAME_RSP       64

    .text
    .balign 16
    .globl px_efi_call, px_efi_fault
// rdi: the frame. Returns the firmware's status, or what handle_fault() put into rax.
px_efi_call:
    pushq %rbp
    movq %rsp, %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    subq $56, %rsp // 32 bytes for the callee, then the fifth argument; the stack is on a multiple of 16 at the call
    movq %rdi, %rbx
    movq %rsp, FRAME_RSP(%rbx)
    movq %cr3, %rax
    movq %rax, FRAME_OLD_CR3(%rbx)
    movq FRAME_CR3(%rbx), %rax
    movq %rax, %cr3
    movq FRAME_ARGUMENTS + 32(%rbx), %rax
    movq %rax, 32(%rsp)
    movq FRAME_ARGUMENTS(%rbx), %rcx
    movq FRAME_ARGUMENTS + 8(%rbx), %rdx
    movq FRAME_ARGUMENTS + 16(%rbx), %r8
    movq FRAME_ARGUMENTS + 24(%rbx), %r9
    movq FRAME_FUNCTION(%rbx), %r11
    call __x86_indirect_thunk_r11
// handle_fault() continues here, with rbx and rsp from the frame.
px_efi_fault:
    cld
    movq FRAME_OLD_CR3(%rbx), %rcx
    movq %rcx, %cr3
    addq $56, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    retq

    .section .note.GNU-stack, "", @progbits
