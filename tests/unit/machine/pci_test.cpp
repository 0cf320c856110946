// SPDX-License-Identifier: Apache-2.0
// Configuration space in memory: which register an address is, and which writes of a domain pass.
#include "x86/machine/pci/config_rules.hpp"

#include <gtest/gtest.h>

namespace px::x86::pci {
namespace {

constexpr acpi::PciSegment window{0xb0000000, 3, 2, 4};

TEST(ConfigRules, AddressesOfAWindow) {
    const auto at = [](u64 address) { return register_in(window, Paddr(address)); };
    EXPECT_FALSE(at(0));
    EXPECT_FALSE(at(window.address - 1));
    EXPECT_FALSE(at(window.address)); // bus 0, which the window is counted from and does not have
    EXPECT_FALSE(at(window.address + (2 << 20) - 1));
    const auto first = at(window.address + (2 << 20));
    ASSERT_TRUE(first);
    EXPECT_EQ(first->device, (Address{3, 2, 0}));
    EXPECT_EQ(first->offset, 0u);
    const auto last = at(window.address + (5 << 20) - 4);
    ASSERT_TRUE(last);
    EXPECT_EQ(last->device, (Address{3, 4, 0xff}));
    EXPECT_EQ(last->offset, 4092u);
    EXPECT_FALSE(at(window.address + (5 << 20)));
    EXPECT_FALSE(at(~u64{0}));
}

/// All offsets that pass, for one size.
std::vector<u32> passing(const Messages& messages, u32 bytes, u32 from, u32 to) {
    std::vector<u32> offsets;
    for (u32 offset = from; offset < to; offset += bytes)
        if (may_write(messages, offset, bytes)) offsets.push_back(offset);
    return offsets;
}

TEST(ConfigRules, OfMsixOnlyTheControlWordIsForWriting) {
    const Messages m{.msix = 0x70};
    EXPECT_EQ(passing(m, 2, 0x6c, 0x80), (std::vector<u32>{0x6c, 0x6e, 0x72, 0x7c, 0x7e}));
    EXPECT_EQ(passing(m, 4, 0x6c, 0x84), (std::vector<u32>{0x6c, 0x7c, 0x80}));
    EXPECT_EQ(passing(m, 1, 0x6e, 0x7e), (std::vector<u32>{0x6e, 0x6f, 0x7c, 0x7d}));
}

TEST(ConfigRules, OfAnMsiInUseTheMaskIsNot) {
    const Messages m{.msi = 0x50, .msi_mask = 0x60}; // of 64 bits
    EXPECT_EQ(passing(m, 4, 0x4c, 0x70), (std::vector<u32>{0x4c, 0x68, 0x6c}));
    EXPECT_EQ(passing(m, 2, 0x4e, 0x6c), (std::vector<u32>{0x4e, 0x52, 0x68, 0x6a}));
}

TEST(ConfigRules, AllElseIs) {
    EXPECT_EQ(passing({}, 4, 0, 4096).size(), 1024u);
    const Messages both{.msix = 0x70, .msi = 0x50, .msi_mask = 0x5c};
    EXPECT_EQ(passing(both, 4, 0, 4096).size(), 1024u - 3 - 5);
}

} // namespace
} // namespace px::x86::pci
