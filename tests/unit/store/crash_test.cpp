// SPDX-License-Identifier: Apache-2.0
// xenstored killed by SIGKILL at random moments under load: what it acknowledged is there when it is back.
#include <atomic>
#include <chrono>
#include <gtest/gtest.h>
#include <random>
#include <thread>

#include "store/daemon_process.hpp"

namespace store::test {
namespace {

using namespace std::chrono_literals;

/// Writes a counter to a node of its own, and another to two nodes in one transaction; remembers what was
/// acknowledged.
struct Writer {
    int number;
    unsigned long plain = 0, paired = 0, tried_plain = 0, tried_paired = 0;

    std::string node(char const* name) const { return "/load/" + std::to_string(number) + "/" + name; }
    void run(std::atomic<bool> const& stop) {
        auto client = connect();
        while (!stop && client) {
            if (!once(*client)) client = connect();
        }
    }
    bool once(store::Client& client) {
        ++tried_plain;
        if (!client.write(node("plain"), std::to_string(tried_plain))) return false;
        plain = tried_plain;
        auto const t = client.begin();
        if (!t) return false;
        ++tried_paired;
        auto const value = std::to_string(tried_paired);
        if (!client.write(node("left"), value, *t) || !client.write(node("right"), value, *t)) return false;
        auto const done = client.commit(*t);
        if (done) paired = tried_paired;
        return done || done.error().code == EAGAIN;
    }
    void check(store::Client& client) const {
        auto const number_at = [&](char const* name) {
            auto const text = client.get(node(name));
            return text ? std::stoul(*text) : 0ul;
        };
        auto const now = number_at("plain"), left = number_at("left"), right = number_at("right");
        EXPECT_GE(now, plain) << "an acknowledged write is lost";
        EXPECT_LE(now, tried_plain);
        EXPECT_EQ(left, right) << "half a transaction";
        EXPECT_GE(left, paired) << "an acknowledged transaction is lost";
        EXPECT_LE(left, tried_paired);
    }
};

/// A client that never stops asking, with as many requests under way as the sockets hold.
void flood(std::atomic<bool> const& stop) {
    auto client = connect();
    if (!client) return;
    std::vector<std::string> const paths(40, "/");
    while (!stop && client->get_all(paths)) {}
}

TEST(Fairness, AFloodDoesNotKeepOthersWaiting) {
    Rundir const folder;
    {
        DaemonProcess daemon{folder};
        std::atomic<bool> stop = false;
        auto client = connect();
        ASSERT_TRUE(client);
        std::vector<std::jthread> floods;
        for (int i = 0; i < 6; ++i) floods.emplace_back([&] { flood(stop); });
        std::this_thread::sleep_for(50ms);
        auto const start = std::chrono::steady_clock::now();
        for (int i = 0; i < 200; ++i) ASSERT_TRUE(client->write("/polite", std::to_string(i)));
        stop = true;
        EXPECT_LT(std::chrono::steady_clock::now() - start, 20s) << "200 requests";
    }
}

TEST(Crash, NothingAcknowledgedIsLost) {
    Rundir const folder;
    {
        DaemonProcess daemon{folder};
        std::mt19937 random{std::random_device{}()};
        std::vector<Writer> writers{{0}, {1}, {2}};
        for (int round = 0; round < 12; ++round) {
            std::atomic<bool> stop = false;
            {
                std::vector<std::jthread> threads;
                for (auto& writer : writers) threads.emplace_back([&] { writer.run(stop); });
                std::this_thread::sleep_for(std::chrono::microseconds{20000 + random() % 100000});
                daemon.kill();
                daemon.start();
                std::this_thread::sleep_for(20ms);
                stop = true;
            }
            auto client = connect();
            ASSERT_TRUE(client);
            for (auto const& writer : writers) writer.check(*client);
        }
        for (auto const& writer : writers) {
            EXPECT_GT(writer.plain, 12u);
            EXPECT_GT(writer.paired, 12u);
        }
        auto client = connect();
        ASSERT_TRUE(client);
        EXPECT_EQ(client->control(std::string_view{"check\0", 6}).value_or("?"), "OK");
    }
}

} // namespace
} // namespace store::test
