// SPDX-License-Identifier: Apache-2.0
// All indirect branches of the hypervisor go through one thunk, whose body is chosen at boot (patch.cpp): as it is here
// where the CPU keeps guests from training them, else one that leads speculation nowhere.

#define THUNK_SIZE 32

    .section .text.entry, "ax"
    .balign THUNK_SIZE, 0xcc
    .globl __x86_indirect_thunk_r11
// By the compiler's name for it (-mretpoline-external-thunk): jumps to r11.
__x86_indirect_thunk_r11:
    jmpq *%r11
    .balign THUNK_SIZE, 0xcc

    .section .rodata, "a"
    .globl px_thunk_retpoline, px_thunk_lfence
// The return stack predicts the endless loop, whatever the branch predictor has learned; the address really used is r11's.
px_thunk_retpoline:
    call 2f
1:  pause
    lfence
    jmp 1b
2:  movq %r11, (%rsp)
    retq
    .skip THUNK_SIZE - (. - px_thunk_retpoline), 0xcc
px_thunk_lfence:
    lfence
    jmpq *%r11
    .skip THUNK_SIZE - (. - px_thunk_lfence), 0xcc

    .section .note.GNU-stack, "", @progbits
