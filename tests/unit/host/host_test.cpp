// SPDX-License-Identifier: Apache-2.0
// The host's side of devices, as far as it needs no host: texts, identities, programs.
#include "base/stop_signal.hpp"
#include "host/link.hpp"
#include "host/nat.hpp"
#include "host/process.hpp"
#include "host/storage.hpp"

#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

namespace host {
namespace {

TEST(Mounts, DevicePlaceAndWritability) {
    auto mounts =
        parse_mounts("24 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro\n"
                     "30 24 7:0 / /mnt ro - ext4 /dev/loop0 ro\n"
                     "31 24 7:1 / /bound ro,relatime - ext4 /dev/loop1 rw\n" // a read-only bind mount: others may write
                     "junk\n32 24 x:y / /bad rw - ext4 /dev/x rw\n");
    std::vector<Mount> want = {
        {makedev(8, 1), "/", true}, {makedev(7, 0), "/mnt", false}, {makedev(7, 1), "/bound", true}};
    EXPECT_EQ(mounts, want);
}

TEST(Storage, OverlapOfPartitionsAndFiles) {
    Storage disk{true, makedev(8, 0), makedev(8, 0), 0}, first{true, makedev(8, 1), makedev(8, 0), 0},
        second{true, makedev(8, 2), makedev(8, 0), 0};
    EXPECT_TRUE(overlap(disk, disk));
    EXPECT_TRUE(overlap(disk, first));
    EXPECT_TRUE(overlap(second, disk));
    EXPECT_FALSE(overlap(first, second));
    Storage file{false, makedev(8, 1), makedev(8, 1), 7}, other{false, makedev(8, 1), makedev(8, 1), 8};
    EXPECT_TRUE(overlap(file, file));
    EXPECT_FALSE(overlap(file, other));
    EXPECT_FALSE(overlap(file, first));
}

TEST(Storage, TwoNamesOfOneFile) {
    char folder[] = "/tmp/storageXXXXXX";
    ASSERT_TRUE(mkdtemp(folder));
    auto one = std::string(folder) + "/one", two = std::string(folder) + "/two";
    auto file = fopen(one.c_str(), "w");
    ASSERT_TRUE(file);
    fclose(file);
    ASSERT_EQ(symlink(one.c_str(), two.c_str()), 0);
    auto a = identify(one), b = identify(two);
    ASSERT_TRUE(a && b);
    EXPECT_EQ(*a, *b);
    EXPECT_FALSE(identify(std::string(folder)));
    EXPECT_FALSE(identify(std::string(folder) + "/none"));
    unlink(one.c_str());
    unlink(two.c_str());
    rmdir(folder);
}

TEST(Addresses, WithAndWithoutNetwork) {
    EXPECT_EQ(parse_address("10.1.2.3"), (Address{{10, 1, 2, 3}, 32}));
    EXPECT_EQ(parse_address("10.1.2.0/24"), (Address{{10, 1, 2, 0}, 24}));
    for (auto text : {"", "10.1.2", "10.1.2.3/33", "10.1.2.3/", "fe80::1::2", "fd00::/129", "10.1.2.3/-1", "x"})
        EXPECT_FALSE(parse_address(text)) << text;
    EXPECT_EQ(print(Address{{10, 1, 2, 3}, 32}), "10.1.2.3");
    auto six = parse_address("fd00::2");
    ASSERT_TRUE(six);
    EXPECT_TRUE(six->v6 && six->prefix == 128 && six->bytes[0] == 0xfd && six->bytes[15] == 2);
    EXPECT_EQ(print(*six), "fd00::2");
    EXPECT_EQ(parse_address("fd00::/64")->prefix, 64u);
}

TEST(Nat, CommandsNameTheGuestAndTheWayOut) {
    Address one{{10, 9, 0, 5}, 32}, other{{10, 9, 0, 6}, 32};
    auto text = translation_commands({{one, ""}, {other, "eth1"}});
    EXPECT_TRUE(text.starts_with("add table ip proxenos\ndelete table ip proxenos\nadd table"));
    EXPECT_TRUE(text.contains("add element ip proxenos guests { 10.9.0.5 }\n"));
    EXPECT_TRUE(text.contains("add element ip proxenos guests_by_interface { 10.9.0.6 . \"eth1\" }\n"));
    EXPECT_EQ(translation_commands({}), "add table ip proxenos\ndelete table ip proxenos\n");
}

TEST(Programs, OutputErrorsAndTime) {
    EXPECT_EQ(run({"cat"}, "hello").value_or("failed"), "hello");
    auto failed = run({"sh", "-c", "echo why >&2; echo more >&2; exit 3"}, "");
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().what, "'sh' failed: why");
    EXPECT_FALSE(run({"/nowhere/program"}, ""));
    auto slow = run({"sleep", "60"}, "", 50);
    ASSERT_FALSE(slow);
    EXPECT_EQ(slow.error().what, "'sleep' hangs");
}

TEST(Programs, StatusOfAnEndedOne) {
    auto process = start({.words = {"sh", "-c", "exit 7"}, .environment = {}});
    ASSERT_TRUE(process);
    auto status = finish(*process, now_ms() + 10000);
    ASSERT_TRUE(status && WIFEXITED(*status));
    EXPECT_EQ(WEXITSTATUS(*status), 7);
}

TEST(Programs, EndWithAllThatTheyStartedWhenWeAreAskedToStop) {
    toolstack::StopSignals stop;
    int ends[2];
    ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
    Program program{.words = {"/bin/sh", "-c", "sleep 600 & kill -INT $PPID; wait"},
                    .environment = {},
                    .output = ends[1],
                    .own_session = true};
    auto process = start(program);
    ASSERT_TRUE(process);
    close(ends[1]);
    EXPECT_FALSE(finish(*process, now_ms() + 60000));
    char byte;
    EXPECT_EQ(read(ends[0], &byte, 1), 0); // nobody has the other end any more
    close(ends[0]);
}

} // namespace
} // namespace host
