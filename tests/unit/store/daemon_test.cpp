// SPDX-License-Identifier: Apache-2.0
// The daemon where things run out or end early: room, descriptors, clients, formats.
#include <chrono>
#include <fstream>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "store/core/wire.hpp"
#include "store/daemon_process.hpp"

namespace store::test {
namespace {

using namespace std::chrono_literals;

xen::FileDescriptor raw_connection(Rundir const& folder) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    (folder / "socket").copy(address.sun_path, sizeof address.sun_path - 1);
    xen::FileDescriptor file{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (::connect(file.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) < 0) file.reset();
    return file;
}

std::string writes(int count) {
    std::string bytes;
    for (int i = 0; i < count; ++i)
        append_message(bytes, Op::Write, 0, 0, "/last/" + std::to_string(i) + std::string(1, '\0') + "x");
    return bytes;
}

TEST(Daemon, WhatAClientSentBeforeItClosedIsDone) {
    Rundir folder;
    DaemonProcess daemon{folder};
    auto client = connect();
    ASSERT_TRUE(client);
    for (int const count : {1, 40, 60, 100, 400, 1000}) {
        {
            auto const file = raw_connection(folder);
            auto const bytes = writes(count);
            ASSERT_EQ(::send(file.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
        }
        std::size_t done = 0;
        for (int tries = 0; tries < 500 && done < static_cast<std::size_t>(count); ++tries) {
            std::this_thread::sleep_for(10ms);
            auto const names = client->list("/last");
            done = names ? names->size() : 0;
        }
        EXPECT_EQ(done, static_cast<std::size_t>(count));
        ASSERT_TRUE(client->remove("/last"));
    }
}

TEST(Daemon, AClientThatOnlyEndsItsSendingGetsItsReplies) {
    Rundir folder;
    DaemonProcess daemon{folder};
    ASSERT_TRUE(connect());
    auto const file = raw_connection(folder);
    auto const bytes = writes(200);
    ASSERT_EQ(::send(file.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
    ::shutdown(file.get(), SHUT_WR);
    std::string replies;
    char buffer[4096];
    for (ssize_t got; (got = ::recv(file.get(), buffer, sizeof buffer, 0)) > 0;)
        replies.append(buffer, static_cast<std::size_t>(got));
    EXPECT_EQ(replies.size(), 200 * (sizeof(Header) + 3)); // then the daemon has closed
}

TEST(Daemon, WithoutRoomForANewJournalItGoesOnWithTheOld) {
    Rundir folder;
    DaemonProcess daemon{folder};
    {
        auto client = connect();
        ASSERT_TRUE(client && client->write("/before", "1"));
    }
    daemon.kill();
    std::filesystem::create_directory(folder / "journal.new"); // as if there were no room for the file
    daemon.start();
    {
        auto client = connect();
        ASSERT_TRUE(client);
        EXPECT_EQ(client->get("/before"), "1");
        ASSERT_TRUE(client->write("/meanwhile", "2"));
    }
    daemon.kill();
    daemon.start();
    auto client = connect();
    ASSERT_TRUE(client);
    EXPECT_EQ(client->get("/before"), "1");
    EXPECT_EQ(client->get("/meanwhile"), "2");
}

TEST(Daemon, AFirstJournalThatCannotBeWrittenIsTriedAgain) {
    Rundir folder;
    std::filesystem::create_directory(folder / "journal.new");
    DaemonProcess daemon{folder};
    {
        auto client = connect();
        ASSERT_TRUE(client && client->write("/kept", "1"));
        std::filesystem::remove(folder / "journal.new");
        for (int tries = 0; tries < 500 && std::filesystem::file_size(folder / "journal") == 0; ++tries)
            std::this_thread::sleep_for(10ms); // an idle daemon tries too
    }
    daemon.kill();
    daemon.start();
    auto client = connect();
    ASSERT_TRUE(client);
    EXPECT_EQ(client->get("/kept"), "1");
}

/// Appends one frame of nonsense with a right checksum, as a fault of an earlier daemon might have.
void append_nonsense(std::string const& journal) {
    std::string const records = "\x63nonsense";
    std::uint64_t hash = 0xcbf29ce484222325;
    for (unsigned char const byte : records) hash = (hash ^ byte) * 0x100000001b3;
    std::uint32_t const header[2] = {static_cast<std::uint32_t>(records.size()),
                                     static_cast<std::uint32_t>(hash ^ (hash >> 32))};
    std::ofstream file{journal, std::ios::app | std::ios::binary};
    file.write(reinterpret_cast<char const*>(header), sizeof header);
    file << records;
}

TEST(Daemon, ABadRecordDoesNotCostTheStore) {
    Rundir folder;
    DaemonProcess daemon{folder};
    {
        auto client = connect();
        ASSERT_TRUE(client && client->write("/before", "1"));
    }
    daemon.kill();
    append_nonsense(folder / "journal");
    for (int restart = 0; restart < 2; ++restart) {
        daemon.start();
        auto client = connect();
        ASSERT_TRUE(client);
        EXPECT_EQ(client->get("/before"), "1");
        EXPECT_TRUE(std::filesystem::exists(folder / "journal.bad"));
        daemon.kill();
    }
}

TEST(Daemon, ANewerJournalIsRefusedAndKept) {
    Rundir folder;
    {
        DaemonProcess daemon{folder};
        auto client = connect();
        ASSERT_TRUE(client && client->write("/before", "1"));
    }
    std::string text{std::istreambuf_iterator<char>{std::ifstream{folder / "journal"}.rdbuf()}, {}};
    text[sizeof "PROXENOS STORE " - 1] = '9';
    std::ofstream{folder / "journal"} << text;
    DaemonProcess daemon{folder, [&] { (void)!std::freopen((folder / "said").c_str(), "w", stderr); }};
    EXPECT_EQ(daemon.wait(), 1);
    std::string const said{std::istreambuf_iterator<char>{std::ifstream{folder / "said"}.rdbuf()}, {}};
    EXPECT_NE(said.find("format 9"), std::string::npos) << said;
    std::string const kept{std::istreambuf_iterator<char>{std::ifstream{folder / "journal"}.rdbuf()}, {}};
    EXPECT_EQ(kept, text);
}

/// Processor time of a process so far, in clock ticks.
long ticks_of(pid_t process) {
    std::ifstream file{"/proc/" + std::to_string(process) + "/stat"};
    std::string text{std::istreambuf_iterator<char>{file.rdbuf()}, {}};
    std::istringstream rest{text.substr(text.rfind(')') + 2)};
    std::string skipped;
    for (int i = 0; i < 11; ++i) rest >> skipped;
    long user = 0, system = 0;
    rest >> user >> system;
    return user + system;
}

TEST(Daemon, WithoutDescriptorsItWaitsForOne) {
    Rundir folder;
    DaemonProcess daemon{folder, [] {
                             ::prctl(PR_CAPBSET_DROP, CAP_SYS_RESOURCE); // root could raise the limit again
                             rlimit const limit{20, 20};
                             ::setrlimit(RLIMIT_NOFILE, &limit);
                         }};
    std::vector<std::optional<Client>> clients;
    clients.push_back(connect());
    ASSERT_TRUE(clients[0] && clients[0]->write("/a", "1"));
    std::vector<xen::FileDescriptor> waiting;
    for (int i = 0; i < 30; ++i) waiting.push_back(raw_connection(folder));
    auto const before = ticks_of(daemon.process());
    std::this_thread::sleep_for(1s);
    EXPECT_LT(ticks_of(daemon.process()) - before, ::sysconf(_SC_CLK_TCK) / 4) << "a quarter of a second";
    EXPECT_TRUE(clients[0]->write("/a", "2")) << "those that are in are served";
    auto late = connect(); // stands in the queue behind the 30
    ASSERT_TRUE(late);
    waiting.clear();
    EXPECT_EQ(late->get("/a"), "2");
}

TEST(Daemon, RaisesItsOwnLimitOfFiles) {
    Rundir folder;
    DaemonProcess daemon{folder, [] {
                             rlimit limit{};
                             ::getrlimit(RLIMIT_NOFILE, &limit);
                             limit.rlim_cur = 64;
                             ::setrlimit(RLIMIT_NOFILE, &limit);
                         }};
    ASSERT_TRUE(connect());
    std::vector<xen::FileDescriptor> many;
    for (int i = 0; i < 150; ++i) many.push_back(raw_connection(folder));
    auto client = connect();
    ASSERT_TRUE(client);
    EXPECT_TRUE(client->write("/a", "1"));
}

} // namespace
} // namespace store::test
