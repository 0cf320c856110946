// SPDX-License-Identifier: Apache-2.0
// Machine checks: what a bank says, how bad it is, and who has to end for it. Pure.
//
// Sources: SDM volume 3, chapter 16 (16.3.2 registers, 16.6 recovery of uncorrected errors, 16.9.3 codes of those that
// ask for an action); APM volume 2, chapter 9 (9.3.2 registers, 9.3.3 recovery).
#pragma once

#include "base/number.hpp"

#include <optional>

namespace px::x86::mca {

/// Bits of MCi_STATUS.
namespace status {
inline constexpr u64 valid = u64{1} << 63, overflow = u64{1} << 62, uncorrected = u64{1} << 61, enabled = u64{1} << 60,
                     has_misc = u64{1} << 59, has_address = u64{1} << 58, context_corrupt = u64{1} << 57;
inline constexpr u64 signalled = u64{1} << 56, action_required = u64{1} << 55; ///< Intel, with MCG_SER_P
inline constexpr u64 code_mask = 0xffff;
} // namespace status

/// Bits of MCG_STATUS.
namespace global_status {
inline constexpr u64 restartable = 1, is_of_rip = 2, in_progress = 4;
} // namespace global_status

/// What one bank held.
struct Bank {
    u32 number = 0;
    u64 status = 0, address = 0, misc = 0;
};

/// By which rules errors that the CPU could not correct are told apart. None: each is the end.
enum class Recovery : u8 { None, Intel, Amd };

/// What the CPU says of its machine-check architecture.
struct Abilities {
    u32 banks = 0;
    bool has_control = false; ///< MCG_CTL
    Recovery recovery = Recovery::None;
    bool survives_overflow = false; ///< AMD: a bank that lost an error says the worst of the rest

    /// @param mcg_cap  MCG_CAP; amd_ebx: of CPUID 0x80000007 on AMD's CPUs, else 0.
    static constexpr Abilities of(u64 mcg_cap, u32 amd_ebx) {
        constexpr u64 count = 0xff, control = 1 << 8, software_recovery = 1 << 24;
        constexpr u32 overflow_recovery = 1, containment = 2;
        return {static_cast<u32>(mcg_cap & count), (mcg_cap & control) != 0,
                mcg_cap & software_recovery ? Recovery::Intel
                : amd_ebx & containment     ? Recovery::Amd
                                            : Recovery::None,
                (amd_ebx & overflow_recovery) != 0};
    }
};

/// How bad an error is, the worst last.
enum class Severity : u8 {
    None,
    Corrected,
    Unused,   ///< not corrected, and nobody has used what is wrong (UCNA; deferred)
    Optional, ///< found by somebody who passed by, in memory most often: whoever uses it will suffer (SRAO)
    Required, ///< what ran has met it and cannot go on (SRAR)
    Fatal,
};

/// What the bank's error is to who handles the exception.
[[nodiscard]] Severity severity_of(const Bank& bank, const Abilities& abilities);

/// True if no exception comes, or came, for the bank's error: who polls may log and clear it.
[[nodiscard]] bool is_left_to_polling(const Bank& bank, const Abilities& abilities);

/// Machine address of what is wrong, exact to the page; none if the bank does not say it.
[[nodiscard]] std::optional<Paddr> address_of(const Bank& bank, const Abilities& abilities);

/// When an exception came.
struct Moment {
    bool in_guest;      ///< it interrupted a guest
    bool is_disposable; ///< and that guest may be ended without the host
    u64 global;         ///< MCG_STATUS
};

/// What follows from an exception.
enum class Verdict : u8 {
    GoOn,     ///< log and clear; owners of what is wrong end
    EndGuest, ///< beside that the guest that was interrupted
    Leave,    ///< another thread of the core has met it, sees the same bank and needs it
    EndHost,
};

/// @param worst  of all banks that this CPU sees.
[[nodiscard]] Verdict judge(Severity worst, const Moment& moment, const Abilities& abilities);

} // namespace px::x86::mca
