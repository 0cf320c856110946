// SPDX-License-Identifier: Apache-2.0
// CPUID faulting: CPUID outside ring 0 raises #GP, so that programs of guests see their domain's policy (SDM volume 4,
// MSRs 0xce and 0x140; APM volume 3, leaf 0x80000021 "CpuidUserDis").
#pragma once

#include "base/number.hpp"
#include "x86/arch/cpuid_bits.hpp"
#include "x86/arch/msr.hpp"
#include "x86/machine/cpu/cpu_features.hpp"

#include <optional>

namespace px::x86::cpuid_faulting {

/// How a CPU is told to do it.
enum class Control : u8 {
    None,  ///< it cannot: programs see the host's CPUID
    Intel, ///< MISC_FEATURES_ENABLES, bit 0
    Amd,   ///< HWCR, bit 35
};

inline constexpr u64 platform_has_faulting = u64{1} << 31; ///< in PLATFORM_INFO
inline constexpr u64 misc_faulting = 1;                    ///< in MISC_FEATURES_ENABLES
inline constexpr u64 hwcr_user_disable = u64{1} << 35;

/// What a CPU has. Pure.
/// @param platform_info  MSR 0xce, where it can be read; leaf_21: nothing without that leaf.
constexpr Control control_of(Vendor vendor, std::optional<u64> platform_info, Extended21A leaf_21) {
    if (vendor == Vendor::Amd) return leaf_21.has(extended_21a::user_disable) ? Control::Amd : Control::None;
    // Other vendors have taken over Intel's way; where the MSR is not there, it cannot be read.
    return platform_info && (*platform_info & platform_has_faulting) ? Control::Intel : Control::None;
}

/// Which register to change, and how. Pure.
struct Switch {
    Msr msr;
    u64 bit;
};
constexpr std::optional<Switch> switch_of(Control control) {
    switch (control) {
    case Control::Intel: return Switch{Msr::MiscFeatures, misc_faulting};
    case Control::Amd: return Switch{Msr::Hwcr, hwcr_user_disable};
    case Control::None: break;
    }
    return std::nullopt;
}

/// Switches it on for this CPU and for good: all guests are paravirtual, in ring 3, and the hypervisor in ring 0 does
/// not see it. The boot CPU finds out first what there is.
void init_cpu();
/// True where it is on.
[[nodiscard]] bool is_on();

} // namespace px::x86::cpuid_faulting
