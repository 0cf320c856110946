// SPDX-License-Identifier: Apache-2.0
// The words of the architecture against the manuals' numbers, and against what assembly and the ABI have as numbers.
#include "x86/arch/address.hpp"
#include "x86/arch/msr.hpp"

#include <gtest/gtest.h>

using namespace px;
using namespace px::x86;

namespace {

TEST(Arch, CanonicalAddressesRepeatBit47) {
    for (const u64 good : {u64{0}, u64{0x7fffffffffff}, u64{0xffff800000000000}, ~u64{0}})
        EXPECT_TRUE(is_canonical(good));
    for (const u64 bad : {u64{0x800000000000}, u64{0xffff7fffffffffff}, u64{1} << 63, u64{0x0001000000000000}})
        EXPECT_FALSE(is_canonical(bad));
}

TEST(Arch, RegistersThatFollowOneAnother) {
    EXPECT_EQ(number_of(Msr::McCtl + 4 * 3 + 1), 0x40du); // MC3_STATUS
    EXPECT_TRUE(is_in(Msr::McgStatus, Msr::McgCap, Msr::McgCtl));
    EXPECT_FALSE(is_in(Msr::MiscEnable, Msr::McgCap, Msr::McgCtl));
}

} // namespace
