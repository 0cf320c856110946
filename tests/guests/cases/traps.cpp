// SPDX-License-Identifier: Apache-2.0
// Exceptions, privileged instructions, forced emulation, user mode.
#include "abi/domctl.hpp"
#include "lib/micro.hpp"
#include "lib/second.hpp"
#include "lib/user.hpp"

using namespace micro;
using abi::Errno;
using abi::Hypercall;

MICRO_CASE(page_fault_tells_address_and_code) {
    auto* nowhere = reinterpret_cast<volatile u64*>(0x123456789000);
    CHECK(traps([&] { *nowhere = 1; }));
    CHECK_IS(last_trap.vector, 14);
    CHECK_IS(last_trap.cr2, 0x123456789000);
    CHECK_IS(last_trap.error_code, 2); // the guest's kernel counts as supervisor
    CHECK(traps([&] { (void)*nowhere; }));
    CHECK_IS(last_trap.error_code, 0);
}

MICRO_CASE(read_only_page_faults_on_write) {
    auto* page = static_cast<volatile u64*>(new_page());
    CHECK_IS(set_access(const_cast<u64*>(page), false), 0);
    CHECK(traps([&] { *page = 1; }));
    CHECK_IS(last_trap.vector, 14);
    CHECK_IS(last_trap.error_code, 3);
    CHECK_IS(*page, 0);
    CHECK_IS(set_access(const_cast<u64*>(page), true), 0);
    CHECK(!traps([&] { *page = 1; }));
}

MICRO_CASE(no_execute_is_honoured) {
    auto* page = static_cast<u8*>(new_page());
    page[0] = 0xc3;
    CHECK_IS(set_access(page, true), 0);
    CHECK(traps([&] { reinterpret_cast<void (*)()>(page)(); }));
    CHECK_IS(last_trap.vector, 14);
    CHECK_IS(last_trap.error_code, 0x11);
}

MICRO_CASE(divide_error) {
    CHECK(traps([] {
        asm volatile("xor %%edx, %%edx; xor %%ecx, %%ecx; mov $1, %%eax; div %%ecx" ::: "eax", "ecx", "edx");
    }));
    CHECK_IS(last_trap.vector, 0);
}

MICRO_CASE(invalid_opcode) {
    CHECK(traps([] { asm volatile("ud2"); }));
    CHECK_IS(last_trap.vector, 6);
}

MICRO_CASE(breakpoint_and_overflow_gates) {
    CHECK(traps([] { asm volatile("int3"); }));
    CHECK_IS(last_trap.vector, 3);
}

MICRO_CASE(software_interrupt_goes_to_its_gate) {
    CHECK(traps([] { asm volatile("int $0x80"); }));
    CHECK_IS(last_trap.vector, 0x80);
}

MICRO_CASE(software_interrupt_without_gate_is_gp) {
    CHECK(traps([] { asm volatile("int $0x70"); }));
    CHECK_IS(last_trap.vector, 13);
    // QEMU before 8.0 gives vector * 16 + 2.
    CHECK(last_trap.error_code == 0x70 * 8 + 2 || last_trap.error_code == 0x70 * 16 + 2);
}

MICRO_CASE(privileged_instructions_are_gp) {
    CHECK(traps([] { asm volatile("hlt"); }));
    CHECK_IS(last_trap.vector, 13);
    CHECK(traps([] {
        u64 descriptor[2] = {};
        asm volatile("lgdt %0" ::"m"(descriptor));
    }));
    CHECK_IS(last_trap.vector, 13);
    CHECK(traps([] { asm volatile("ltr %0" ::"r"(u16{0xe040})); }));
    CHECK_IS(last_trap.vector, 13);
    CHECK(traps([] { asm volatile("invlpg (%0)" ::"r"(u64{0x1000})); }));
    CHECK_IS(last_trap.vector, 13);
    CHECK(traps([] { asm volatile("swapgs"); }));
    CHECK_IS(last_trap.vector, 13);
}

MICRO_CASE(non_canonical_access_is_gp) {
    CHECK(traps([] { (void)*reinterpret_cast<volatile u64*>(0x8000000000000000); }));
    CHECK_IS(last_trap.vector, 13);
    CHECK_IS(last_trap.error_code, 0);
}

