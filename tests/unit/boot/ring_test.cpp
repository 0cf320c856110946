// SPDX-License-Identifier: Apache-2.0
// The console's rings, rate limit and dates.
#include "x86/machine/console/console_ring.hpp"
#include "x86/machine/console/console_stamp.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <random>
#include <string>

using px::console::CharacterRing;
using px::console::RateLimit;

namespace {

std::string read_all(const CharacterRing& ring, px::u32 position) {
    char out[256];
    return {out, ring.read(position, out)};
}

TEST(CharacterRing, KeepsTheNewest) {
    char store[8];
    CharacterRing ring(store);
    ring.put("abcdef");
    EXPECT_EQ(read_all(ring, 0), "abcdef");
    ring.put("ghij");
    EXPECT_EQ(read_all(ring, ring.start()), "cdefghij");
    EXPECT_EQ(read_all(ring, 0), "cdefghij") << "a lost position continues at the oldest";
    EXPECT_EQ(read_all(ring, 8), "ij");
    ring.clear_to(8);
    EXPECT_EQ(read_all(ring, 0), "ij");
    ring.clear_to(3); // outside: nothing happens
    EXPECT_EQ(read_all(ring, 0), "ij");
}

TEST(CharacterRing, MovesToAnotherBuffer) {
    char small[8], large[32];
    CharacterRing ring(small);
    ring.put("0123456789");
    ring.move_to(large);
    ring.put("abc");
    EXPECT_EQ(read_all(ring, ring.start()), "23456789abc");
    ring.move_to({small, 4});
    EXPECT_EQ(read_all(ring, ring.start()), "9abc");
}

TEST(CharacterRing, BehavesLikeAQueueThatForgets) {
    std::mt19937 random(7);
    char store[16];
    CharacterRing ring(store);
    std::deque<char> model;
    for (int i = 0; i < 20000; ++i) {
        const char c = static_cast<char>('a' + random() % 26);
        ring.put(c);
        model.push_back(c);
        if (model.size() > 16) model.pop_front();
        if (random() % 8 == 0) {
            const auto n = random() % (model.size() + 1);
            ring.clear_to(ring.start() + static_cast<px::u32>(n));
            model.erase(model.begin(), model.begin() + static_cast<long>(n));
        }
        ASSERT_EQ(read_all(ring, ring.start()), std::string(model.begin(), model.end()));
    }
}

TEST(RateLimit, BurstThenPace) {
    RateLimit limit(100, 3);
    px::u32 missed = 0;
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(limit.allow(10, missed));
    EXPECT_FALSE(limit.allow(20, missed));
    EXPECT_FALSE(limit.allow(30, missed));
    EXPECT_TRUE(limit.allow(120, missed));
    EXPECT_EQ(missed, 2u);
    EXPECT_FALSE(limit.allow(130, missed));
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(limit.allow(100000, missed));
    EXPECT_FALSE(limit.allow(100000, missed));
}

TEST(Dates, KnownDays) {
    const auto is = [](px::u64 day, px::u32 y, px::u32 m, px::u32 d) {
        const auto date = px::console::date_of(day);
        EXPECT_TRUE(date.year == y && date.month == m && date.day == d) << day;
    };
    is(0, 1970, 1, 1);
    is(59, 1970, 3, 1);
    is(11016, 2000, 2, 29);
    is(11017, 2000, 3, 1);
    is(20453, 2025, 12, 31);
    is(47540, 2100, 2, 28);
    is(47541, 2100, 3, 1);
}

} // namespace
