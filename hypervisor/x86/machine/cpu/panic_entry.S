// SPDX-License-Identifier: Apache-2.0
// px::panic_with(message): keeps the caller's registers before C++ uses them, in a frame as an exception makes it.

    .section .text.panic_with, "ax"

#include "x86/register_frame.inc"

// What lies on the stack above the frame: flags, return address; then it is the caller's.
#define FRAME_FLAGS  REGISTERS_SIZE
#define FRAME_RETURN REGISTERS_SIZE + 8
#define FRAME_CALLER REGISTERS_SIZE + 16

    .balign 16
    .globl _ZN2px10panic_withEPKc
_ZN2px10panic_withEPKc:
    pushfq
    cli
    leaq -(REGISTERS_SIZE - REG_RIP + 8)(%rsp), %rsp // rip to ss, and the error code's place
    SAVE_REGISTERS
    movq $0, (REG_RIP - 8)(%rsp) // no error code, no vector
    movq FRAME_RETURN(%rsp), %rax
    decq %rax // within the call: a function that ends with it is followed by another
    movq %rax, REG_RIP(%rsp)
    movl %cs, %eax
    movq %rax, REG_CS(%rsp)
    movq FRAME_FLAGS(%rsp), %rax
    movq %rax, REG_RFLAGS(%rsp)
    leaq FRAME_CALLER(%rsp), %rax
    movq %rax, REG_RSP(%rsp)
    movl %ss, %eax
    movq %rax, (REG_RSP + 8)(%rsp)
    movq %rdi, %rsi
    movq %rsp, %rdi
    andq $-16, %rsp
    call px_panic
