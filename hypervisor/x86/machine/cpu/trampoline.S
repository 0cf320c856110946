// SPDX-License-Identifier: Apache-2.0
// Where another CPU begins: in real mode, on a page below 1 MiB to which smp.cpp copies this and fills in the words at
// the end. It goes to long mode in one step, on the hypervisor's own page table (with the identity map put back).

#define CPU_INFO_SIZE 64

    .section .rodata.trampoline, "a"
    .balign 16
    .globl px_trampoline_start, px_trampoline_end, px_trampoline_words
px_trampoline_start:
    .code16
    cli
    cld
    movw %cs, %ax
    movw %ax, %ds
    lgdtl trampoline_gdt_pointer - px_trampoline_start
    movl $0x20, %eax // PAE
    movl %eax, %cr4
    movl trampoline_cr3 - px_trampoline_start, %eax
    movl %eax, %cr3
    movl $0xc0000080, %ecx // EFER: long mode, SYSCALL, and NX as on the boot CPU
    xorl %edx, %edx
    movl trampoline_efer - px_trampoline_start, %eax
    wrmsr
    movl $0x80050033, %eax
    movl %eax, %cr0
    ljmpl *(trampoline_entry - px_trampoline_start)
    .code64
trampoline_64:
    movl $16, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movabsq $px_secondary_entry, %rax
    jmpq *%rax
    .balign 8
trampoline_gdt:
    .quad 0
    .quad 0x00af9b000000ffff // 64-bit code
    .quad 0x00cf93000000ffff // data
px_trampoline_words: // struct TrampolineWords of smp.cpp; addresses are relative to the page until it adds its own
    .balign 4
trampoline_cr3:
    .long 0
trampoline_efer:
    .long 0
trampoline_entry:
    .long trampoline_64 - px_trampoline_start
    .short 8
trampoline_gdt_pointer:
    .short 23
    .long trampoline_gdt - px_trampoline_start
px_trampoline_end:

    .section .text.secondary, "ax"
px_secondary_entry:
    movq px_secondary_stack(%rip), %rsp // address of its CpuInfo
    xorl %ebp, %ebp
    call px_secondary_main
    ud2
