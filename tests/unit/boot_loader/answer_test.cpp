// SPDX-License-Identifier: Apache-2.0
// What boot loaders answer.
#include "boot/bootloader.hpp"

#include <gtest/gtest.h>

using namespace std::string_view_literals;

TEST(BootLoader, AnswersEndWithNulOrNewLine) {
    for (auto text : {"kernel /a b\0ramdisk /r\0args root=/dev/xvda ro\0"sv,
                      "kernel /a b\nramdisk /r\nargs root=/dev/xvda ro\n"sv}) {
        auto answer = boot::parse_answer(text);
        EXPECT_EQ(answer.kernel, "/a b");
        EXPECT_EQ(answer.ramdisk, "/r");
        EXPECT_EQ(answer.command_line, "root=/dev/xvda ro");
    }
}

TEST(BootLoader, OddAnswersAreNoHarm) {
    EXPECT_EQ(boot::parse_answer("").kernel, "");
    EXPECT_EQ(boot::parse_answer("\0\0\n"sv).kernel, "");
    EXPECT_EQ(boot::parse_answer("kernel").kernel, "");
    EXPECT_EQ(boot::parse_answer("kernel /k").kernel, "/k");
    EXPECT_EQ(boot::parse_answer("other /x\0kernel /k\0"sv).kernel, "/k");
}

TEST(BootLoader, FailuresAreTold) {
    boot::Request request{"/nowhere/loader", {}, {}, {}, {}, "/dev/null", {}};
    auto missing = boot::run(request);
    ASSERT_FALSE(missing);
    EXPECT_NE(missing.error().what.find("/nowhere/loader"), std::string::npos);
    request.program = "false";
    auto failed = boot::run(request);
    ASSERT_FALSE(failed);
    EXPECT_NE(failed.error().what.find("status 1"), std::string::npos);
    request.program = "true";
    auto silent = boot::run(request);
    ASSERT_FALSE(silent);
    EXPECT_NE(silent.error().what.find("names no kernel"), std::string::npos);
}
