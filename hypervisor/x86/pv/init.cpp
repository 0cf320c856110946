// SPDX-License-Identifier: Apache-2.0
// The kind of guest, and the ways in from it on each CPU.
#include "abi/sysctl.hpp"
#include "x86/layout.hpp"
#include "x86/machine/cpu/cpu.hpp"
#include "x86/machine/cpu/cpu_features.hpp"
#include "x86/pv/bounce.hpp"
#include "x86/pv/hypercall_rows.hpp"
#include "x86/pv/xpti/xpti.hpp"

namespace px::pv {

namespace {

// entry.S
constexpr u64 stub_bytes = 64, compat_stub_offset = 32;
extern "C" const char px_syscall_stubs[];
extern "C" void px_sysenter();
/// What a CPU's SYSCALL stub uses.
struct alignas(64) SyscallSlot {
    u64 guest_rsp;
    u64 stack; ///< right below CpuInfo
};
static_assert(sizeof(SyscallSlot) == 64);
extern "C" SyscallSlot px_syscall_slots[max_cpus];

/// Flags cleared by SYSCALL.
constexpr auto syscall_flag_mask = rflags::trap | rflags::interrupts | rflags::direction | rflags::nested |
                                   rflags::resume | rflags::alignment | rflags::iopl;

/// Its ways in: STAR, LSTAR, SYSENTER, stubs.
void start_cpu(CpuId cpu) {
    using x86::Msr;
    const u64 stack = reinterpret_cast<u64>(&x86::cpu_info_of(cpu));
    px_syscall_slots[cpu.raw()].stack = stack;
    const u64 stub = reinterpret_cast<u64>(px_syscall_stubs) + cpu.raw() * stub_bytes;
    x86::wrmsr(Msr::LStar, stub);
    x86::wrmsr(Msr::CStar, stub + compat_stub_offset);
    // SYSRET: CS = base + 16 (64-bit) or base, SS = base + 8.
    x86::wrmsr(Msr::Star,
               u64{x86::selector::guest_code32.raw()} << 48 | u64{x86::selector::hypervisor_code.raw()} << 32);
    x86::wrmsr(Msr::SyscallMask, syscall_flag_mask.raw());
    // AMD's CPUs have no SYSENTER in long mode; where one is emulated all the same, an empty selector makes it #GP.
    const bool has_sysenter = x86::cpu_features.vendor != x86::Vendor::Amd;
    (void)x86::wrmsr_safe(Msr::SysenterCs, has_sysenter ? x86::selector::hypervisor_code.raw() : 0);
    (void)x86::wrmsr_safe(Msr::SysenterEsp, stack);
    (void)x86::wrmsr_safe(Msr::SysenterEip, reinterpret_cast<u64>(&px_sysenter));
}

void init() { smap_in_use = x86::host_cr4.has(x86::cr4::smap); }

KindCapabilities capabilities() { return {abi::physcap_pv, "xen-3.0-x86_64 "}; }

bool accepts(u32 flags) { return (flags & abi::cdf_hvm) == 0; }

} // namespace

constinit const GuestKind guest_kind{
    .name = "pv",
    .accepts = accepts,
    .make = make_pv_domain,
    .init = init,
    .make_cpu = xpti::create_cpu,
    .start_cpu = start_cpu,
    .capabilities = capabilities,
    .hypercalls = &hypercall_table,
};

} // namespace px::pv
