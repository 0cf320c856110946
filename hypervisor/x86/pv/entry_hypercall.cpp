// SPDX-License-Identifier: Apache-2.0
// SYSCALL by 64-bit code: the short way through a hypercall, and the fork to everything else.
#include "schedule/softirq.hpp"
#include "x86/machine/cpu/patch.hpp"
#include "x86/pv/hypercall_rows.hpp"
#include "x86/pv/pv_vcpu.hpp"

namespace px::pv {

namespace {

using x86::Registers;

/// Gives the assembly below the places of things.
#define PX_PLACE(name, value) [name] "i"(value)

static_assert(sizeof(hypercall::Entry) == 24 && offsetof(hypercall::Entry, handler) == 0);
static_assert(sizeof(hypercall::Table) == 64 * sizeof(hypercall::Entry));
static_assert(sizeof(hypercall::Call) == 56 && offsetof(hypercall::Call, in_multicall) == 48);
static_assert(offsetof(hypercall::Outcome, is_restart) == 8, "returned in rax and dl");
static_assert(offsetof(CpuInfo, current) == 0 && offsetof(CpuInfo, percpu_offset) == 8);
static_assert(abi::hypercall_count == 64);

} // namespace

/// From the stub, which has pushed ss and rsp; interrupts are off. rcx: the guest's rip, r11: its rflags.
///
/// A hypercall that nothing interferes with pays for no more than it uses: registers that C++ preserves stay where they
/// are, and are put into the frame only when somebody may look at it (px_leave). So while a handler runs, r12 to r15,
/// rcx and r11 in the frame are stale.
extern "C" [[gnu::naked, gnu::section(".text.entry")]] void px_syscall64() {
    asm volatile(
        PX_PATCH_ISOLATE(
            "px_xpti_syscall64") "pushq %%r11\n"
                                 "pushq $0xe033\n" // guest_code64
                                 ".global px_syscall64_isolated\npx_syscall64_isolated:\n"
                                 "pushq %%rcx\n"
                                 "pushq $0\n"
                                 "movl %[entry_syscall], 4(%%rsp)\n"
                                 "subq %[error_code], %%rsp\n" // the rest of Registers
                                 "movq %%rdi, %c[rdi](%%rsp)\n"
                                 "movq %%rsi, %c[rsi](%%rsp)\n"
                                 "movq %%rdx, %c[rdx](%%rsp)\n"
                                 "movq %%rax, %c[rax](%%rsp)\n"
                                 "movq %%r8, %c[r8](%%rsp)\n"
                                 "movq %%r9, %c[r9](%%rsp)\n"
                                 "movq %%r10, %c[r10](%%rsp)\n"
                                 "movq %%rbx, %c[rbx](%%rsp)\n"
                                 "movq %%rbp, %c[rbp](%%rsp)\n"
                                 "movq %c[current](%%rsp), %%rbx\n"
                                 "cmpb $0, %c[in_kernel_mode](%%rbx)\n"
                                 "je 6f\n"
                                 "cmpq $63, %%rax\n"
                                 "ja 6f\n"
                                 "cmpl %[iret], %%eax\n"
                                 "je 6f\n"
                                 "sti\n"
                                 "xorl %%ebp, %%ebp\n" // backtraces end here
                                 "pushq $0\n"          // hypercall::Call
                                 "pushq %%r9\n"
                                 "pushq %%r8\n"
                                 "pushq %%r10\n"
                                 "pushq %%rdx\n"
                                 "pushq %%rsi\n"
                                 "pushq %%rdi\n"
                                 "andl $63, %%eax\n" // also under speculation
                                 "leaq (%%rax, %%rax, 2), %%rax\n"
                                 "leaq %c[table](%%rip), %%rcx\n"
                                 "movq (%%rcx, %%rax, 8), %%r11\n"
                                 "testq %%r11, %%r11\n"
                                 "jz 4f\n"
                                 "movq %%rsp, %%rdi\n"
                                 "call __x86_indirect_thunk_r11\n"
                                 "testb $1, %%dl\n"
                                 "jnz 5f\n"
                                 "addq $56, %%rsp\n"
                                 "movq %%rax, %c[rax](%%rsp)\n"
                                 "cli\n"
                                 // Anything to do first? Then the long way.
                                 "movq %c[percpu_offset](%%rsp), %%rcx\n"
                                 "leaq %c[pending](%%rip), %%r11\n"
                                 "cmpq $0, (%%rcx, %%r11)\n"
                                 "jne 3f\n"
                                 "movq %c[info](%%rbx), %%rcx\n"
                                 "cmpb $0, %c[upcall_pending](%%rcx)\n"
                                 "je 1f\n"
                                 "cmpb $0, %c[upcall_mask](%%rcx)\n"
                                 "je 3f\n"
                                 "1: cmpb $0, %c[pending_nmi](%%rbx)\n"
                                 "jne 3f\n"
                                 "cmpl %[entry_syscall], %c[entry_vector](%%rsp)\n" // an iret in a multicall changes
                                                                                    // all
                                 "jne 3f\n"
                                 // Only back into the upper half: SYSRET to a non-canonical address faults in ring 0 on
                                 // Intel (CVE-2012-0217).
                                 "movq %c[rip](%%rsp), %%rcx\n"
                                 "movq %%rcx, %%r11\n"
                                 "sarq $47, %%r11\n"
                                 "incq %%r11\n"
                                 "jnz 3f\n" PX_PATCH_ISOLATE(
                                     "px_hypercall_long_way") "movq %c[rdi](%%rsp), %%rdi\n"
                                                              "movq %c[rsi](%%rsp), %%rsi\n"
                                                              "movq %c[rdx](%%rsp), %%rdx\n"
                                                              "movq %c[r8](%%rsp), %%r8\n"
                                                              "movq %c[r9](%%rsp), %%r9\n"
                                                              "movq %c[r10](%%rsp), %%r10\n"
                                                              "movq %c[rbx](%%rsp), %%rbx\n"
                                                              "movq %c[rbp](%%rsp), %%rbp\n"
                                                              "movq %c[rflags](%%rsp), %%r11\n"
                                                              "movq %c[rsp](%%rsp), %%rsp\n" PX_PATCH_VERW "sysretq\n"

                                                              // No handler.
                                                              "4: addq $56, %%rsp\n"
                                                              "movq %[no_such_call], %c[rax](%%rsp)\n"
                                                              "cli\n"
                                                              "jmp 3f\n"

                                                              // The call is to be made again.
                                                              "5: movq %%rsp, %%rdi\n"
                                                              "leaq 56(%%rsp), %%rsi\n"
                                                              "call px_restart_hypercall\n"
                                                              "addq $56, %%rsp\n"

                                                              // The long way back: completes the frame.
                                                              "px_hypercall_long_way:\n"
                                                              "3: movq %%r12, %c[r12](%%rsp)\n"
                                                              "movq %%r13, %c[r13](%%rsp)\n"
                                                              "movq %%r14, %c[r14](%%rsp)\n"
                                                              "movq %%r15, %c[r15](%%rsp)\n"
                                                              "cmpl %[entry_syscall], %c[entry_vector](%%rsp)\n"
                                                              "jne 2f\n"
                                                              "movq %c[rip](%%rsp), %%rax\n"
                                                              "movq %%rax, %c[rcx](%%rsp)\n"
                                                              "movq %c[rflags](%%rsp), %%rax\n"
                                                              "movq %%rax, %c[r11](%%rsp)\n"
                                                              "2: subq $8, %%rsp\n"
                                                              "jmp px_leave_guest\n"

                                                              // No hypercall, or iret.
                                                              "6: movq %%r12, %c[r12](%%rsp)\n"
                                                              "movq %%r13, %c[r13](%%rsp)\n"
                                                              "movq %%r14, %c[r14](%%rsp)\n"
                                                              "movq %%r15, %c[r15](%%rsp)\n"
                                                              "movq %%rcx, %c[rcx](%%rsp)\n"
                                                              "movq %%r11, %c[r11](%%rsp)\n"
                                                              "xorl %%ebp, %%ebp\n"
                                                              "xorl %%r12d, %%r12d\n" // what the guest had there must
                                                                                      // not be used under speculation
                                                              "xorl %%r13d, %%r13d\n"
                                                              "xorl %%r14d, %%r14d\n"
                                                              "xorl %%r15d, %%r15d\n"
                                                              "movq %%rsp, %%rdi\n"
                                                              "subq $8, %%rsp\n"
                                                              "call px_syscall\n"
                                                              "jmp px_leave_guest\n"
        :
        : PX_PLACE(r15, offsetof(Registers, r15)), PX_PLACE(r14, offsetof(Registers, r14)),
          PX_PLACE(r13, offsetof(Registers, r13)), PX_PLACE(r12, offsetof(Registers, r12)),
          PX_PLACE(rbp, offsetof(Registers, rbp)), PX_PLACE(rbx, offsetof(Registers, rbx)),
          PX_PLACE(r11, offsetof(Registers, r11)), PX_PLACE(r10, offsetof(Registers, r10)),
          PX_PLACE(r9, offsetof(Registers, r9)), PX_PLACE(r8, offsetof(Registers, r8)),
          PX_PLACE(rax, offsetof(Registers, rax)), PX_PLACE(rcx, offsetof(Registers, rcx)),
          PX_PLACE(rdx, offsetof(Registers, rdx)), PX_PLACE(rsi, offsetof(Registers, rsi)),
          PX_PLACE(rdi, offsetof(Registers, rdi)), PX_PLACE(error_code, offsetof(Registers, error_code)),
          PX_PLACE(entry_vector, offsetof(Registers, entry_vector)), PX_PLACE(rip, offsetof(Registers, rip)),
          PX_PLACE(rflags, offsetof(Registers, rflags)), PX_PLACE(rsp, offsetof(Registers, rsp)),
          PX_PLACE(current, sizeof(Registers)), PX_PLACE(percpu_offset, sizeof(Registers) + 8),
          PX_PLACE(in_kernel_mode, offsetof(PvVcpu, in_kernel_mode)), PX_PLACE(info, offsetof(PvVcpu, info)),
          PX_PLACE(pending_nmi, offsetof(PvVcpu, pending_nmi)),
          PX_PLACE(upcall_pending, offsetof(abi::VcpuInfo, evtchn_upcall_pending)),
          PX_PLACE(upcall_mask, offsetof(abi::VcpuInfo, evtchn_upcall_mask)),
          PX_PLACE(entry_syscall, x86::entry_syscall), PX_PLACE(iret, static_cast<u32>(abi::Hypercall::Iret)),
          PX_PLACE(no_such_call, to_hypercall(Error::NoSys)), PX_PLACE(table, &hypercall_table),
          PX_PLACE(pending, &softirq::pending));
}

} // namespace px::pv
