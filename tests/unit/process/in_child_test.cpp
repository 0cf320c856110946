// SPDX-License-Identifier: Apache-2.0
// Work in a child: its answer, its failure, its death; and who is asked to stop meanwhile.
#include "base/in_child.hpp"

#include "base/stop_signal.hpp"

#include <csignal>
#include <gtest/gtest.h>
#include <unistd.h>

using toolstack::bytes_from_child;
using toolstack::fail;
using toolstack::in_child;
using toolstack::Result;

TEST(InChild, GivesAValueMadeElsewhere) {
    struct Answer {
        pid_t process;
        int changed;
    };
    int here = 1;
    auto answer = in_child<Answer>([&]() -> Result<Answer> {
        here = 2;
        return Answer{getpid(), here};
    });
    ASSERT_TRUE(answer) << answer.error().what;
    EXPECT_NE(answer->process, getpid());
    EXPECT_EQ(answer->changed, 2);
    EXPECT_EQ(here, 1);
}

TEST(InChild, GivesAnswersOfAnySize) {
    for (std::size_t size : {0, 1, 1024, 1 << 20}) {
        auto answer = bytes_from_child([&] { return Result<std::string>(std::string(size, 'x')); });
        ASSERT_TRUE(answer);
        EXPECT_EQ(*answer, std::string(size, 'x'));
    }
}

TEST(InChild, GivesTheFailureWithItsRemedy) {
    auto answer = bytes_from_child([]() -> Result<std::string> { return fail("it broke", "mend it"); });
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().what, "it broke");
    EXPECT_EQ(answer.error().remedy, "mend it");
}

TEST(InChild, DeathIsAFailure) {
    auto killed = bytes_from_child([]() -> Result<std::string> { return raise(SIGKILL), "never"; });
    ASSERT_FALSE(killed);
    EXPECT_EQ(killed.error().what, "a child process was killed by signal 9");
    auto left = bytes_from_child([]() -> Result<std::string> { _exit(0); });
    ASSERT_FALSE(left);
    EXPECT_EQ(left.error().what, "a child process gave no answer");
}

TEST(InChild, IsNotWaitedForByWhoIsAskedToStop) {
    toolstack::StopSignals stop;
    auto answer = bytes_from_child([]() -> Result<std::string> {
        kill(getppid(), SIGINT);
        for (;;) pause();
    });
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().what, "interrupted");
}

TEST(StopSignals, AnInnerOneForgetsNothing) {
    EXPECT_FALSE(toolstack::StopSignals::asked());
    {
        toolstack::StopSignals outer;
        raise(SIGTERM);
        {
            toolstack::StopSignals inner;
            EXPECT_TRUE(toolstack::StopSignals::asked());
        }
        EXPECT_TRUE(toolstack::StopSignals::asked());
    }
    EXPECT_FALSE(toolstack::StopSignals::asked());
    toolstack::StopSignals later;
    EXPECT_FALSE(toolstack::StopSignals::asked());
}

TEST(StopShield, HoldsSignalsBackToItsEnd) {
    toolstack::StopSignals stop;
    {
        toolstack::StopShield shield;
        for (int i = 0; i < 10; ++i) raise(SIGINT);
        EXPECT_FALSE(toolstack::StopSignals::asked());
    }
    EXPECT_TRUE(toolstack::StopSignals::asked());
}
