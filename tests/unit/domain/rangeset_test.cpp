// SPDX-License-Identifier: Apache-2.0
// Range sets against a bitmap, over random operations and at the ends of the number range.
#include "domain/rangeset.hpp"

#include "fake_machine.hpp"

#include <gtest/gtest.h>

#include <bitset>
#include <random>

using namespace px;

namespace {

constexpr u64 top = ~u64{0};

TEST(RangeSet, AgreesWithABitmap) {
    constexpr u64 size = 128;
    for (unsigned seed = 0; seed < 100; ++seed) {
        std::mt19937 random(seed);
        RangeSet set;
        std::bitset<size> oracle;
        for (int step = 0; step < 300; ++step) {
            u64 first = random() % size, last = random() % size;
            if (first > last) std::swap(first, last);
            if (random() % 4) last = std::min(last, first + 5);
            const bool adds = random() % 2;
            ASSERT_TRUE(adds ? set.add(first, last) : set.remove(first, last));
            for (u64 i = first; i <= last; ++i) oracle[i] = adds;
            u64 inside = 0;
            for (u32 i = 0; i < set.count(); ++i) {
                ASSERT_LE(set.at(i).first, set.at(i).last);
                if (i) {
                    ASSERT_GT(set.at(i).first, set.at(i - 1).last + 1) << "neighbours must be one range";
                }
                inside += set.at(i).last - set.at(i).first + 1;
            }
            ASSERT_EQ(inside, oracle.count());
            for (u64 i = 0; i < size; ++i) ASSERT_EQ(set.contains(i), oracle[i]);
            bool all = true, any = false;
            for (u64 i = first; i <= last; ++i) {
                all = all && oracle[i];
                any = any || oracle[i];
            }
            ASSERT_EQ(set.contains(first, last), all);
            ASSERT_EQ(set.overlaps(first, last), any);
        }
    }
}

TEST(RangeSet, EndsOfTheNumbers) {
    RangeSet set;
    ASSERT_TRUE(set.add(0, top));
    EXPECT_TRUE(set.contains(0, top));
    ASSERT_TRUE(set.remove(0, 0));
    ASSERT_TRUE(set.remove(top, top));
    EXPECT_FALSE(set.contains(0));
    EXPECT_FALSE(set.contains(top));
    EXPECT_TRUE(set.contains(1, top - 1));
    ASSERT_TRUE(set.add(top, top));
    EXPECT_EQ(set.count(), 1u);
    EXPECT_FALSE(set.add(5, 4));
    EXPECT_FALSE(set.contains(5, 4));
    ASSERT_TRUE(set.remove(0, top));
    EXPECT_TRUE(set.is_empty());
}

TEST(RangeSet, IsBoundedAndUnchangedByFailure) {
    fake::machine = {};
    RangeSet set;
    for (u64 i = 0; i < RangeSet::max_ranges - 1; ++i) ASSERT_TRUE(set.add(i * 2, i * 2));
    const u32 before = set.count();
    ASSERT_TRUE(set.add(1'000'000, 1'000'000));
    EXPECT_EQ(set.add(2'000'000, 2'000'000).error(), Error::NoMemory);
    EXPECT_EQ(set.count(), before + 1);
    fake::machine.fail_allocations_after = 0;
    RangeSet other;
    EXPECT_EQ(other.add(1, 2).error(), Error::NoMemory);
    EXPECT_TRUE(other.is_empty());
    fake::machine = {};
}

} // namespace
