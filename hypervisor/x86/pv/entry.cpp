// SPDX-License-Identifier: Apache-2.0
// Hypercalls and system calls of paravirtual guests, and the last checks before each return to one.
#include "hypercall/call.hpp"
#include "schedule/softirq.hpp"
#include "x86/layout.hpp"
#include "x86/pv/bounce.hpp"
#include "x86/pv/iret.hpp"

namespace px::pv {

// entry.S has these as numbers.
static_assert(offsetof(x86::Registers, rax) == 80 && offsetof(x86::Registers, error_code) == 120);
static_assert(offsetof(x86::Registers, rip) == 128 && offsetof(x86::Registers, cs) == 136);
static_assert(offsetof(x86::Registers, rflags) == 144 && offsetof(x86::Registers, rsp) == 152);
static_assert(sizeof(x86::Registers) == 168 && sizeof(CpuInfo) == 64 && cpu_stack_size == 0x8000);
static_assert(x86::selector::guest_code32 == 0xe023 && x86::selector::guest_data == 0xe02b);
static_assert(x86::selector::guest_code64 == 0xe033 && max_cpus == 256);

namespace {

constexpr u64 syscall_length = 2;
constexpr unsigned vector_invalid_opcode = 6;
constexpr unsigned vector_general_protection = 13;

/// SYSCALL from guest user mode (or 32-bit code): to the callback, or #UD at the instruction when there is none.
void forward_system_call(PvVcpu& vcpu, x86::Registers& r, const Callback& callback) {
    if (callback.address == 0) [[unlikely]] {
        r.rip -= syscall_length;
        r.entry_vector = vector_invalid_opcode;
        inject_exception(vcpu, r, vector_invalid_opcode);
        return;
    }
    bounce(vcpu, r, callback);
}

/// Asynchronous deliveries, in order of urgency. True if one was made (or failed).
bool deliver_pending(PvVcpu& vcpu, x86::Registers& r) {
    if (vcpu.failsafe_pending) [[unlikely]] {
        vcpu.failsafe_pending = false;
        bounce<FrameKind::Failsafe>(vcpu, r, vcpu.failsafe_callback);
        return true;
    }
    if (vcpu.pending_nmi.load(std::memory_order_relaxed) && !vcpu.nmi_masked) [[unlikely]] {
        vcpu.pending_nmi.store(false, std::memory_order_relaxed);
        if (vcpu.nmi_callback.address == 0) return true;
        vcpu.nmi_masked = true;
        bounce<FrameKind::Plain>(vcpu, r, vcpu.nmi_callback.address, true);
        return true;
    }
    if (vcpu.events_need_delivery()) {
        bounce<FrameKind::Plain>(vcpu, r, vcpu.event_callback.address, true);
        return true;
    }
    return false;
}

/// True if SYSRET loads exactly this state. A non-canonical rip would fault in ring 0 on Intel (CVE-2012-0217 class).
bool can_use_sysret(const x86::Registers& r) {
    constexpr u64 odd_flags = rflags::tf | rflags::rf | rflags::vm;
    if ((r.entry_vector != x86::entry_syscall && r.entry_vector != x86::entry_sysret) || (r.rflags & odd_flags) != 0 ||
        r.ss != x86::selector::guest_data)
        return false;
    if (r.cs == x86::selector::guest_code64) return is_canonical(r.rip);
    return r.cs == x86::selector::guest_code32 && r.rip >> 32 == 0;
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
    if (vcpu.sysenter_callback.address == 0) [[unlikely]] {
        r.entry_vector = vector_general_protection;
        inject_exception(vcpu, r, vector_general_protection);
        return;
    }
    bounce(vcpu, r, vcpu.sysenter_callback);
}

/// IRET to the guest faulted: the guest's failsafe callback gets the state that could not be entered.
extern "C" void px_iret_failed(x86::Registers& r) {
    PvVcpu& vcpu = current_pv();
    vcpu.segments.ds = x86::read_ds();
    vcpu.segments.es = x86::read_es();
    vcpu.segments.fs = x86::read_fs();
    vcpu.segments.gs = x86::read_gs();
    vcpu.failsafe_pending = false;
    bounce<FrameKind::Failsafe>(vcpu, r, vcpu.failsafe_callback);
}

/// The last thing before a guest runs. Interrupts are off. True: leave by SYSRET, false: by IRET.
extern "C" bool px_leave(x86::Registers& r) {
    for (;;) {
        if (softirq::is_pending()) [[unlikely]] {
            x86::enable_interrupts();
            softirq::process();
            x86::disable_interrupts();
            continue;
        }
        if (!deliver_pending(current_pv(), r)) [[likely]]
            return can_use_sysret(r);
    }
}

} // namespace px::pv
