// SPDX-License-Identifier: Apache-2.0
// System calls of paravirtual guests, and hypercalls that do not come by the short way (entry_hypercall.cpp).
#include "x86/layout.hpp"
#include "x86/pv/bounce.hpp"
#include "x86/pv/hypercall_rows.hpp"
#include "x86/pv/iret.hpp"

namespace px::pv {

// entry.S has these as numbers.
static_assert(offsetof(x86::Registers, rax) == 80 && offsetof(x86::Registers, error_code) == 120);
static_assert(offsetof(x86::Registers, rip) == 128 && offsetof(x86::Registers, cs) == 136);
static_assert(offsetof(x86::Registers, rflags) == 144 && offsetof(x86::Registers, rsp) == 152);
static_assert(sizeof(x86::Registers) == 168 && sizeof(CpuInfo) == 64 && cpu_stack_size == 0x10000);
static_assert(x86::selector::guest_code32.raw() == 0xe023 && x86::selector::guest_data.raw() == 0xe02b);
static_assert(x86::selector::guest_code64.raw() == 0xe033 && max_cpus == 256);

namespace {

constexpr u64 syscall_length = 2;

/// SYSCALL from guest user mode (or 32-bit code): to the callback, or #UD at the instruction when there is none.
void forward_system_call(PvVcpu& vcpu, x86::Registers& r, const Callback& callback) {
    if (!callback.is_set()) [[unlikely]] {
        r.rip -= syscall_length;
        r.entry_vector = static_cast<u32>(x86::Exception::InvalidOpcode);
        inject_exception(vcpu, r, x86::Exception::InvalidOpcode);
        return;
    }
    bounce(vcpu, r, callback);
}

} // namespace

/// SYSCALL by 64-bit code, when it is no plain hypercall: entry_hypercall.cpp does those. Interrupts are off.
extern "C" void px_syscall(x86::Registers& r) {
    PvVcpu& vcpu = current_pv();
    if (!vcpu.in_kernel_mode) forward_system_call(vcpu, r, vcpu.syscall_callback);
    else if (r.rax == static_cast<u64>(abi::Hypercall::Iret)) return_from_guest_kernel(vcpu, r);
    else r.rax = static_cast<u64>(to_hypercall(Error::NoSys));
}

/// A hypercall wants to be made again, with these arguments.
extern "C" void px_restart_hypercall(const hypercall::Call& call, x86::Registers& r) {
    hypercall::check_restart(hypercall_table, r.rax); // still the number
    r.rdi = call.args[0];
    r.rsi = call.args[1];
    r.rdx = call.args[2];
    r.r10 = call.args[3];
    r.r8 = call.args[4];
    r.r9 = call.args[5];
    r.rip -= syscall_length;
}

/// SYSCALL by 32-bit code.
extern "C" void px_compat_syscall(x86::Registers& r) {
    PvVcpu& vcpu = current_pv();
    forward_system_call(vcpu, r, vcpu.syscall32_callback);
}

/// SYSENTER: the frame has neither rip nor rsp. Flags are as they were, but for interrupts.
extern "C" void px_sysenter_call(x86::Registers& r) {
    PvVcpu& vcpu = current_pv();
    r.rflags |= rflags::interrupts;
    r.cs = 3;
    if (!vcpu.sysenter_callback.is_set()) [[unlikely]] {
        r.entry_vector = static_cast<u32>(x86::Exception::GeneralProtection);
        inject_exception(vcpu, r, x86::Exception::GeneralProtection);
        return;
    }
    bounce(vcpu, r, vcpu.sysenter_callback);
}

} // namespace px::pv