MICRO_CASE(tsc_aux_belongs_to_the_guest) {
    constexpr u32 msr_tsc_aux = 0xc0000103, value = 0x12345;
    u32 a = 0x80000001, b, c = 0, d;
    asm volatile(".byte 0x0f, 0x0b, 0x78, 0x65, 0x6e; cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    const auto write = [](u32 low, u32 high) { asm volatile("wrmsr" ::"c"(msr_tsc_aux), "a"(low), "d"(high)); };
    if (!(d >> 27 & 1)) {
        CHECK(traps([&] { write(value, 0); }) && last_trap.vector == 13);
        return;
    }
    CHECK(!traps([&] { write(value, 0); }));
    CHECK(traps([&] { write(0, 1); }) && last_trap.vector == 13);
    for (unsigned i = 0; i < 3; ++i) {
        u32 low, high, aux = 0;
        asm volatile("rdtscp" : "=a"(low), "=d"(high), "=c"(aux));
        CHECK_IS(aux, value);
        abi::SchedPoll poll{}; // another vCPU may run here meanwhile, if only the idle one
        poll.timeout = system_time() + 2'000'000;
        call(Hypercall::SchedOp, abi::SchedOp::Poll, &poll);
    }
    CHECK(!traps([&] { write(0, 0); }));
}

MICRO_CASE(forced_emulation_of_cpuid) {
    u32 a = 0x40000000, b = 0, c = 0, d = 0;
    asm volatile(".byte 0x0f, 0x0b, 0x78, 0x65, 0x6e; cpuid" : "+a"(a), "+b"(b), "+c"(c), "+d"(d));
    CHECK(b == 0x566e6558 && c == 0x65584d4d && d == 0x4d4d566e);
    CHECK(a >= 0x40000002);
    a = 0x40000001, c = 0;
    asm volatile(".byte 0x0f, 0x0b, 0x78, 0x65, 0x6e; cpuid" : "+a"(a), "+b"(b), "+c"(c), "+d"(d));
    CHECK_IS(a, 0x00040011);
    a = 1, c = 0;
    asm volatile(".byte 0x0f, 0x0b, 0x78, 0x65, 0x6e; cpuid" : "+a"(a), "+b"(b), "+c"(c), "+d"(d));
    CHECK(c >> 31 & 1); // hypervisor present
    observe("vme", d >> 1 & 1);
    observe("pse", d >> 3 & 1);
    observe("monitor", c >> 3 & 1);
    observe("vmx", c >> 5 & 1);
}

MICRO_CASE(bad_msr_is_gp) {
    CHECK(traps([] {
        u32 low, high;
        asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(0x12345));
    }));
    CHECK_IS(last_trap.vector, 13);
    CHECK(traps([] { asm volatile("wrmsr" ::"a"(0), "d"(0), "c"(0xc0000082)); })); // LSTAR is the hypervisor's
    CHECK_IS(last_trap.vector, 13);
}

MICRO_CASE(efer_reads_as_long_mode) {
    u32 low = 0, high = 0;
    CHECK(!traps([&] { asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(0xc0000080)); }));
    CHECK((low & 0xd00) == 0xd00 || (low & 0x501) == 0x501); // LMA, LME, SCE or NX
}

MICRO_CASE(control_registers) {
    u64 cr0 = 0, cr4 = 0, cr2 = 0;
    CHECK(!traps([&] { asm volatile("mov %%cr0, %0" : "=r"(cr0)); }));
    CHECK(cr0 & 1 && cr0 >> 31 & 1);
    CHECK(!traps([&] { asm volatile("mov %%cr4, %0" : "=r"(cr4)); }));
    observe("cr4.pae", cr4 >> 5 & 1);
    CHECK(!traps([&] { asm volatile("mov %0, %%cr2" ::"r"(u64{0x5a5a000})); }));
    CHECK(!traps([&] { asm volatile("mov %%cr2, %0" : "=r"(cr2)); }));
    CHECK_IS(cr2, 0x5a5a000);
    // VMXE is not the guest's to set: the write is taken and the bit stays clear.
    CHECK(!traps([&] { asm volatile("mov %0, %%cr4" ::"r"(cr4 | u64{1} << 13)); }));
    CHECK(!traps([&] { asm volatile("mov %%cr4, %0" : "=r"(cr4)); }));
    CHECK_IS(cr4 >> 13 & 1, 0);
}

