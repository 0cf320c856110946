// SPDX-License-Identifier: Apache-2.0
// The configuration language: every form that xl.cfg has, errors with their line, and the print/parse round trip.
#include "config/parse.hpp"

#include <gtest/gtest.h>
#include <random>

using namespace config;

namespace {

Value one(std::string_view text) {
    auto settings = parse(text, "t");
    EXPECT_TRUE(settings) << (settings ? "" : settings.error().what);
    return settings && settings->size() == 1 ? settings->front().value : Value{};
}

std::string error_of(std::string_view text) {
    auto settings = parse(text, "t");
    return settings ? "no error" : settings.error().what;
}

} // namespace

TEST(Parse, StringsInEitherQuote) {
    EXPECT_EQ(one("name = 'winxp'").text, "winxp");
    EXPECT_EQ(one("name=\"a 'b' c\"").text, "a 'b' c");
    EXPECT_EQ(one(R"(x="tab\there \x41\101 \\ \"")").text, "tab\there AA \\ \"");
}

TEST(Parse, NumbersKeepTheirText) {
    EXPECT_EQ(one("memory = 512").text, "512");
    EXPECT_EQ(one("memory = 0x1f").kind, Value::Kind::number);
    EXPECT_EQ(one("memory = '512'").kind, Value::Kind::string);
}

TEST(Parse, ListsWithTrailingCommasOverLines) {
    auto disks = one("disk = [\n  'file:/a,xvda,w', # root\n  \"phy:b,xvdb,r\",\n]\n");
    ASSERT_EQ(disks.list.size(), 2u);
    EXPECT_EQ(disks.list[1].text, "phy:b,xvdb,r");
    EXPECT_TRUE(one("vif = [ ]").list.empty());
    EXPECT_TRUE(one("vif = []").is_list());
    auto nested = one("vnuma = [ [ 'pnode=0', 'size=512' ], [ 'pnode=1' ] ]");
    ASSERT_EQ(nested.list.size(), 2u);
    EXPECT_EQ(nested.list[0].list[1].text, "size=512");
}

TEST(Parse, SemicolonsCommentsAndEmptyLines) {
    auto settings = parse("# head\n\na=1;b='x' # tail\n;;\n c = 2\r\n", "t");
    ASSERT_TRUE(settings);
    ASSERT_EQ(settings->size(), 3u);
    EXPECT_EQ((*settings)[2].key, "c");
    EXPECT_EQ((*settings)[2].line, 5u);
}

TEST(Parse, LaterReplacesAndPlusAppends) {
    auto merged = merge(*parse("a='x'\na='y'\na+='z'\nl=['1']\nl+=['2']\nn+=['3']", "t"), "t");
    ASSERT_TRUE(merged);
    ASSERT_EQ(merged->size(), 3u);
    EXPECT_EQ((*merged)[0].value.text, "yz");
    EXPECT_EQ((*merged)[1].value.list.size(), 2u);
    EXPECT_EQ((*merged)[2].value.list.size(), 1u);
    EXPECT_FALSE(merge(*parse("a='x'\na+=['y']", "t"), "t"));
}

TEST(Parse, BareWordsOnlyInOverrides) {
    EXPECT_FALSE(parse("name=guest1", "t"));
    auto settings = parse("name=guest1; extra=console=hvc0 quiet", "t", true);
    ASSERT_TRUE(settings) << settings.error().what;
    EXPECT_EQ((*settings)[0].value.text, "guest1");
    EXPECT_EQ((*settings)[1].value.text, "console=hvc0 quiet");
    EXPECT_EQ((*parse("vif=['bridge=xenbr0',]", "t", true))[0].value.list.size(), 1u);
}

TEST(Parse, ErrorsNameTheLine) {
    EXPECT_EQ(error_of("a=1\nb='x"), "t:2: string without its closing '");
    EXPECT_EQ(error_of("a=1\n\nb=[ 'x'\n"), "t:3: list without its closing ]");
    EXPECT_EQ(error_of("a"), "t:1: expected '=' after 'a', found the end of the file");
    EXPECT_EQ(error_of("a=\nb=1"), "t:1: expected a string in quotes, a number or a list, found the end of the line");
    EXPECT_EQ(error_of("a=1 b=2"), "t:1: expected the end of the line, found 'b'");
    EXPECT_EQ(error_of("1=2"), "t:1: expected a key, found '1'");
    EXPECT_EQ(error_of("a=12zz"), "t:1: '12z' is not a number; put text in quotes");
    EXPECT_EQ(error_of("a='\\q'"), "t:1: '\\q' is not an escape; write '\\\\' for a backslash");
    EXPECT_NE(error_of("a=" + std::string(100000, '[')), "no error");
    EXPECT_EQ(error_of(std::string_view("a=1\0", 4)), "t: not a configuration: it holds zero bytes");
}

namespace {

Value random_value(std::mt19937& random, unsigned depth) {
    Value value;
    if (depth < 3 && random() % 3 == 0) {
        value.kind = Value::Kind::list;
        for (auto n = random() % 4; n; --n) value.list.push_back(random_value(random, depth + 1));
        return value;
    }
    for (auto n = random() % 12; n; --n) value.text.push_back(static_cast<char>(1 + random() % 255));
    return value;
}

} // namespace

TEST(Parse, RoundTripOfRandomValues) {
    std::mt19937 random(7);
    for (int i = 0; i < 2000; ++i) {
        auto value = random_value(random, 0);
        auto again = parse("k = " + print(value), "t");
        ASSERT_TRUE(again) << print(value) << again.error().what;
        EXPECT_EQ(again->front().value, value) << print(value);
    }
}
