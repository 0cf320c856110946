// SPDX-License-Identifier: Apache-2.0
// Extended state: what a guest may enable, and which CPUs leave the last x87 instruction's pointers in place.
#include "x86/guest/fpu.hpp"

#include <gtest/gtest.h>

namespace px::guest {
namespace {

TEST(Fpu, PointersStayOnAmdsCpusThatDoNotSayOtherwise) {
    constexpr auto always_restored = x86::extended_8b::restores_pointers;
    EXPECT_TRUE(restore_keeps_pointers(true, {}));
    EXPECT_TRUE(restore_keeps_pointers(true, ~always_restored));
    EXPECT_FALSE(restore_keeps_pointers(true, always_restored));
    EXPECT_FALSE(restore_keeps_pointers(false, {})); // Intel's restore them always
}

TEST(Fpu, ComponentsThatBelongTogether) {
    constexpr u64 host = 0xe7;
    for (const u64 good : {1, 3, 7, 0xe7}) EXPECT_TRUE(is_valid_xcr0(good, host)) << good;
    for (const u64 bad : {0, 2, 5, 0x27, 0xe3, 0x107}) EXPECT_FALSE(is_valid_xcr0(bad, host)) << bad;
}

} // namespace
} // namespace px::guest