MICRO_CASE(fpu_taskswitch_sets_ts) {
    CHECK_IS(call(Hypercall::FpuTaskswitch, 1), 0);
    CHECK(traps([] { asm volatile("fninit"); }));
    CHECK_IS(last_trap.vector, 7);
    CHECK_IS(call(Hypercall::FpuTaskswitch, 0), 0);
    CHECK(!traps([] { asm volatile("fninit"); }));
    CHECK_IS(call(Hypercall::FpuTaskswitch, 1), 0);
    CHECK(!traps([] { asm volatile("clts"); }));
    CHECK(!traps([] { asm volatile("fninit"); }));
}

MICRO_CASE(debug_registers) {
    CHECK_IS(call(Hypercall::SetDebugreg, 0, 0x1000), 0);
    CHECK_IS(call(Hypercall::GetDebugreg, 0), 0x1000);
    CHECK_IS(call(Hypercall::SetDebugreg, 0, 0xffff830000001000), error(Errno::Perm));
    CHECK_IS(call(Hypercall::SetDebugreg, 9, 0), error(Errno::NoDevice));
    CHECK_IS(call(Hypercall::GetDebugreg, 9), error(Errno::NoDevice));
    CHECK_IS(call(Hypercall::SetDebugreg, 0, 0), 0);
}

MICRO_CASE(trap_table_checks_addresses) {
    static abi::TrapInfo table[2];
    table[0] = {0x90, 0, abi::flat_ring3_cs64, 0x8000000000000000};
    CHECK_IS(call(Hypercall::SetTrapTable, table), error(Errno::Invalid));
    CHECK_IS(call(Hypercall::SetTrapTable, u64{0xffff830000000000}), error(Errno::Fault));
}

MICRO_CASE(callback_op_checks) {
    abi::CallbackRegister op{};
    op.type = 99;
    CHECK_IS(call(Hypercall::CallbackOp, abi::CallbackOp::Register, &op), error(Errno::NoSys));
    op.type = static_cast<u16>(abi::CallbackType::Event);
    op.address = 0x8000000000000000;
    CHECK_IS(call(Hypercall::CallbackOp, abi::CallbackOp::Register, &op), error(Errno::Invalid));
    CHECK_IS(call(Hypercall::CallbackOp, 7, &op), error(Errno::NoSys));
}

MICRO_CASE(segment_bases) {
    CHECK_IS(call(Hypercall::SetSegmentBase, abi::SegmentBase::Fs, reinterpret_cast<u64>(&last_trap)), 0);
    last_trap.vector = 0x77;
    u64 value = 0;
    asm volatile("mov %%fs:0, %0" : "=r"(value));
    CHECK_IS(value, 0x77);
    CHECK_IS(call(Hypercall::SetSegmentBase, abi::SegmentBase::Fs, u64{0x8000000000000000}), error(Errno::Invalid));
    CHECK_IS(call(Hypercall::SetSegmentBase, 9, 0), error(Errno::Invalid));
    CHECK_IS(call(Hypercall::SetSegmentBase, abi::SegmentBase::Fs, 0), 0);
}

namespace {
u64 syscalls_seen, seen_rax, seen_cs, seen_rdi;
void user_hook(Frame& frame) {
    if (frame.vector != 0x202) return;
    ++syscalls_seen;
    seen_rax = frame.rax;
    seen_rdi = frame.rdi;
    seen_cs = frame.cs;
    leave_user();
}
} // namespace

namespace {
/// Both vCPUs may run on these CPUs only.
void place(u64 cpus) {
    static abi::Domctl op;
    static u64 mask;
    for (u32 vcpu = 0; vcpu < 2; ++vcpu) {
        memset(&op, 0, sizeof op);
        mask = cpus;
        op.cmd = static_cast<u32>(abi::DomctlCommand::SetVcpuAffinity);
        op.interface_version = abi::domctl_interface_version;
        op.u.vcpuaffinity.vcpu = vcpu;
        op.u.vcpuaffinity.flags = abi::vcpuaffinity_hard;
        op.u.vcpuaffinity.cpumap_hard = {{reinterpret_cast<u64>(&mask)}, 64};
        CHECK_IS(call(Hypercall::Domctl, &op), 0);
    }
}
volatile bool second_spins;
} // namespace

