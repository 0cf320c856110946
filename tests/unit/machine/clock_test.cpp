// SPDX-License-Identifier: Apache-2.0
// Scales between cycles and nanoseconds: exact enough, monotonic, no overflow for decades.
#include "x86/machine/clock/clock_scale.hpp"
#include "x86/machine/interrupt/apic_timer.hpp"

#include <gtest/gtest.h>

#include <random>

namespace px::x86::clock {
namespace {

constexpr u64 rates[] = {1'000'000,     3'579'545,     100'000'000,   999'999'999,  1'000'000'000,
                         1'000'000'001, 2'599'638'123, 5'000'000'000, 9'999'999'999};

TEST(MultiplyDivide, AgreesWithTheCompiler) {
    std::mt19937_64 random(1);
    for (int i = 0; i < 10000; ++i) {
        const u64 a = random() >> (random() % 64), b = random() >> (random() % 64);
        const auto product = static_cast<unsigned __int128>(a) * b;
        const u64 least = static_cast<u64>(product >> 64) + 1; // so that the quotient fits
        const u64 divisor = least + random() % 1000;
        EXPECT_EQ(multiply_divide(a, b, divisor), static_cast<u64>(product / divisor));
    }
}

TEST(Scale, MultiplierIsInItsRange) {
    for (u64 hertz : rates) EXPECT_GE(scale_of(hertz).multiplier, 1u << 31) << hertz;
    static_assert(scale_of(1'000'000'000).nanoseconds(12345) == 12345);
}

TEST(Scale, OneSecondIsOneSecond) {
    for (u64 hertz : rates) {
        const u64 ns = scale_of(hertz).nanoseconds(hertz);
        EXPECT_NEAR(static_cast<double>(ns), 1e9, 2) << hertz;
    }
}

TEST(Scale, HoldsForThirtyYears) {
    constexpr u64 seconds = 30ull * 365 * 86400;
    for (u64 hertz : rates) {
        const double ns = static_cast<double>(scale_of(hertz).nanoseconds(hertz * seconds));
        EXPECT_NEAR(ns / 1e9 / static_cast<double>(seconds), 1.0, 1e-9) << hertz;
    }
}

TEST(Scale, NeverGoesBack) {
    std::mt19937_64 random(2);
    for (u64 hertz : rates) {
        const Scale s = scale_of(hertz);
        u64 cycles = 0, before = 0;
        for (int i = 0; i < 20000; ++i) {
            cycles += random() % (hertz / 100);
            const u64 now = s.nanoseconds(cycles);
            ASSERT_GE(now, before);
            before = now;
        }
    }
}

TEST(Frequency, FromTwoCounters) {
    EXPECT_EQ(frequency(26'000'000, 1'000'000, 100'000'000), 2'600'000'000u);
    EXPECT_EQ(frequency(0, 5, 100), 0u);
}

TEST(TickScale, RoundsDownAndSaturates) {
    const apic::TickScale ghz(1'000'000);
    EXPECT_EQ(ghz.ticks(12345), 12345u);
    const apic::TickScale slow(62'500);
    EXPECT_EQ(slow.ticks(1000), 62u);
    EXPECT_EQ(apic::TickScale(5'000'000).ticks(~u64{0}), u64{1} << 62);
}

} // namespace
} // namespace px::x86::clock
