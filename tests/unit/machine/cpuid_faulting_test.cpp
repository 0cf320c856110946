// SPDX-License-Identifier: Apache-2.0
// Which CPUs can make CPUID fault, and by which register.
#include "x86/machine/cpu/cpuid_faulting.hpp"

#include <gtest/gtest.h>

namespace px::x86::cpuid_faulting {
namespace {

static_assert(control_of(Vendor::Intel, u64{1} << 31, {}) == Control::Intel);
static_assert(switch_of(Control::Intel)->msr == Msr::MiscFeatures && switch_of(Control::Intel)->bit == 1);
static_assert(switch_of(Control::Amd)->msr == Msr::Hwcr && switch_of(Control::Amd)->bit == 0x800000000);

TEST(CpuidFaulting, IntelSaysSoInPlatformInfo) {
    EXPECT_EQ(control_of(Vendor::Intel, 0x80083bf3811a00, {}), Control::Intel); // Ivy Bridge and later
    EXPECT_EQ(control_of(Vendor::Intel, 0x80083b73811a00, {}), Control::None);
    EXPECT_EQ(control_of(Vendor::Intel, std::nullopt, {}), Control::None);
    EXPECT_EQ(control_of(Vendor::Intel, std::nullopt, Extended21A(~0u)), Control::None) << "a leaf of AMD's";
}

TEST(CpuidFaulting, AmdSaysSoInALeaf) {
    EXPECT_EQ(control_of(Vendor::Amd, std::nullopt, extended_21a::user_disable), Control::Amd); // Zen 4
    EXPECT_EQ(control_of(Vendor::Amd, std::nullopt, ~extended_21a::user_disable), Control::None);
    EXPECT_EQ(control_of(Vendor::Amd, ~u64{0}, {}), Control::None) << "a register of Intel's";
    EXPECT_FALSE(switch_of(Control::None));
}

TEST(CpuidFaulting, OthersFollowIntel) {
    EXPECT_EQ(control_of(Vendor::Other, u64{1} << 31, Extended21A(~0u)), Control::Intel);
    EXPECT_EQ(control_of(Vendor::Other, std::nullopt, Extended21A(~0u)), Control::None);
}

} // namespace
} // namespace px::x86::cpuid_faulting