MICRO_CASE(user_mode_and_back_by_syscall) {
    // mov $0x1234, %eax; mov $0x5678, %edi; syscall
    static const u8 code[] = {0xb8, 0x34, 0x12, 0, 0, 0xbf, 0x78, 0x56, 0, 0, 0x0f, 0x05};
    const UserSpace space(code, sizeof code);
    trap_hook = user_hook;
    syscalls_seen = 0;
    enter_user(UserSpace::code_address, UserSpace::stack_address, 0);
    CHECK_IS(syscalls_seen, 1);
    CHECK_IS(seen_rax, 0x1234);
    CHECK_IS(seen_rdi, 0x5678);
}

/// A registered area that user mode's tables do not have cannot be written while the vCPU comes back there: it is
/// written when the vCPU enters its kernel.
MICRO_CASE(areas_out_of_reach_are_written_later) {
    // mov %rax,%rdi (the argument); a loop until the cycle counter is there: rdtsc; shl $32,%rdx; or %rdx,%rax;
    // cmp %rdi,%rax; jb; then syscall.
    static const u8 code[] = {0x48, 0x89, 0xc7, 0x0f, 0x31, 0x48, 0xc1, 0xe2, 0x20, 0x48,
                              0x09, 0xd0, 0x48, 0x39, 0xf8, 0x72, 0xf2, 0x0f, 0x05};
    const UserSpace space(code, sizeof code);
    alignas(64) static abi::VcpuRunstateInfo area, now;
    abi::VcpuRegisterRunstateMemoryArea op{};
    op.addr.p = reinterpret_cast<u64>(&area);
    CHECK_IS(call(Hypercall::VcpuOp, abi::VcpuOp::RegisterRunstateMemoryArea, 0, &op), 0);
    // Another vCPU is busy on the same CPU: this one loses it while it is in user mode, some time in so many cycles.
    second_spins = true;
    const bool has_second = start_second([] {
        while (second_spins) {}
    });
    if (has_second) place(1);
    trap_hook = user_hook;
    const u64 before = area.state_entry_time, waited = area.time[1];
    abi::VcpuRunstateInfo seen;
    // A host that is busy itself may let so many cycles pass without the hypervisor.
    for (int tries = 0; tries < 100; ++tries) {
        enter_user(UserSpace::code_address, UserSpace::stack_address, rdtsc() + 100'000'000);
        seen = area;
        CHECK_IS(call(Hypercall::VcpuOp, abi::VcpuOp::GetRunstateInfo, 0, &now), 0);
        if (!has_second || seen.time[1] > waited) break;
    }
    second_spins = false;
    CHECK_IS(seen.state, 0);
    if (has_second) {
        place(~u64{0});
        CHECK(second_is_down());
        CHECK(now.time[1] > waited);
        CHECK(seen.state_entry_time > before);
        CHECK(seen.time[1] > waited);
    }
    op.addr.p = 0;
    CHECK_IS(call(Hypercall::VcpuOp, abi::VcpuOp::RegisterRunstateMemoryArea, 0, &op), 0);
}

MICRO_CASE(user_mode_cannot_reach_the_kernel) {
    // mov 0xffffffff80100000, %rax: a kernel address that the user's tables do not have.
    static const u8 code[] = {0x48, 0xc7, 0xc1, 0, 0, 0x10, 0x80, 0x48, 0x8b, 0x01};
    const UserSpace space(code, sizeof code);
    static u64 vector, code_seen;
    trap_hook = [](Frame& frame) {
        vector = frame.vector;
        code_seen = frame.error_code;
        leave_user();
    };
    enter_user(UserSpace::code_address, UserSpace::stack_address, 0);
    CHECK_IS(vector, 14);
    CHECK_IS(code_seen, 4);
    CHECK_IS(vcpu_info().arch.cr2, 0xffffffff80100000);
}

MICRO_CASE(sse_state_survives_hypercalls_and_sleep) {
    alignas(16) static u64 in[2] = {0x0123456789abcdef, 0xfedcba9876543210}, out[2];
    asm volatile("movups %0, %%xmm7" ::"m"(in));
    const u64 until = system_time() + 3000000;
    abi::VcpuSetSingleshotTimer op{until, 0};
    call(Hypercall::VcpuOp, abi::VcpuOp::SetSingleshotTimer, 0, &op);
    while (system_time() < until) call(Hypercall::SchedOp, abi::SchedOp::Yield, 0);
    asm volatile("movups %%xmm7, %0" : "=m"(out));
    CHECK(out[0] == in[0] && out[1] == in[1]);
}
