/* SPDX-License-Identifier: Apache-2.0 */
/* Entry, ELF notes, trap stubs and the switch between ring-3 kernel and ring-3 user of a PV guest. */

    .macro note type, kind, value:vararg
    .section .note.Xen, "a", @note
    .align 4
    .long 2f - 1f, 4f - 3f, \type
1:  .asciz "Xen"
2:  .align 4
3:  \kind \value
4:  .align 4
    .endm

    note 6, .asciz, "micro"
    note 7, .asciz, "1"
    note 5, .asciz, "xen-3.0"
    note 3, .quad, 0xffffffff80000000
    note 4, .quad, 0
    note 1, .quad, micro_start
    note 8, .asciz, "generic"
    note 9, .asciz, "yes"
    note 13, .quad, 1, 1

    .section .text.start, "ax"
    .globl micro_start
micro_start:
    cld
    lea boot_stack_top(%rip), %rsp
    xor %ebp, %ebp
    mov %rsi, %rdi
    call micro_main
1:  jmp 1b

    .text
    /* Every trap: rcx and r11 on top, then the hardware's frame; some have an error code. */
    .macro trap vector, has_code
    .globl trap_\vector
trap_\vector:
    pop %rcx
    pop %r11
    .if !\has_code
    push $0
    .endif
    push $\vector
    jmp trap_common
    .endm
    .irp v, 0, 1, 2, 3, 4, 5, 6, 7, 9, 15, 16, 18, 19, 0x80
    trap \v, 0
    .endr
    .irp v, 8, 10, 11, 12, 13, 14, 17
    trap \v, 1
    .endr

trap_common:
    push %rdi; push %rsi; push %rdx; push %rcx; push %rax
    push %r8; push %r9; push %r10; push %r11
    push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15
    mov %rsp, %rdi
    call handle_trap
    .globl trap_return
trap_return:
    pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx
    pop %r11; pop %r10; pop %r9; pop %r8
    pop %rax; pop %rcx; pop %rdx; pop %rsi; pop %rdi
    /* The frame says ring 0 for the kernel: only the hypercall can return to it. Flags word 0: rcx and r11 come back. */
    mov %rcx, (%rsp)
    movq $0, 8(%rsp)
    push %r11
    push %rax
    mov $23, %eax
    syscall
    ud2

    .globl event_entry
event_entry:
    pop %rcx
    pop %r11
    push $0
    push $0x200
    jmp trap_common

    .globl failsafe_entry
failsafe_entry:
    /* rcx, r11, ds, es, fs, gs, then the frame. */
    pop %rcx
    pop %r11
    add $32, %rsp
    push $0
    push $0x201
    jmp trap_common

    /* From user mode by SYSCALL: rcx, r11, rip, cs, rflags, rsp, ss are on the kernel stack. */
    .globl syscall_entry
syscall_entry:
    pop %rcx
    pop %r11
    push $0
    push $0x202
    jmp trap_common

    /* The same for 32-bit code: by SYSCALL, and by SYSENTER (whose frame has neither rip nor rsp). */
    .globl syscall32_entry, sysenter_entry
syscall32_entry:
    pop %rcx
    pop %r11
    push $0
    push $0x203
    jmp trap_common
sysenter_entry:
    pop %rcx
    pop %r11
    push $0
    push $0x204
    jmp trap_common

    /* int guarded_call(void (*f)(void*), void* argument): 0, or 1 when a trap ended it. */
    .globl guarded_call
guarded_call:
    push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15
    mov %rsp, guard_stack(%rip)
    mov %rdi, %rax
    mov %rsi, %rdi
    call *%rax
    movq $0, guard_stack(%rip)
    xor %eax, %eax
    jmp 1f
    .globl guarded_exit
guarded_exit:
    mov guard_stack(%rip), %rsp
    movq $0, guard_stack(%rip)
    mov $1, %eax
1:  pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx
    ret

    /* long hypercall6(number, a, b, c, d, e, f): the sixth lies on the stack. */
    .globl hypercall6
hypercall6:
    mov %rdi, %rax
    mov %rsi, %rdi
    mov %rdx, %rsi
    mov %rcx, %rdx
    mov %r8, %r10
    mov %r9, %r8
    mov 8(%rsp), %r9
    syscall
    ret

    /* void enter_user(rip, rsp, argument): goes to user mode; comes back by leave_user (from a trap handler). */
    .globl enter_user
enter_user:
    push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15
    mov %rsp, user_return_stack(%rip)
    push $0xe02b
    push %rsi
    push $0x202
    push $0xe033
    push %rdi
    push $0x100          /* VGCF_in_syscall: rcx and r11 are the hypervisor's to use */
    push %rcx
    push %r11
    push %rdx            /* rax of the iret frame */
    mov $23, %eax
    syscall
    ud2
    /* void enter_user_by(rip, rsp, cs, ss): the same for any selectors; all registers come from the frame. */
    .globl enter_user_by
enter_user_by:
    push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15
    mov %rsp, user_return_stack(%rip)
    push %rcx
    push %rsi
    push $0x202
    push %rdx
    push %rdi
    push $0
    push $0
    push $0
    push $0
    mov $23, %eax
    syscall
    ud2
    .globl leave_user
leave_user:
    mov user_return_stack(%rip), %rsp
    pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx
    ret

    /* Start of another vCPU: its stack was set in its context. */
    .globl secondary_start
secondary_start:
    xor %ebp, %ebp
    call secondary_main
1:  jmp 1b

    .bss
    .align 4096
boot_stack: .skip 32768
    .globl boot_stack_top
boot_stack_top:
    .globl kernel_stack_top
    .skip 16384
kernel_stack_top:
    .globl secondary_stack_top
    .skip 16384
secondary_stack_top:
    .align 8
    .globl guard_stack, user_return_stack
guard_stack: .quad 0
user_return_stack: .quad 0
