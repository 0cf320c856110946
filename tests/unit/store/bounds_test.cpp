// SPDX-License-Identifier: Apache-2.0
// What one hostile domain can make the daemon keep, and do.
#include <cerrno>
#include <gtest/gtest.h>
#include <set>

#include "store/harness.hpp"

namespace store::test {
namespace {

constexpr std::int64_t limit = 2560 * 1024;

/// A server with dom0 on a socket, and domains 1 to `count`, each with a home of its own.
struct Hostile {
    explicit Hostile(abi::domid_t count = 1) {
        server.populate();
        for (abi::domid_t domid = 1; domid <= count; ++domid) {
            EXPECT_TRUE(server.introduce(domid, 1, 1));
            dom0.write(home(domid), "");
            auto const owner = "n" + std::to_string(domid);
            dom0.chmod(home(domid), {owner});
        }
        dom0.events();
    }
    static std::string home(abi::domid_t domid) { return "/local/domain/" + std::to_string(domid); }
    Connection& connection(abi::domid_t domid = 1) { return *server.find_domain(domid)->connection; }
    Peer guest(abi::domid_t domid = 1) { return {server, connection(domid)}; }
    std::int64_t held() { return server.held_bytes(connection()); }
    Host host;
    Server server{host, {}};
    Peer dom0{server, server.open_socket()};
};

std::string long_name(char letter, int number) {
    auto const digits = std::to_string(number);
    return Hostile::home(1) + "/" + std::string(1900, letter) + digits;
}

TEST(Bounds, StepsOfTransactionsAreCharged) {
    Hostile hostile;
    auto guest = hostile.guest();
    std::string const value(1900, 'v');
    int written = 0, refused = 0;
    for (int transaction = 0; transaction < 10; ++transaction) {
        auto const t = guest.start();
        for (int i = 0; i < 1024; ++i) {
            int const error = guest.write(long_name('a', 0), value, t);
            if (error == 0) ++written;
            else if (error == ENOMEM) ++refused;
        }
        ASSERT_LE(hostile.held(), limit);
    }
    EXPECT_GT(written, 100);
    EXPECT_GT(refused, 1000);
    int error = 0;
    for (int i = 0; i < 4 && error == 0; ++i) error = guest.write(long_name('b', i), value);
    EXPECT_EQ(error, ENOMEM) << "the bound is for all together";
    guest.end(1, false);
    EXPECT_EQ(guest.write(long_name('c', 0), value), 0) << "and what is given back is free again";
}

TEST(Bounds, WhatATransactionDependsOnIsCharged) {
    Hostile hostile;
    auto guest = hostile.guest();
    bool refused = false;
    for (int transaction = 0; transaction < 10; ++transaction) {
        auto const t = guest.start();
        for (int i = 0; i < 500; ++i) refused |= guest.read(long_name('b', i), t).error == ENOMEM;
        ASSERT_LE(hostile.held(), limit);
    }
    EXPECT_TRUE(refused);
}

TEST(Bounds, OldNodesThatOwnSnapshotsKeepAreCharged) {
    Hostile hostile;
    auto guest = hostile.guest();
    auto const node = [](int i) { return Hostile::home(1) + "/" + std::to_string(i / 100) + "/" + std::to_string(i); };
    for (int i = 0; i < 700; ++i) ASSERT_EQ(guest.write(node(i), std::string(1500, 'x')), 0);
    bool refused = false;
    for (int transaction = 0; transaction < 10; ++transaction) {
        guest.start();
        for (int i = 0; i < 700; ++i) refused |= guest.write(node(i), std::string(1500, 'y')) == ENOMEM;
        ASSERT_LE(hostile.held(), limit);
    }
    EXPECT_TRUE(refused);
    for (std::uint32_t id = 1; id <= 10; ++id) guest.end(id, false);
    EXPECT_EQ(guest.write(node(0), "z"), 0);
}

TEST(Bounds, EventsThatAreNotReadAreCharged) {
    Hostile hostile;
    Connection& connection = hostile.connection();
    for (int i = 0; i < 128; ++i) {
        Header const header{static_cast<std::uint32_t>(Op::Watch), 0, 0, 0};
        auto const text = strings({Hostile::home(1), std::string(200, 't') + std::to_string(i)});
        hostile.server.handle(connection, header, text); // never takes what it is sent
    }
    ASSERT_EQ(connection.watches.size(), 128u);
    for (int i = 0; i < 500; ++i) hostile.dom0.write(long_name('e', i), "1");
    EXPECT_GT(connection.waiting_bytes(), 100 * 1024);
    // Nodes that dom0 made for it are the guest's own, and dom0 is not bound.
    auto const nodes = hostile.server.accounts().of(1).bytes;
    EXPECT_LE(hostile.held() - nodes, limit);
    connection.taken(connection.pending().size()); // each watch has told at least of its own path
    std::set<std::string> told;
    for (int i = 0; i < 5000 && !connection.pending().empty(); ++i) {
        Frame frame;
        ASSERT_EQ(parse_frame(connection.pending(), frame), FrameState::Complete);
        Strings both{frame.payload};
        (void)both.next();
        told.insert(std::string{both.next().value_or("")});
        connection.taken(sizeof(Header) + frame.header.len);
    }
    EXPECT_EQ(told.size(), 128u);
    EXPECT_LT(connection.waiting_bytes(), 1024);
}

TEST(Bounds, AChangeCostsTheSameHoweverManyWatchTheRoot) {
    auto const cost = [](abi::domid_t watchers) {
        Hostile hostile{60};
        for (abi::domid_t domid = 1; domid <= watchers; ++domid)
            for (int i = 0; i < 64; ++i) {
                EXPECT_EQ(hostile.guest(domid).watch("/", std::to_string(i)), 0);
                EXPECT_EQ(hostile.guest(domid).watch("/local", std::to_string(i)), 0);
            }
        hostile.dom0.watch("/", "dom0");
        hostile.dom0.write("/local/domain/0/backend/vbd/1/2/state", "1");
        hostile.dom0.chmod("/local/domain/0/backend/vbd/1/2/state", {"n0", "r1"});
        auto const before = hostile.server.work();
        hostile.dom0.write("/local/domain/0/backend/vbd/1/2/state", "2");
        auto const after = hostile.server.work();
        EXPECT_EQ(after.changes - before.changes, 1u);
        EXPECT_EQ(after.watches - before.watches, 129u) << "domain 1 may read the node, and dom0 all";
        EXPECT_FALSE(hostile.guest(1).events().empty());
        return after.verdicts - before.verdicts;
    };
    EXPECT_EQ(cost(1), cost(50));
    EXPECT_LE(cost(50), 6u);
}

TEST(Bounds, DeviceModelsSeeWhatTheirTargetMay) {
    Hostile hostile{3};
    ASSERT_EQ(hostile.dom0.call(Op::SetTarget, strings({"2", "1"})).error, 0);
    for (abi::domid_t domid = 1; domid <= 3; ++domid) hostile.guest(domid).watch("/", "t");
    for (abi::domid_t domid = 1; domid <= 3; ++domid) hostile.guest(domid).events();
    hostile.dom0.write(Hostile::home(1) + "/secret", "1");
    EXPECT_EQ(hostile.guest(1).events().size(), 1u);
    EXPECT_EQ(hostile.guest(2).events().size(), 1u);
    EXPECT_TRUE(hostile.guest(3).events().empty());
}

TEST(Bounds, DomainsThatNeverWereLeaveNoAccount) {
    Hostile hostile;
    auto guest = hostile.guest();
    auto const path = Hostile::home(1) + "/x";
    ASSERT_EQ(guest.write(path, ""), 0);
    for (int domid = 100; domid < 3100; domid += 4)
        ASSERT_EQ(guest.chmod(path, {"n1", "r" + std::to_string(domid), "r" + std::to_string(domid + 1),
                                     "r" + std::to_string(domid + 2), "r" + std::to_string(domid + 3)}),
                  0);
    ASSERT_EQ(guest.chmod(path, {"n1"}), 0);
    std::size_t accounts = 0;
    for (auto const& entry : hostile.server.accounts()) accounts += entry.first != 0;
    EXPECT_EQ(accounts, 1u);
}

TEST(Bounds, NoReplyIsLongerThanTheProtocolAllows) {
    Hostile hostile;
    for (int i = 2; i < 600; ++i) {
        auto const path = "/many/" + std::to_string(i);
        hostile.dom0.write(path, "");
        hostile.dom0.chmod(path, {"n" + std::to_string(i)});
    }
    auto const report = hostile.dom0.call(Op::Control, strings({"memreport"}));
    EXPECT_EQ(report.error, 0);
    EXPECT_LE(report.payload.size(), payload_max);
    EXPECT_NE(report.payload.find("domains more"), std::string::npos);
    // An event of a long path and a long token says the watched path.
    std::string const token(3900, 't');
    ASSERT_EQ(hostile.dom0.watch("/many", token), 0);
    hostile.dom0.events();
    hostile.dom0.write("/many/" + std::string(400, 'n'), "1");
    EXPECT_EQ(hostile.dom0.events(), (std::vector<Event>{{"/many", token}}));
}

} // namespace
} // namespace store::test
