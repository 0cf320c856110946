// SPDX-License-Identifier: Apache-2.0
// Restarts as they are written down.
#include "domain/life/restart.hpp"

#include <gtest/gtest.h>

using namespace domain;

namespace {

constexpr auto uuid = "0f3c1de2-83b4-4c1d-9a52-6a0c6f0b7a11";

std::string text() { return std::string("name = \"shop\"\nkernel = \"/k\"\nmemory = 64\nuuid = \"") + uuid + "\"\n"; }

} // namespace

TEST(Restart, IsReadAsItWasWritten) {
    Restart restart{.uuid = config::parse_uuid(uuid).value(), .old = {7}, .name = "shop", .text = text()};
    auto read = parse_restart(print(restart));
    ASSERT_TRUE(read) << read.error().what;
    EXPECT_EQ(read->uuid, restart.uuid);
    EXPECT_EQ(read->old.value, 7);
    EXPECT_EQ(read->name, "shop");
    EXPECT_EQ(read->text, restart.text);
}

TEST(Restart, TheLastNameCounts) {
    Restart restart{.uuid = {}, .old = {7}, .name = {}, .text = text() + "name = \"renamed\"\n"};
    EXPECT_EQ(parse_restart(print(restart)).value().name, "renamed");
}

TEST(Restart, WhatIsNoneIsRefused) {
    for (auto& wrong :
         {std::string(), text(), "# restart of domain x\n" + text(), "# restart of domain 40000\n" + text(),
          std::string("# restart of domain 7"), std::string("# restart of domain 7\nname = \"shop\"\n"),
          std::string("# restart of domain 7\nname = \"shop\"\nkernel = \"/k\"\nmemory = 64\n")})
        EXPECT_FALSE(parse_restart(wrong)) << wrong;
}

TEST(Restart, TriesBecomeRarer) {
    EXPECT_EQ(backoff(1), 2);
    EXPECT_EQ(backoff(2), 4);
    EXPECT_EQ(backoff(8), 256);
    EXPECT_EQ(backoff(9), 300);
    EXPECT_EQ(backoff(4000000000u), 300);
}
