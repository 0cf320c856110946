// SPDX-License-Identifier: Apache-2.0
// Formatting: numbers, widths, and what does not fit.
#include "base/format.hpp"

#include <gtest/gtest.h>

#include <string>

namespace {

template <class... Args> std::string format(const char* text, const Args&... args) {
    char out[256];
    return {out, px::format_to(out, text, args...)};
}

TEST(Format, Numbers) {
    EXPECT_EQ(format("{} {} {}", 1u, -2, ~px::u64{0}), "1 -2 18446744073709551615");
    EXPECT_EQ(format("{}", INT64_MIN), "-9223372036854775808");
    EXPECT_EQ(format("{:x} {:#x} {:X}", 255u, 255u, 255u), "ff 0xff FF");
    EXPECT_EQ(format("{:x}", -1), "ffffffffffffffff");
    EXPECT_EQ(format("{:016x}", 0x1234u), "0000000000001234");
    EXPECT_EQ(format("{:#06x}", 0x12u), "0x0012");
}

TEST(Format, WidthsAndText) {
    EXPECT_EQ(format("[{:5}] [{:<5}] [{:05}]", 42u, 42u, 42u), "[   42] [42   ] [00042]");
    EXPECT_EQ(format("[{:05}]", -42), "[-0042]");
    EXPECT_EQ(format("[{:4}|{:<4}]", "ab", "cd"), "[  ab|cd  ]");
    EXPECT_EQ(format("{} {}", true, 'c'), "yes c");
    EXPECT_EQ(format("{}", static_cast<const char*>(nullptr)), "(null)");
    EXPECT_EQ(format("{}", px::Mfn(7)), "7");
}

TEST(Format, OddFormats) {
    EXPECT_EQ(format("{{}} {}", 1u), "{} 1");
    EXPECT_EQ(format("{} {}", 1u), "1 {?}");
    EXPECT_EQ(format("{:x", 1u), "");
    EXPECT_EQ(format("{:999999999999}", 1u).size(), 128u);
}

TEST(Format, CutsAtTheEnd) {
    char small[4];
    EXPECT_EQ(px::format_to(small, "{}", 123456u), 3u);
    EXPECT_STREQ(small, "123");
    EXPECT_EQ(px::format_to(std::span<char>{}, "abc"), 0u);
}

} // namespace
