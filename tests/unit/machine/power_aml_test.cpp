// SPDX-License-Identifier: Apache-2.0
// \_S5_ in AML, as firmwares encode it.
#include "x86/machine/firmware/power.hpp"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace px::x86::power {
namespace {

// From the DSDT of QEMU 7.2 (q35): \_S4_ and \_S5_.
constexpr u8 qemu[] = {0x33, 0x5f, 0x12, 0x06, 0x04, 0x01, 0x01, 0x00, 0x00, 0x08, 0x5f, 0x53, 0x34, 0x5f,
                       0x12, 0x08, 0x04, 0x0a, 0x02, 0x0a, 0x02, 0x00, 0x00, 0x08, 0x5f, 0x53, 0x35, 0x5f,
                       0x12, 0x06, 0x04, 0x00, 0x00, 0x00, 0x00, 0x10, 0x3b, 0x5c, 0x2e, 0x5f};

TEST(PowerAml, Qemu) {
    const auto s5 = find_s5(qemu);
    ASSERT_TRUE(s5);
    EXPECT_EQ(s5->a, 0);
    EXPECT_EQ(s5->b, 0);
}

TEST(PowerAml, OtherEncodings) {
    const u8 bytes[] = {0x08, '\\', '_', 'S', '5', '_', 0x12, 0x0a, 0x04, 0x0a, 0x07, 0x0a, 0x05, 0, 0, 0};
    const auto s5 = find_s5(bytes);
    ASSERT_TRUE(s5);
    EXPECT_EQ(s5->a, 7);
    EXPECT_EQ(s5->b, 5);
    const u8 long_length[] = {0x08, '_', 'S', '5', '_', 0x12, 0x47, 0x00, 0x02, 0x01, 0x0a, 0x05, 0, 0, 0};
    ASSERT_TRUE(find_s5(long_length));
    EXPECT_EQ(find_s5(long_length)->a, 1);
    EXPECT_EQ(find_s5(long_length)->b, 5);
}

TEST(PowerAml, NotADefinition) {
    const u8 reference[] = {0x5b, '_', 'S', '5', '_', 0x12, 0x06, 0x04, 0, 0, 0, 0};
    EXPECT_FALSE(find_s5(reference));
    EXPECT_FALSE(find_s5({}));
}

TEST(PowerAml, EveryTruncationAndRandomBytes) {
    for (std::size_t n = 0; n < sizeof qemu; ++n) {
        const std::vector<u8> cut(qemu, qemu + n);
        (void)find_s5(cut);
    }
    std::mt19937 random(1);
    for (int round = 0; round < 5000; ++round) {
        std::vector<u8> bytes(qemu, qemu + sizeof qemu);
        bytes.resize(random() % sizeof qemu);
        for (int i = 0; i < 3 && !bytes.empty(); ++i) bytes[random() % bytes.size()] = static_cast<u8>(random());
        (void)find_s5(bytes);
    }
}

} // namespace
} // namespace px::x86::power
