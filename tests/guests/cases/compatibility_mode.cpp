// SPDX-License-Identifier: Apache-2.0
// 32-bit user code under a 64-bit kernel: entered by iret, back by SYSCALL, SYSENTER, INT and faults.
#include "lib/micro.hpp"
#include "lib/user.hpp"

using namespace micro;
using abi::Hypercall;

namespace {

constexpr u64 code32 = abi::flat_ring3_cs32, data = abi::flat_ring3_ss64;
Frame back;

long set_callback(abi::CallbackType type, void* entry) {
    abi::CallbackRegister op{};
    op.type = static_cast<u16>(type);
    op.flags = abi::callbackf_mask_events;
    op.address = reinterpret_cast<u64>(entry);
    return call(Hypercall::CallbackOp, abi::CallbackOp::Register, &op);
}

bool is_intel() {
    u32 a = 0, b, c = 0, d;
    asm volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    return b == 0x756e6547;
}

/// Runs 32-bit code until it comes back, by whatever way; the frame of that is in `back`.
template <unsigned n> void run(const u8 (&code)[n]) {
    const UserSpace space(code, n);
    trap_hook = [](Frame& frame) {
        back = frame;
        leave_user();
    };
    back = {};
    enter_user_by(UserSpace::code_address, UserSpace::stack_address, code32, data);
}

} // namespace

MICRO_CASE(compatibility_mode_and_back_by_int) {
    // mov $0x11223344, %eax; mov $0x55667788, %ebx; int $0x80
    static const u8 code[] = {0xb8, 0x44, 0x33, 0x22, 0x11, 0xbb, 0x88, 0x77, 0x66, 0x55, 0xcd, 0x80};
    run(code);
    CHECK_IS(back.vector, 0x80);
    CHECK_IS(back.rax, 0x11223344);
    CHECK_IS(back.rbx, 0x55667788);
    CHECK_IS(back.cs & 0xffff, code32);
    CHECK_IS(back.rip, UserSpace::code_address + sizeof code);
    CHECK_IS(back.rsp, UserSpace::stack_address);
}

MICRO_CASE(compatibility_mode_syscall) {
    if (is_intel()) return; // #UD whatever the callback, but not in every emulator
    // A callback's frame looks like the one for 64-bit code; which it was, the kernel knows by the entry. mov $7, %eax;
    // syscall
    static const u8 code[] = {0xb8, 7, 0, 0, 0, 0x0f, 0x05};
    run(code);
    CHECK_IS(back.vector, 6); // nobody wants it
    CHECK_IS(back.rip, UserSpace::code_address + 5);
    CHECK_IS(set_callback(abi::CallbackType::Syscall32, syscall32_entry), 0);
    run(code);
    CHECK_IS(back.vector, 0x203);
    CHECK_IS(back.rax, 7);
    CHECK_IS(back.rip, UserSpace::code_address + sizeof code);
    observe("syscall32 cs", back.cs & 0xffff);
    observe("syscall32 ss", back.ss & 0xffff);
    CHECK_IS(back.rsp, UserSpace::stack_address);
    CHECK_IS(set_callback(abi::CallbackType::Syscall32, nullptr), 0); // none again
    run(code);
    CHECK_IS(back.vector, 6);
}

MICRO_CASE(compatibility_mode_sysenter) {
    // mov $9, %eax; sysenter. On AMD's CPUs there is none in long mode: #UD there, #GP here and in some emulators.
    static const u8 code[] = {0xb8, 9, 0, 0, 0, 0x0f, 0x34};
    run(code);
    if (!is_intel()) {
        CHECK(back.vector == 13 || back.vector == 6);
        CHECK_IS(back.rip, UserSpace::code_address + 5);
        return;
    }
    print("sysenter without callback: vector ");
    print_number(static_cast<s64>(back.vector));
    print(" rip ");
    print_number(static_cast<s64>(back.rip), true);
    print("\n");
    CHECK_IS(back.vector, 13);
    CHECK_IS(set_callback(abi::CallbackType::Sysenter, sysenter_entry), 0);
    run(code);
    CHECK_IS(back.vector, 0x204);
    CHECK_IS(back.rax, 9);
    print("sysenter: cs ");
    print_number(static_cast<s64>(back.cs), true);
    print(" rip ");
    print_number(static_cast<s64>(back.rip), true);
    print(" flags ");
    print_number(static_cast<s64>(back.rflags), true);
    print(" rsp ");
    print_number(static_cast<s64>(back.rsp), true);
    print(" ss ");
    print_number(static_cast<s64>(back.ss), true);
    print("\n");
    CHECK(back.rflags & 0x200);
    CHECK_IS(back.cs & 3, 3);
    CHECK_IS(set_callback(abi::CallbackType::Sysenter, nullptr), 0);
}

MICRO_CASE(compatibility_mode_faults) {
    // 32-bit code needs a data segment, which a PV guest starts without. mov %ss, %eax; mov %eax, %ds; mov 0x10, %eax:
    // nothing is there
    static const u8 load[] = {0x8c, 0xd0, 0x8e, 0xd8, 0xa1, 0x10, 0, 0, 0};
    run(load);
    CHECK_IS(back.vector, 14);
    CHECK_IS(back.error_code, 4);
    CHECK_IS(vcpu_info().arch.cr2, 0x10);
    CHECK_IS(back.rip, UserSpace::code_address + 4);
    CHECK_IS(back.cs & 0xffff, code32);
    static const u8 halt[] = {0xf4};
    run(halt);
    CHECK_IS(back.vector, 13);
    // into: one byte, only in 32-bit code. mov $0x7fffffff, %eax; inc %eax; into
    static const u8 overflow[] = {0xb8, 0xff, 0xff, 0xff, 0x7f, 0x40, 0xce};
    run(overflow);
    CHECK_IS(back.vector, 4);
    CHECK_IS(back.rip, UserSpace::code_address + sizeof overflow);
    // Port I/O of user mode is the kernel's to allow. mov $0x80, %dx; in %dx, %al
    static const u8 port[] = {0x66, 0xba, 0x80, 0, 0xec};
    run(port);
    CHECK_IS(back.vector, 13);
    CHECK_IS(back.rip, UserSpace::code_address + 4);
}

/// RDTSC in user mode is the kernel's to forbid, by CR4.TSD, also where the hypervisor emulates the instruction.
MICRO_CASE(user_mode_rdtsc_obeys_tsd) {
    // rdtsc; int $0x80
    static const u8 code[] = {0x0f, 0x31, 0xcd, 0x80};
    run(code);
    CHECK_IS(back.vector, 0x80);
    u64 cr4;
    asm volatile("mov %%cr4, %0" : "=r"(cr4));
    asm volatile("mov %0, %%cr4" ::"r"(cr4 | 4));
    run(code);
    CHECK_IS(back.vector, 13);
    CHECK_IS(back.rip, UserSpace::code_address);
    asm volatile("mov %0, %%cr4" ::"r"(cr4));
    run(code);
    CHECK_IS(back.vector, 0x80);
}
