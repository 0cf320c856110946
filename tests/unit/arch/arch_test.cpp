// SPDX-License-Identifier: Apache-2.0
// The words of the architecture against the manuals' numbers, and against what assembly and the ABI have as numbers.
#include "x86/arch/address.hpp"
#include "x86/arch/control.hpp"
#include "x86/arch/debug.hpp"
#include "x86/arch/exception.hpp"
#include "x86/arch/flags.hpp"
#include "x86/arch/msr.hpp"

#include <gtest/gtest.h>

using namespace px;
using namespace px::x86;

namespace {

TEST(Arch, CanonicalAddressesRepeatBit47) {
    for (const u64 good : {u64{0}, u64{0x7fffffffffff}, u64{0xffff800000000000}, ~u64{0}})
        EXPECT_TRUE(is_canonical(good) && is_canonical(GuestVaddr(good)));
    for (const u64 bad : {u64{0x800000000000}, u64{0xffff7fffffffffff}, u64{1} << 63, u64{0x0001000000000000}})
        EXPECT_FALSE(is_canonical(bad) || is_canonical(GuestVaddr(bad)));
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

/// SDM volume 3, table 10-1: after reset.
TEST(Arch, DebugRegistersAfterReset) {
    EXPECT_EQ(dr6::nothing.raw(), 0xffff0ff0u);
    EXPECT_EQ(dr7::nothing.raw(), 0x400u);
    EXPECT_EQ(dr6::sticky.raw(), 0xe00fu);
    // Breakpoint 2 by its global bit, on writes.
    constexpr Dr7 control{0x400 | 1u << 5 | 1u << 24};
    for (unsigned i = 0; i < 4; ++i) EXPECT_EQ(dr7::is_enabled(control, i), i == 2);
    EXPECT_EQ(dr7::access_of(control, 2), dr7::Access::Write);
    EXPECT_EQ(dr7::access_of(control, 1), dr7::Access::Execute);
}

TEST(Arch, ControlRegisters) {
    using namespace cr0;
    EXPECT_EQ((paging | alignment | write_protect | numeric | extension | monitor | protection).raw(), 0x80050033u);
    EXPECT_EQ((cr4::pae | cr4::mce | cr4::osfxsr | cr4::osxmmexcpt).raw(), 0x660u);
    EXPECT_EQ((efer::syscall | efer::long_mode | efer::long_mode_active | efer::no_execute).raw(), 0xd01u);
}

TEST(Arch, Flags) {
    EXPECT_EQ(rflags::iopl.raw(), 0x3000u);
    EXPECT_EQ(rflags::Iopl::of(Rflags{0x2246}), 2u);
    EXPECT_EQ((rflags::interrupts | rflags::always).raw(), 0x202u);
    EXPECT_EQ((rflags::carry | rflags::parity | rflags::adjust | rflags::zero | rflags::sign | rflags::overflow).raw(),
              0x8d5u);
}

TEST(Arch, RegistersThatFollowOneAnother) {
    EXPECT_EQ(number_of(Msr::McCtl + 4 * 3 + 1), 0x40du); // MC3_STATUS
    EXPECT_TRUE(is_in(Msr::McgStatus, Msr::McgCap, Msr::McgCtl));
    EXPECT_FALSE(is_in(Msr::MiscEnable, Msr::McgCap, Msr::McgCtl));
}

} // namespace
