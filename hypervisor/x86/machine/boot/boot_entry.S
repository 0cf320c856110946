// SPDX-License-Identifier: Apache-2.0
// The doors: multiboot1, multiboot2 and PVH enter here in 32-bit mode without paging; we leave for C++ in 64-bit mode.
//
// Page tables made here: all of the low 4 GiB at 0 (only until paging_boot.cpp is done) and in the direct map, and the
// first 16 MiB in the image's place, with 2 MiB pages.

#define PHYSICAL(symbol) ((symbol) - 0xffff82d040000000)

#define MULTIBOOT1_MAGIC 0x1badb002
#define MULTIBOOT1_FLAGS 0x00010003 /* modules on pages, memory map, address fields */
#define MULTIBOOT2_MAGIC 0xe85250d6
#define PVH_MAGIC 0x336ec578 /* hvm_start_info */

#define PRESENT_WRITABLE 0x63 /* present, writable, accessed, dirty */
#define LARGE 0x80
#define STACK_SIZE 65536
#define CPU_INFO_SIZE 64

    .section .boot.header, "ax"
    .balign 8
multiboot1_header:
    .long MULTIBOOT1_MAGIC
    .long MULTIBOOT1_FLAGS
    .long -(MULTIBOOT1_MAGIC + MULTIBOOT1_FLAGS)
    .long PHYSICAL(multiboot1_header)
    .long PHYSICAL(px_image_start)
    .long PHYSICAL(px_load_end)
    .long PHYSICAL(px_image_end)
    .long PHYSICAL(px_boot_entry)

    .balign 8
multiboot2_header:
    .long MULTIBOOT2_MAGIC
    .long 0 // 32-bit protected mode of i386
    .long multiboot2_header_end - multiboot2_header
    .long -(MULTIBOOT2_MAGIC + (multiboot2_header_end - multiboot2_header))
    .balign 8 // addresses
    .short 2, 0
    .long 24
    .long PHYSICAL(multiboot2_header)
    .long PHYSICAL(px_image_start)
    .long PHYSICAL(px_load_end)
    .long PHYSICAL(px_image_end)
    .balign 8 // entry
    .short 3, 0
    .long 12
    .long PHYSICAL(px_boot_entry)
    .balign 8 // modules on pages
    .short 6, 0
    .long 8
    .balign 8 // end
    .short 0, 0
    .long 8
multiboot2_header_end:

    // PVH: XEN_ELFNOTE_PHYS32_ENTRY (18)
    .section .note.pvh, "a", @note
    .balign 4
    .long 4, 8, 18
    .asciz "Xen"
    .balign 4
    .quad PHYSICAL(px_pvh_entry)

    .section .boot.text, "ax"
    .code32
    .globl px_pvh_entry
px_pvh_entry:
    movl $PVH_MAGIC, %eax
    .globl px_boot_entry
px_boot_entry:
    cli
    cld
    movl %eax, %edi // magic of the door
    movl %ebx, %esi // its information
    movl $PHYSICAL(px_boot_stack + STACK_SIZE - CPU_INFO_SIZE), %esp

    // Long mode is there?
    movl $0x80000000, %eax
    cpuid
    cmpl $0x80000001, %eax
    jb no_long_mode
    movl $0x80000001, %eax
    cpuid
    btl $29, %edx
    jnc no_long_mode
    movl %edx, %ebp // bit 20: NX

    // Level 2: 4 GiB in order.
    movl $PHYSICAL(px_boot_l2), %ebx
    movl $(PRESENT_WRITABLE | LARGE), %eax
    movl $2048, %ecx
1:  movl %eax, (%ebx)
    addl $0x200000, %eax
    addl $8, %ebx
    loop 1b
    // Level 3 of the low 4 GiB.
    movl $PHYSICAL(px_boot_l3_low), %ebx
    movl $(PHYSICAL(px_boot_l2) + PRESENT_WRITABLE), %eax
    movl $4, %ecx
2:  movl %eax, (%ebx)
    addl $4096, %eax
    addl $8, %ebx
    loop 2b
    // Level 2 and 3 of the image: L3 entry 321 of slot 261.
    movl $PHYSICAL(px_boot_l2_image), %ebx
    movl $(PRESENT_WRITABLE | LARGE), %eax
    movl $8, %ecx
3:  movl %eax, (%ebx)
    addl $0x200000, %eax
    addl $8, %ebx
    loop 3b
    movl $(PHYSICAL(px_boot_l2_image) + PRESENT_WRITABLE), PHYSICAL(px_boot_l3_image + 321 * 8)
    // Level 4: identity, image, direct map.
    movl $(PHYSICAL(px_boot_l3_low) + PRESENT_WRITABLE), PHYSICAL(px_hypervisor_l4)
    movl $(PHYSICAL(px_boot_l3_image) + PRESENT_WRITABLE), PHYSICAL(px_hypervisor_l4 + 261 * 8)
    movl $(PHYSICAL(px_boot_l3_low) + PRESENT_WRITABLE), PHYSICAL(px_hypervisor_l4 + 262 * 8)

    movl $0x20, %eax // PAE
    movl %eax, %cr4
    movl $PHYSICAL(px_hypervisor_l4), %eax
    movl %eax, %cr3
    movl $0xc0000080, %ecx // EFER
    rdmsr
    orl $0x101, %eax // long mode, SYSCALL
    btl $20, %ebp
    jnc 4f
    orl $0x800, %eax // NX
4:  wrmsr
    movl $0x80050033, %eax // paging, write protect, alignment mask, native FPU errors, protected mode
    movl %eax, %cr0
    lgdtl PHYSICAL(boot_gdt_pointer)
    ljmpl $8, $PHYSICAL(boot_entry64)

no_long_mode:
    movl $PHYSICAL(no_long_mode_text), %esi
    movl $0xb8000, %edi
    movb $0x0f, %ah
5:  lodsb
    testb %al, %al
    jz 6f
    stosw
    movb %al, %cl
    movw $0x3f8, %dx
    outb %al, %dx
    jmp 5b
6:  hlt
    jmp 6b

    .code64
boot_entry64:
    movabsq $boot_entry_high, %rax
    jmpq *%rax
boot_entry_high:
    movl $16, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %fs
    movl %eax, %gs
    movl %eax, %ss
    leaq px_boot_stack + STACK_SIZE - CPU_INFO_SIZE(%rip), %rsp
    movl %edi, %edi
    movl %esi, %esi
    xorl %ebp, %ebp
    call px_boot_main
    ud2

    .section .rodata.boot, "a"
    .balign 8
boot_gdt:
    .quad 0
    .quad 0x00af9b000000ffff // 64-bit code
    .quad 0x00cf93000000ffff // data
boot_gdt_pointer:
    .short 23
    .long PHYSICAL(boot_gdt)
no_long_mode_text:
    .asciz "Proxenos needs a 64-bit CPU.\r\n"

    .section .bss.boot, "aw", @nobits
    .balign STACK_SIZE
    .globl px_boot_stack
px_boot_stack: // of the boot CPU, for ever
    .skip STACK_SIZE
    .balign 4096
    .globl px_hypervisor_l4, px_boot_l3_low, px_boot_l3_image
px_hypervisor_l4:
    .skip 4096
px_boot_l3_low:
    .skip 4096
px_boot_l3_image:
    .skip 4096
px_boot_l2:
    .skip 4 * 4096
    .globl px_boot_l2_image
px_boot_l2_image:
    .skip 4096
