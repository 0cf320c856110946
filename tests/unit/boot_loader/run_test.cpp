// SPDX-License-Identifier: Apache-2.0
// Boot loaders that hang, leave children behind, answer with others' files, or write to the terminal; and whose users.
#include "boot/bootloader.hpp"

#include "base/stop_signal.hpp"

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

class Loaders : public testing::Test {
  protected:
    void SetUp() override {
        mkdir("/run/xen", 0755);
        if (access("/run/xen", W_OK) != 0) GTEST_SKIP() << "/run/xen cannot be written here";
        path_ = testing::TempDir() + "loader-XXXXXX";
        int fd = mkstemp(path_.data());
        ASSERT_GE(fd, 0);
        close(fd);
    }

    /// A loader of shell lines. $output and $folder are what it was told.
    boot::Request loader(const std::string& lines) {
        std::ofstream(path_) << "#!/bin/sh\nfor word; do case $word in --output=*) output=${word#*=};; "
                                "--output-directory=*) folder=${word#*=};; esac; done\n"
                             << lines << "\n";
        chmod(path_.c_str(), 0755);
        boot::Request request;
        request.program = path_;
        request.disk = "/dev/null";
        request.limit_ms = 1500;
        return request;
    }

    std::string path_;
};

TEST_F(Loaders, OneThatWaitsForAKeyIsEnded) {
    auto begin = std::chrono::steady_clock::now();
    auto choice = boot::run(loader("read key; echo kernel /x > $output"));
    ASSERT_FALSE(choice);
    EXPECT_NE(choice.error().what.find("did not answer within 1 s"), std::string::npos) << choice.error().what;
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(30));
}

TEST_F(Loaders, OneThatDoesNotHearIsKilled) {
    auto choice = boot::run(loader("trap '' TERM HUP INT; while :; do sleep 1; done"));
    ASSERT_FALSE(choice);
    EXPECT_NE(choice.error().what.find("did not answer"), std::string::npos) << choice.error().what;
}

TEST_F(Loaders, OneThatIsInterruptedIsNotCalledLate) {
    toolstack::StopSignals stop; // from before the loader's first signal to behind its last
    auto request = loader("trap '' TERM HUP INT; while :; do kill -INT $PPID; sleep 0.1; done");
    request.limit_ms = 60000;
    auto choice = boot::run(request);
    ASSERT_FALSE(choice);
    EXPECT_EQ(choice.error().what, "interrupted");
}

TEST_F(Loaders, ItsChildrenDoNotHoldUs) {
    auto choice = boot::run(loader("(trap '' HUP; sleep 600) & echo k > $folder/k; echo kernel $folder/k > $output"));
    ASSERT_TRUE(choice) << choice.error().what;
}

TEST_F(Loaders, ItsWordsAreQuoted) {
    auto choice = boot::run(loader("printf 'bad \\033[2J\\007 disk\\n'; exit 3"));
    ASSERT_FALSE(choice);
    EXPECT_NE(choice.error().what.find("status 3: bad \\x1b[2J\\x07 disk"), std::string::npos) << choice.error().what;
}

TEST_F(Loaders, AConfinedOneIsNotRootAndHasNoNetwork) {
    if (geteuid() != 0) GTEST_SKIP() << "only root can give its rights up";
    auto request = loader("id -u > $folder/k; ls /sys/class/net >/dev/null; cat /proc/net/dev | wc -l >> $folder/k; "
                          "grep NoNewPrivs /proc/self/status >> $folder/k; echo kernel $folder/k > $output");
    request.confined = boot::User{65534, 65534};
    request.limit_ms = 20000;
    auto choice = boot::run(request);
    if (!choice && choice.error().what.find("no namespaces") != std::string::npos) GTEST_SKIP() << choice.error().what;
    ASSERT_TRUE(choice) << choice.error().what;
    std::ifstream file(choice->kernel);
    std::string user, lines, privileges, value;
    file >> user >> lines >> privileges >> value;
    EXPECT_EQ(user, "65534");
    EXPECT_EQ(lines, "3"); // two of heading, and the loopback
    EXPECT_EQ(value, "1");
}

TEST_F(Loaders, AConfinedOneNamesOnlyItsOwnFiles) {
    if (geteuid() != 0) GTEST_SKIP() << "only root can give its rights up";
    for (auto lines :
         {"echo kernel /etc/shadow > $output", "ln -s /etc/shadow $folder/k; echo kernel $folder/k > $output",
          "echo kernel $folder/../../../etc/shadow > $output", "rm $output; mkfifo $output",
          "rm $output; ln -s /etc/shadow $output",
          "echo k > $folder/k; printf 'kernel %s\\nramdisk /etc/shadow\\n' $folder/k > $output"}) {
        auto request = loader(lines);
        request.confined = boot::User{65534, 65534};
        request.limit_ms = 20000;
        auto choice = boot::run(request);
        ASSERT_FALSE(choice) << lines;
        if (choice.error().what.find("no namespaces") != std::string::npos) GTEST_SKIP() << choice.error().what;
        EXPECT_NE(choice.error().what.find("no file that it made"), std::string::npos) << choice.error().what;
    }
}

TEST(LoaderUser, ByNameOrDefaultAndNeverRoot) {
    auto path = testing::TempDir() + "passwd";
    std::ofstream(path) << "root:x:0:0::/:/bin/sh\ntoor:x:0:0::/:/bin/sh\nalice:x:1000:1001::/:/bin/sh\n"
                           "xen-qemuuser-shared:x:990:991::/:/bin/false\n";
    auto user = boot::find_user("alice", path.c_str());
    ASSERT_TRUE(user);
    EXPECT_EQ(user->user, 1000u);
    EXPECT_EQ(user->group, 1001u);
    EXPECT_EQ(boot::find_user("", path.c_str()).value().user, 990u);
    std::ofstream(path, std::ios::app) << "xen-bootloader:x:992:992::/:/bin/false\nxen-qemuuser-shared:x:993:993::/:\n";
    EXPECT_EQ(boot::find_user("", path.c_str()).value().user, 992u); // wherever it stands
    EXPECT_FALSE(boot::find_user("toor", path.c_str()));
    auto missing = boot::find_user("bob", path.c_str());
    ASSERT_FALSE(missing);
    EXPECT_NE(missing.error().remedy.find("useradd"), std::string::npos);
    EXPECT_FALSE(boot::find_user("", "/nowhere"));
}

} // namespace
