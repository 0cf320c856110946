// SPDX-License-Identifier: Apache-2.0
// The real-time clock's registers against the C library's calendar.
#include "x86/machine/clock/rtc.hpp"

#include <gtest/gtest.h>

#include <ctime>

namespace px::x86::rtc {
namespace {

u8 bcd(int v) { return static_cast<u8>(v / 10 << 4 | v % 10); }

TEST(Rtc, EveryDayUntil2199) {
    for (std::time_t t = 0; t < 7258118400; t += 86400 - 61) {
        std::tm c{};
        gmtime_r(&t, &c);
        const int year = c.tm_year + 1900;
        const Raw decimal{bcd(c.tm_sec),
                          bcd(c.tm_min),
                          bcd(c.tm_hour),
                          bcd(c.tm_mday),
                          bcd(c.tm_mon + 1),
                          bcd(year % 100),
                          bcd(year / 100),
                          false,
                          true};
        ASSERT_EQ(to_epoch(decimal), static_cast<u64>(t)) << year << '-' << c.tm_mon + 1 << '-' << c.tm_mday;
        const Raw binary{static_cast<u8>(c.tm_sec),
                         static_cast<u8>(c.tm_min),
                         static_cast<u8>(c.tm_hour),
                         static_cast<u8>(c.tm_mday),
                         static_cast<u8>(c.tm_mon + 1),
                         static_cast<u8>(year % 100),
                         static_cast<u8>(year / 100),
                         true,
                         true};
        ASSERT_EQ(to_epoch(binary), static_cast<u64>(t));
    }
}

TEST(Rtc, TwelveHours) {
    EXPECT_EQ(to_epoch({0, 0, 0x12, 1, 1, 0x70, 0x19, false, false}), 0u);         // 12 am
    EXPECT_EQ(to_epoch({0, 0, 0x92, 1, 1, 0x70, 0x19, false, false}), 12u * 3600); // 12 pm
    EXPECT_EQ(to_epoch({0, 0, 0x81, 1, 1, 0x70, 0x19, false, false}), 13u * 3600); // 1 pm
}

TEST(Rtc, WithoutCentury) {
    EXPECT_EQ(to_epoch({0, 0, 0, 1, 1, 0x70, 0, false, true}), 0u);
    EXPECT_EQ(to_epoch({0, 0, 0, 1, 1, 0x00, 0, false, true}), 946684800u); // 2000
    EXPECT_EQ(to_epoch({0, 0, 0, 1, 1, 0x26, 0, false, true}), 1767225600u);
}

TEST(Rtc, NonsenseIsSurvived) {
    for (int v = 0; v < 256; ++v) {
        const u8 b = static_cast<u8>(v);
        (void)to_epoch({b, b, b, b, b, b, b, (v & 1) != 0, (v & 2) != 0});
    }
}

} // namespace
} // namespace px::x86::rtc
