// SPDX-License-Identifier: Apache-2.0
// Vectors of a CPU: all can be taken, none twice.
#include "x86/machine/interrupt/vector_table.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace px::x86::irq {
namespace {

TEST(VectorTable, GivesEachVectorOnce) {
    VectorTable table{};
    std::set<u8> seen;
    for (u32 i = 0; i < VectorTable::count; ++i) {
        const u8 v = table.take(Irq(i));
        ASSERT_TRUE(VectorTable::is_device(v)) << int{v};
        EXPECT_TRUE(seen.insert(v).second);
        EXPECT_EQ(table.owner(v), Irq(i));
    }
    EXPECT_EQ(table.take(Irq(999)), 0);
    EXPECT_EQ(table.used(), VectorTable::count);
    EXPECT_EQ(seen.size(), VectorTable::count);
}

TEST(VectorTable, SpreadsOverPriorityClasses) {
    VectorTable table{};
    std::set<int> classes;
    for (u32 i = 0; i < VectorTable::count / 16; ++i) classes.insert(table.take(Irq(i)) >> 4);
    EXPECT_EQ(classes.size(), VectorTable::count / 16);
}

TEST(VectorTable, TakesAWantedVectorIfFree) {
    VectorTable table{};
    EXPECT_TRUE(table.take(Irq(7), 0x41));
    EXPECT_FALSE(table.take(Irq(8), 0x41));
    EXPECT_EQ(table.owner(0x41), Irq(7));
    table.release(0x41);
    EXPECT_FALSE(table.owner(0x41).is_valid());
    EXPECT_EQ(table.used(), 0u);
}

TEST(VectorTable, OtherVectorsHaveNoOwner) {
    const VectorTable table{};
    for (int v : {0x00, 0x20, 0x2f, 0xe0, 0xf9, 0xff}) EXPECT_FALSE(table.owner(static_cast<u8>(v)).is_valid());
}

TEST(VectorTable, RandomUseAgainstASet) {
    VectorTable table{};
    std::mt19937 random(1);
    std::set<u8> taken;
    for (int step = 0; step < 20000; ++step) {
        if (random() % 2 == 0) {
            if (const u8 v = table.take(Irq(random() % 16384))) EXPECT_TRUE(taken.insert(v).second);
            else EXPECT_EQ(taken.size(), VectorTable::count);
        } else if (!taken.empty()) {
            auto it = taken.begin();
            std::advance(it, random() % taken.size());
            table.release(*it);
            taken.erase(it);
        }
        ASSERT_EQ(table.used(), taken.size());
    }
}

} // namespace
} // namespace px::x86::irq
