// SPDX-License-Identifier: Apache-2.0
// The command line's rules.
#include "boot/option_list.hpp"

#include "fake_log.hpp"

#include <gmock/gmock.h>

using namespace px;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

namespace {

std::vector<std::string> seen;
template <char Name> bool take(std::string_view value) {
    seen.push_back(std::string(1, Name) + ":" + std::string(value));
    return value != "bad";
}
const BootOption table[] = {{"com1", take<'c'>}, {"smep", take<'s'>}, {"dom0_mem", take<'d'>}, {"noreboot", take<'n'>}};

class Options : public testing::Test {
  protected:
    void SetUp() override {
        seen.clear();
        logged.clear();
    }
};

TEST_F(Options, GoToWhoeverDeclaredThem) {
    options::parse_command_line("  com1=115200,8n1\tsmep noreboot  dom0_mem=1G,max:1G ");
    EXPECT_THAT(seen, ElementsAre("c:115200,8n1", "s:", "n:", "d:1G,max:1G"));
    EXPECT_THAT(logged, IsEmpty());
}

TEST_F(Options, WhatFollowsTwoDashesIsForDom0) {
    const auto split = options::split_command_line("com1=1 --  quiet \"a b\" -- more");
    EXPECT_EQ(split.own, "com1=1");
    EXPECT_EQ(split.for_dom0, "quiet \"a b\" -- more");
    EXPECT_EQ(options::split_command_line("com1=1 --").own, "com1=1 --"); // a space must follow
    EXPECT_EQ(options::split_command_line("com1=1").for_dom0, "");
    options::parse_command_line("com1=1 -- smep nonsense");
    EXPECT_THAT(seen, ElementsAre("c:1"));
    EXPECT_THAT(logged, IsEmpty());
}

TEST_F(Options, DashesNegationQuotes) {
    options::parse_command_line("dom0-mem=1 no-smep com1=\"a b\"");
    EXPECT_THAT(seen, ElementsAre("d:1", "s:no", "c:a b"));
}

TEST_F(Options, UnknownAndBadOnlyWarn) {
    options::parse_command_line("nonsense=1 com1=bad");
    EXPECT_THAT(logged,
                ElementsAre(HasSubstr("\"nonsense\" unknown"), HasSubstr("\"com1\" has invalid value \"bad\"")));
}

/// Told with the reason; in silence where it is so anyway.
TEST_F(Options, WithoutEffectSaySo) {
    options::parse_command_line("watchdog no-acpi ivrs_hpet[3]=00:14.0 max-cstate=1 numa=fake=2");
    EXPECT_THAT(logged,
                ElementsAre(HasSubstr("\"watchdog\" has no effect: there is no NMI watchdog"),
                            HasSubstr("\"acpi\" has no effect: "), HasSubstr("\"ivrs_hpet[3]\" has no effect: "),
                            HasSubstr("\"max-cstate\" has no effect: "), HasSubstr("\"numa\" has no effect: ")));
    logged.clear();
    options::parse_command_line("no-watchdog watchdog=0 acpi=on numa=off no-real-mode cet=no");
    EXPECT_THAT(logged, IsEmpty());
}

TEST_F(Options, EndAtTwoDashesAndSkipThePlaceholder) {
    options::parse_command_line("placeholder smep -- com1=x");
    EXPECT_THAT(seen, ElementsAre("s:"));
    EXPECT_THAT(logged, IsEmpty());
}

TEST_F(Options, LongWordsAreCut) {
    options::parse_command_line("com1=" + std::string(5000, 'x') + " smep");
    ASSERT_EQ(seen.size(), 2u);
    EXPECT_EQ(seen[1], "s:");
}

TEST(OptionValues, Booleans) {
    for (const auto* yes : {"", "on", "yes", "true", "1", "enable"}) EXPECT_EQ(options::boolean(yes), true) << yes;
    for (const auto* no : {"off", "no", "false", "0", "disable"}) EXPECT_EQ(options::boolean(no), false) << no;
    EXPECT_EQ(options::boolean("maybe"), std::nullopt);
}

TEST(OptionValues, NumbersAndSizes) {
    EXPECT_EQ(options::number("42"), 42u);
    EXPECT_EQ(options::number("0x3F8"), 0x3f8u);
    EXPECT_EQ(options::number("010"), 8u);
    EXPECT_EQ(options::number("0"), 0u);
    for (const auto* bad : {"", "x", "1x", "0x", "18446744073709551616"})
        EXPECT_EQ(options::number(bad), std::nullopt) << bad;
    EXPECT_EQ(options::size("16", 1024), 16384u);
    EXPECT_EQ(options::size("16k", 1), 16384u);
    EXPECT_EQ(options::size("1G", 1024), u64{1} << 30);
    EXPECT_EQ(options::size("2T", 1), u64{2} << 40);
    EXPECT_EQ(options::size("5B", 1024), 5u);
    for (const auto* bad : {"", "G", "1Q", "1GG", "99999999999T"})
        EXPECT_EQ(options::size(bad, 1), std::nullopt) << bad;
}

std::vector<std::string> words;
bool take_word(std::string_view word) {
    words.emplace_back(word);
    return word != "bad";
}

TEST(OptionValues, ListsGoOnAfterABadWord) {
    EXPECT_TRUE(options::list("a,b=1", take_word));
    EXPECT_FALSE(options::list("bad,c", take_word));
    EXPECT_THAT(words, ElementsAre("a", "b=1", "bad", "c"));
}

TEST(OptionValues, Flags) {
    const auto is = [](std::string_view word, std::string_view name, std::optional<bool> value) {
        const auto flag = options::flag(word);
        return flag.name == name && flag.value == value;
    };
    EXPECT_TRUE(is("force", "force", true));
    EXPECT_TRUE(is("no-force", "force", false));
    EXPECT_TRUE(is("force=yes", "force", true));
    EXPECT_TRUE(is("force=0", "force", false));
    EXPECT_TRUE(is("force=maybe", "force", std::nullopt));
}

TEST(OptionValues, HexadecimalRanges) {
    const auto is = [](std::string_view text, u64 first, u64 last) {
        const auto range = options::hex_range(text);
        return range && range->first == first && range->last == last;
    };
    EXPECT_TRUE(is("60-64", 0x60, 0x64));
    EXPECT_TRUE(is("0x20000-0x20003", 0x20000, 0x20003));
    EXPECT_TRUE(is("010", 0x10, 0x10));
    for (const auto* bad : {"", "-", "4-3", "5-", "-5", "0x", "1g", "1-2-3", "11111111111111111"})
        EXPECT_FALSE(options::hex_range(bad)) << bad;
}

} // namespace

std::span<const BootOption> px::options::all() { return table; }
