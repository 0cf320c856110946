// SPDX-License-Identifier: Apache-2.0
// Locks between tools, and work that its maker's death leaves behind.
#include "host/lock.hpp"
#include "host/maker.hpp"

#include <cstdlib>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace host {
namespace {

/// A folder of this test's own.
std::string scratch() {
    std::string path = testing::TempDir() + "lock-XXXXXX";
    EXPECT_NE(mkdtemp(path.data()), nullptr);
    return path;
}

bool exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

TEST(Lock, PassingFileGoesWithItsLastHolder) {
    auto path = scratch() + "/lock";
    {
        auto first = Lock::take_passing(path);
        ASSERT_TRUE(first);
        auto second = Lock::try_passing(path);
        ASSERT_TRUE(second);
        EXPECT_FALSE(*second);
        EXPECT_TRUE(exists(path));
    }
    EXPECT_FALSE(exists(path));
}

TEST(Lock, WaiterGetsTheNewFile) {
    auto path = scratch() + "/lock";
    for (int i = 0; i < 50; ++i) {
        std::optional held = Lock::take_passing(path).value();
        std::thread waiter([&] {
            auto lock = Lock::take_passing(path);
            ASSERT_TRUE(lock);
            auto other = Lock::try_passing(path); // what it has is what others find by the name
            ASSERT_TRUE(other);
            EXPECT_FALSE(*other);
        });
        held.reset();
        waiter.join();
    }
}

TEST(Lock, ThreadsExcludeOneAnotherAndAnotherDescriptorDoesNotLetGo) {
    auto path = scratch() + "/lock";
    auto held = Lock::take(path);
    ASSERT_TRUE(held);
    close(open(path.c_str(), O_RDWR)); // a process' own record lock would go here
    int fd = open(path.c_str(), O_RDWR);
    struct flock whole{};
    whole.l_type = F_WRLCK;
    EXPECT_NE(fcntl(fd, F_OFD_SETLK, &whole), 0);
    // Stock xl takes a process' lock: it sees ours.
    if (fork() == 0) _exit(fcntl(open(path.c_str(), O_RDWR), F_SETLK, &whole) == 0 ? 1 : 0);
    int status = 0;
    wait(&status);
    EXPECT_EQ(status, 0);
    close(fd);
}

TEST(Lock, ErrorsNameTheFile) {
    auto lock = Lock::take_passing("/nowhere/lock");
    ASSERT_FALSE(lock);
    EXPECT_EQ(lock.error().what, "cannot lock '/nowhere/lock': No such file or directory");
}

class Makers : public testing::Test {
  protected:
    void SetUp() override {
        if (mkdir("/run/xen", 0755) != 0 && errno != EEXIST) GTEST_SKIP() << "/run/xen cannot be made here";
        if (access("/run/xen", W_OK) != 0) GTEST_SKIP() << "/run/xen cannot be written here";
        alone_ = Lock::take(run_path("proxenos-unit-test.lock")).value(); // other cases find the same folder
        unfinished();                                                     // of earlier runs
    }

    std::optional<Lock> alone_;
};

TEST_F(Makers, LivingOnesAreLeftAlone) {
    auto maker = Maker::begin("create a");
    ASSERT_TRUE(maker);
    EXPECT_EQ(maker->token().size(), 16u);
    for (auto& each : unfinished()) EXPECT_NE(each.token, maker->token());
}

TEST_F(Makers, DeadOnesAreFoundOnceWithTheirLastWords) {
    if (fork() == 0) {
        auto maker = Maker::begin("create a-long-line-that-is-written-over");
        if (!maker || !maker->note("start b 7")) _exit(1);
        kill(getpid(), SIGKILL);
    }
    int status = 0;
    wait(&status);
    ASSERT_TRUE(WIFSIGNALED(status));
    {
        auto dead = unfinished();
        ASSERT_EQ(dead.size(), 1u);
        EXPECT_EQ(dead[0].what, "start b 7");
        EXPECT_TRUE(unfinished().empty()); // somebody mends it already
        dead[0].leave_behind();
    }
    EXPECT_EQ(in_progress(), std::vector<std::string>{"start b 7"});
    EXPECT_EQ(unfinished().size(), 1u); // it was left behind, and is forgotten now
    EXPECT_TRUE(unfinished().empty());
}

TEST_F(Makers, WhatEndsWellLeavesNothing) {
    { ASSERT_TRUE(Maker::begin("destroy c 8")); }
    EXPECT_TRUE(unfinished().empty());
}

} // namespace
} // namespace host
