// SPDX-License-Identifier: Apache-2.0
// The register frame that every entry into the hypervisor builds.
#pragma once

#include "base/number.hpp"
#include "base/percpu.hpp"
#include "x86/arch/descriptor.hpp"
#include "x86/arch/exception.hpp"
#include "x86/arch/flags.hpp"

#include <cstddef>

namespace px::x86 {

/// General registers and the hardware's interrupt frame, in the order in which the entry code pushes them (the first
/// part equals the ABI's cpu_user_regs). A guest's lies right below CpuInfo at the top of the stack block.
struct Registers {
    u64 r15, r14, r13, r12, rbp, rbx;
    u64 r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
    u32 error_code;
    u32 entry_vector; ///< exception or interrupt vector, or an entry_* constant
    u64 rip;
    u64 cs; ///< low 16 bits
    Rflags rflags;
    u64 rsp;
    u64 ss; ///< low 16 bits
};
static_assert(sizeof(Registers) == 21 * sizeof(u64));
static_assert(offsetof(Registers, rip) == 128);

/// entry_vector for entries that are no exception.
inline constexpr u32 entry_syscall = 0x100;
inline constexpr u32 entry_sysenter = 0x101;
inline constexpr u32 entry_int82 = 0x102;
inline constexpr u32 entry_sysret = 0x103; ///< changed since: rcx and r11 may be lost on the way back, SYSRET will do

#ifdef PROXENOS_HYPERVISOR
/// The guest registers of this CPU's current vCPU (while in the hypervisor on its behalf).
inline Registers& guest_registers() { return *(reinterpret_cast<Registers*>(&cpu_info()) - 1); }
#endif

/// True if it was this exception that came.
constexpr bool is_exception(const Registers& r, Exception e) { return r.entry_vector == static_cast<u32>(e); }

/// The code segment that was left.
constexpr Selector code_segment(const Registers& r) { return Selector(static_cast<u16>(r.cs)); }
/// True if the frame was made from ring 3.
constexpr bool is_guest_mode(const Registers& r) { return selector::Privilege::of(code_segment(r)) == 3; }

} // namespace px::x86
