// SPDX-License-Identifier: Apache-2.0
// The emulated time stamp counter: its rate, and that guests get back to system time.
#include "x86/guest/time_stamp.hpp"
#include "x86/machine/clock/clock_scale.hpp"

#include <gtest/gtest.h>

#include <limits>

using namespace px;

namespace {

/// As a guest computes system time (vcpu_time_info).
u64 guest_time(const machine::TimeScale& t, u64 tsc) {
    return t.base_time + x86::clock::Scale{t.multiplier, t.shift}.nanoseconds(tsc - t.base_tsc);
}

TEST(TimeStamp, CountsAtItsRate) {
    for (const u32 khz : {1000u, 1'000'000u, 1'234'567u, 2'147'483u, 2'500'000u, 4'000'000u}) {
        guest::TimeStamp t;
        t.set_rate(khz);
        t.start = 1000;
        EXPECT_EQ(t.ticks_at(999), 0u);
        EXPECT_EQ(t.ticks_at(1000), 0u);
        EXPECT_NEAR(static_cast<double>(t.ticks_at(1000 + 1'000'000'000)), khz * 1000.0, 1 + khz * 1000.0 * 1e-8);
    }
}

TEST(TimeStamp, GuestsGetBackToSystemTime) {
    constexpr Nanoseconds year = Nanoseconds{365} * 86400 * 1'000'000'000;
    for (const u32 khz : {1'000'000u, 1'234'567u, 2'999'998u})
        for (const Nanoseconds start : {Nanoseconds{0}, Nanoseconds{123'456'789}, -year}) {
            guest::TimeStamp t;
            t.set_rate(khz);
            t.start = start;
            for (const Nanoseconds age :
                 {Nanoseconds{0}, Nanoseconds{1'000'000}, Nanoseconds{86'400'000'000'000}, year}) {
                const Nanoseconds now = (start > 0 ? start : 0) + age;
                const auto seen = static_cast<Nanoseconds>(guest_time(t.scale(), t.ticks_at(now)));
                EXPECT_LE(seen, now + 1) << khz << " " << start << " " << age;
                EXPECT_GE(seen, now - 4) << khz << " " << start << " " << age;
            }
        }
}

/// The tools may say any age.
TEST(TimeStamp, AnyAgeAtAll) {
    guest::TimeStamp t;
    t.set_rate(1'000'000);
    t.start = std::numeric_limits<Nanoseconds>::min();
    EXPECT_GT(t.ticks_at(1000), t.ticks_at(0));
    EXPECT_EQ(t.ticks_at(t.start), 0u);
    EXPECT_EQ(t.scale().base_time, 0u);
}

TEST(TimeStamp, NeverGoesBack) {
    guest::TimeStamp t;
    t.set_rate(1'000'000);
    const u64 late = t.read(5000);
    EXPECT_EQ(t.read(4000), late); // a CPU whose clock is a little behind
    EXPECT_GT(t.read(6000), late);
}

} // namespace
