// SPDX-License-Identifier: Apache-2.0
// The words of the architecture against the manuals' numbers, and against what assembly and the ABI have as numbers.
#include "x86/arch/address.hpp"
#include "x86/arch/exception.hpp"
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

/// SDM volume 3, table 6-1.
TEST(Arch, EightExceptionsHaveAnErrorCode) {
    u32 with = 0;
    for (unsigned v = 0; v < 256; ++v)
        if (has_error_code(static_cast<Exception>(v))) with |= v < 32 ? 1u << v : 0;
    EXPECT_EQ(with, 0x00227d00u);
    EXPECT_FALSE(has_error_code(static_cast<Exception>(32 + 8)));
}

/// SDM volume 3, 4.7 and figure 6-7.
TEST(Arch, ErrorCodes) {
    EXPECT_EQ(
        (page_fault::present | page_fault::write | page_fault::user | page_fault::reserved | page_fault::fetch).raw(),
        31u);
    EXPECT_EQ(selector_code::idt.raw(), 2u);
}

TEST(Arch, RegistersThatFollowOneAnother) {
    EXPECT_EQ(number_of(Msr::McCtl + 4 * 3 + 1), 0x40du); // MC3_STATUS
    EXPECT_TRUE(is_in(Msr::McgStatus, Msr::McgCap, Msr::McgCtl));
    EXPECT_FALSE(is_in(Msr::MiscEnable, Msr::McgCap, Msr::McgCtl));
}

} // namespace
