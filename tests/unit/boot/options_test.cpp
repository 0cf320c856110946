// SPDX-License-Identifier: Apache-2.0
// The command line's rules.
#include "start/option_list.hpp"

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
    options::parse_command_line("nonsense=1 com1=bad iommu=off no-acpi");
    EXPECT_THAT(logged,
                ElementsAre(HasSubstr("\"nonsense\" unknown"), HasSubstr("\"com1\" has invalid value \"bad\"")));
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

} // namespace

std::span<const BootOption> px::options::all() { return table; }
