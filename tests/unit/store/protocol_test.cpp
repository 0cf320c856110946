// SPDX-License-Identifier: Apache-2.0
// Promises of the protocol: permissions, quotas, watches, transactions, domains.
#include <ctime>
#include <gtest/gtest.h>

#include "store/harness.hpp"

namespace store::test {
namespace {

class Protocol : public testing::Test {
  protected:
    Protocol() {
        server.populate();
        EXPECT_EQ(dom0.call(Op::Introduce, strings({"1", "100", "2"})).error, 0);
        EXPECT_EQ(dom0.call(Op::Introduce, strings({"2", "100", "2"})).error, 0);
        EXPECT_EQ(dom0.write("/local/domain/1", ""), 0);
        EXPECT_EQ(dom0.chmod("/local/domain/1", {"n1"}), 0);
        EXPECT_EQ(dom0.chmod("/local", {"r0"}), 0);
        EXPECT_EQ(dom0.chmod("/local/domain", {"r0"}), 0);
    }
    Peer peer(abi::domid_t domid) { return Peer{server, *server.find_domain(domid)->connection}; }
    Host host;
    Server server{host, {}};
    Peer dom0{server, server.open_socket()};
};

TEST_F(Protocol, NodesOfADomainAreItsOwn) {
    auto one = peer(1), two = peer(2);
    EXPECT_EQ(one.write("data/x", "1"), 0);
    EXPECT_EQ(dom0.read("/local/domain/1/data/x").payload, "1");
    EXPECT_EQ(dom0.call(Op::GetPerms, strings({"/local/domain/1/data/x"})).payload, strings({"n1"}));
    EXPECT_EQ(two.read("/local/domain/1/data/x").error, EACCES);
    EXPECT_EQ(two.read("/local/domain/1/nothing").error, EACCES); // not even whether it is there
    EXPECT_EQ(one.chmod("data/x", {"n1", "r2"}), 0);
    EXPECT_EQ(two.read("/local/domain/1/data/x").payload, "1");
    EXPECT_EQ(two.write("/local/domain/1/data/x", "2"), EACCES);
    EXPECT_EQ(one.chmod("data/x", {"n2"}), EPERM); // owners do not give away
    EXPECT_EQ(two.chmod("/local/domain/1/data/x", {"b1"}), EACCES);
    EXPECT_EQ(one.write("/outside", "1"), EACCES);
}

TEST_F(Protocol, TargetOfADeviceModel) {
    auto two = peer(2);
    EXPECT_EQ(two.write("/local/domain/1/dm", "1"), EACCES);
    EXPECT_EQ(dom0.call(Op::SetTarget, strings({"2", "1"})).error, 0);
    EXPECT_EQ(two.write("/local/domain/1/dm", "1"), 0);
}

TEST_F(Protocol, MalformedRequests) {
    auto one = peer(1);
    for (auto const path : {"", "//", "/a//b", "/a/", "/a b", "@foo", "/a\n"})
        EXPECT_EQ(one.read(path).error, EINVAL) << path;
    EXPECT_EQ(one.call(Op::Read, "/no-nul").error, EINVAL);
    EXPECT_EQ(one.call(Op::Write, "/no-nul").error, EINVAL);
    EXPECT_EQ(one.call(static_cast<Op>(77), "").error, ENOSYS);
    EXPECT_EQ(one.call(static_cast<Op>(20), "").error, ENOSYS);
    EXPECT_EQ(one.call(Op::TransactionEnd, strings({"X"})).error, EINVAL);
    EXPECT_EQ(one.end(9), ENOENT);
    EXPECT_EQ(one.read("data", 9).error, ENOENT);
    EXPECT_EQ(dom0.remove("/"), EINVAL);
    EXPECT_EQ(dom0.call(Op::SetPerms, strings({"/local", "z1"})).error, EINVAL);
    EXPECT_EQ(dom0.call(Op::SetPerms, strings({"/local"})).error, EINVAL);
    for (Op const op : {Op::Introduce, Op::Release, Op::Resume, Op::SetTarget, Op::Control})
        EXPECT_EQ(one.call(op, strings({"1", "2", "3"})).error == 0, false);
}

TEST_F(Protocol, Quotas) {
    auto one = peer(1);
    auto& quotas = server.quotas();
    quotas.nodes = 20;
    int error = 0, written = 0;
    while ((error = one.write("n" + std::to_string(written), "")) == 0) ++written;
    EXPECT_EQ(error, ENOSPC);
    EXPECT_EQ(written, 19); // and its own directory
    EXPECT_EQ(one.write("n0", std::string(2100, 'x')), ENOSPC);
    EXPECT_EQ(dom0.write("/big", std::string(3000, 'x')), 0);
    quotas.watches = 3;
    for (int i = 0; i < 3; ++i) EXPECT_EQ(one.watch("n0", std::to_string(i)), 0);
    EXPECT_EQ(one.watch("n0", "4"), E2BIG);
    quotas.transactions = 2;
    one.start();
    one.start();
    EXPECT_EQ(one.call(Op::TransactionStart, strings({""})).error, ENOSPC);
    quotas.permissions = 2;
    EXPECT_EQ(one.chmod("n0", {"n1", "r2", "r3"}), ENOSPC);
    EXPECT_EQ(dom0.call(Op::Control, strings({"check"})).payload, strings({"OK"}));
}

TEST_F(Protocol, RequestLogKeepsToItsLines) {
    EXPECT_EQ(dom0.call(Op::Control, strings({"log", "on"})).payload, strings({"OK"}));
    host.lines.clear();
    (void)peer(1).read("a\nxenstored: all is well\x1b[2J");
    ASSERT_EQ(host.lines.size(), 1u);
    EXPECT_EQ(host.lines[0], "domain 1 op 2 tx 0 \"a\\nxenstored: all is well\\x1b[2J\": EINVAL");
}

TEST_F(Protocol, TransactionCannotPassTheNodeQuota) {
    auto one = peer(1);
    server.quotas().nodes = 10;
    auto const t = one.start();
    int written = 0;
    while (one.write("t" + std::to_string(written), "", t) == 0) ++written;
    EXPECT_EQ(written, 9);
    EXPECT_EQ(one.write("live", ""), 0);
    EXPECT_EQ(one.end(t), ENOSPC);
}

TEST_F(Protocol, Watches) {
    EXPECT_EQ(dom0.watch("/w", "tok"), 0);
    EXPECT_EQ(dom0.events(), (std::vector<Event>{{"/w", "tok"}}));
    EXPECT_EQ(dom0.watch("/w", "tok"), EEXIST);
    dom0.write("/w/a/b", "1");
    EXPECT_EQ(dom0.events(), (std::vector<Event>{{"/w/a/b", "tok"}}));
    EXPECT_EQ(dom0.watch("/w/a/b", "deep"), 0);
    (void)dom0.events();
    dom0.remove("/w/a");
    EXPECT_EQ(dom0.events(), (std::vector<Event>{{"/w/a", "tok"}, {"/w/a/b", "deep"}}));
    EXPECT_EQ(dom0.call(Op::Unwatch, strings({"/w", "tok"})).error, 0);
    EXPECT_EQ(dom0.call(Op::Unwatch, strings({"/w", "tok"})).error, ENOENT);
    dom0.write("/w/c", "1");
    EXPECT_TRUE(dom0.events().empty());
}

TEST_F(Protocol, WatchDepthAndRelativePaths) {
    EXPECT_EQ(dom0.call(Op::Watch, strings({"/d", "one", "1"})).error, 0);
    (void)dom0.events();
    dom0.write("/d/a", "");
    dom0.write("/d/a/b", "");
    EXPECT_EQ(dom0.events(), (std::vector<Event>{{"/d/a", "one"}}));
    auto one = peer(1);
    EXPECT_EQ(one.watch("rel", "r"), 0);
    one.write("rel/x", "1");
    EXPECT_EQ(one.events(), (std::vector<Event>{{"rel", "r"}, {"rel/x", "r"}}));
}

TEST_F(Protocol, WatchesShowOnlyWhatMayBeRead) {
    auto two = peer(2);
    EXPECT_EQ(two.watch("/local/domain/1", "spy"), 0);
    (void)two.events();
    dom0.write("/local/domain/1/secret", "1");
    EXPECT_TRUE(two.events().empty());
    EXPECT_EQ(two.watch("@releaseDomain", "r"), 0);
    (void)two.events();
    dom0.call(Op::Introduce, strings({"3", "100", "2"}));
    dom0.call(Op::Release, strings({"3"}));
    EXPECT_TRUE(two.events().empty());
    EXPECT_EQ(dom0.chmod("@releaseDomain", {"n0", "r2"}), 0);
    dom0.call(Op::Introduce, strings({"3", "100", "2"}));
    dom0.call(Op::Release, strings({"3"}));
    EXPECT_EQ(two.events(), (std::vector<Event>{{"@releaseDomain", "r"}}));
}

TEST_F(Protocol, EventsWaitBoundedAndNoneIsLost) {
    auto one = peer(1);
    EXPECT_EQ(one.watch("data", "t"), 0);
    (void)one.events();
    for (int i = 0; i < 5000; ++i) dom0.write("/local/domain/1/data/" + std::to_string(i), "");
    EXPECT_LT(one.connection().pending().size(), 16384u);
    std::set<std::string> paths;
    while (true) {
        auto const events = one.events();
        if (events.empty()) break;
        for (auto const& event : events) paths.insert(event.path);
    }
    EXPECT_TRUE(paths.contains("data")); // many became one for the watched node
    EXPECT_TRUE(paths.contains("data/0"));
}

TEST_F(Protocol, TransactionsSeeThemselvesAndConflict) {
    auto const t = dom0.start();
    EXPECT_EQ(dom0.write("/t/x", "1", t), 0);
    EXPECT_EQ(dom0.read("/t/x").error, ENOENT);
    EXPECT_EQ(dom0.read("/t/x", t).payload, "1");
    EXPECT_EQ(dom0.call(Op::TransactionStart, strings({""}), t).error, EBUSY);
    EXPECT_EQ(dom0.write("/other", "1"), 0); // nothing that it depends on
    EXPECT_EQ(dom0.end(t), 0);
    auto const u = dom0.start();
    EXPECT_EQ(dom0.read("/t/x", u).payload, "1");
    dom0.write("/t/x", "2");
    EXPECT_EQ(dom0.end(u), EAGAIN);
    auto const v = dom0.start();
    EXPECT_EQ(dom0.list("/t", v).error, 0);
    dom0.write("/t/y", "2");
    EXPECT_EQ(dom0.end(v), EAGAIN);
    auto const w = dom0.start();
    EXPECT_EQ(dom0.read("/absent", w).error, ENOENT);
    dom0.write("/absent", "2");
    EXPECT_EQ(dom0.end(w), EAGAIN);
}

TEST_F(Protocol, DomainsComeAndGo) {
    EXPECT_EQ(dom0.watch("@introduceDomain", "i"), 0);
    EXPECT_EQ(dom0.watch("@releaseDomain", "r"), 0);
    (void)dom0.events();
    EXPECT_EQ(dom0.call(Op::Introduce, strings({"5", "1", "1"})).error, 0);
    EXPECT_EQ(dom0.events(), (std::vector<Event>{{"@introduceDomain", "i"}}));
    EXPECT_EQ(dom0.call(Op::Introduce, strings({"5", "1", "9"})).error, 0); // a new event channel
    EXPECT_TRUE(dom0.events().empty());
    EXPECT_EQ(dom0.call(Op::IsDomainIntroduced, strings({"5"})).payload, strings({"T"}));
    EXPECT_EQ(dom0.call(Op::GetDomainPath, strings({"5"})).payload, strings({"/local/domain/5"}));
    dom0.write("/shared", "");
    dom0.chmod("/shared", {"n0", "b5", "r1"});
    EXPECT_EQ(peer(5).write("/shared/mine", "x"), 0);
    EXPECT_EQ(dom0.call(Op::Release, strings({"5"})).error, 0);
    EXPECT_EQ(dom0.events(), (std::vector<Event>{{"@releaseDomain", "r"}}));
    EXPECT_EQ(dom0.call(Op::IsDomainIntroduced, strings({"5"})).payload, strings({"F"}));
    EXPECT_EQ(dom0.read("/shared/mine").error, ENOENT);
    EXPECT_EQ(dom0.call(Op::GetPerms, strings({"/shared"})).payload, strings({"n0", "r1"}));
    EXPECT_EQ(dom0.call(Op::Release, strings({"5"})).error, ENOENT);
    EXPECT_EQ(dom0.call(Op::Release, strings({"0"})).error, EINVAL);
}

/// Of a domain that is gone nothing is left, where toolstacks put its nodes and anywhere else; those of others stay.
TEST_F(Protocol, NothingOfADomainOutlivesIt) {
    for (char const* domid : {"5", "51"}) {
        ASSERT_EQ(dom0.call(Op::Introduce, strings({domid, "1", "1"})).error, 0);
        std::string const id{domid}, own = "/local/domain/" + id, reader = "r" + id;
        for (auto const& path : {own, "/vm/some-" + id, "/local/domain/0/backend/vif/" + id + "/0"}) {
            ASSERT_EQ(dom0.write(path, ""), 0);
            ASSERT_EQ(dom0.chmod(path, {"n0", reader}), 0);
        }
        ASSERT_EQ(dom0.write(own + "/vm", "/vm/some-" + id), 0);
        for (auto const& path : {own + "/data", std::string{"/odd/place/"} + id}) {
            ASSERT_EQ(dom0.write(path, ""), 0);
            ASSERT_EQ(dom0.chmod(path, {"n" + id}), 0);
        }
    }
    ASSERT_EQ(dom0.write("/local/domain/51/name", "stays"), 0);
    ASSERT_EQ(dom0.call(Op::Release, strings({"5"})).error, 0);
    EXPECT_EQ(server.accounts().of(5).mentions, 0);
    EXPECT_EQ(server.accounts().of(5).nodes, 0);
    EXPECT_EQ(dom0.read("/local/domain/5/data").error, ENOENT);
    EXPECT_EQ(dom0.read("/odd/place/5").error, ENOENT);
    for (char const* path : {"/local/domain/5", "/vm/some-5", "/local/domain/0/backend/vif/5/0"})
        EXPECT_EQ(dom0.call(Op::GetPerms, strings({path})).payload, strings({"n0"})) << path;
    EXPECT_EQ(dom0.read("/local/domain/51/name").payload, "stays");
    EXPECT_EQ(dom0.call(Op::GetPerms, strings({"/odd/place/51"})).payload, strings({"n51"}));
    EXPECT_EQ(dom0.call(Op::GetPerms, strings({"/vm/some-51"})).payload, strings({"n0", "r51"}));
}

/// Guests may name domains that do not exist in permissions, tens of thousands together: they are cleaned away in one
/// go.
TEST_F(Protocol, AnyNumberOfDomainsThatNeverWere) {
    constexpr int guests = 8, nodes = 900, first_ghost = 100;
    int ghost = first_ghost;
    for (int guest = 11; guest < 11 + guests; ++guest) {
        auto const id = std::to_string(guest);
        ASSERT_EQ(dom0.call(Op::Introduce, strings({id, "1", "1"})).error, 0);
        ASSERT_EQ(dom0.mkdir("/local/domain/" + id), 0);
        ASSERT_EQ(dom0.chmod("/local/domain/" + id, {"n" + id}), 0);
        auto its = peer(static_cast<abi::domid_t>(guest));
        for (int i = 0; i < nodes; ++i, ghost += 4) {
            auto const path = "data/" + std::to_string(i / 100) + "/" + std::to_string(i);
            auto const named = [&](int n) { return "r" + std::to_string(ghost + n); };
            ASSERT_EQ(its.write(path, ""), 0);
            ASSERT_EQ(its.chmod(path, {"n" + id, named(0), named(1), named(2), named(3)}), 0);
        }
    }
    auto const exists = [](abi::domid_t domid) { return domid < first_ghost; };
    auto const start = std::clock();
    server.forget_missing(exists);
    constexpr double longest = 5; // one walk for each ghost would take minutes
    EXPECT_LT(static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC, longest);
    for (int i = first_ghost; i < ghost; ++i) ASSERT_EQ(server.accounts().of(static_cast<abi::domid_t>(i)).mentions, 0);
    EXPECT_EQ(dom0.call(Op::GetPerms, strings({"/local/domain/18/data/3/333"})).payload, strings({"n18"}));
    EXPECT_EQ(dom0.call(Op::Control, strings({"check"})).payload, strings({"OK"}));
}

TEST_F(Protocol, LargeDirectoriesComeInParts) {
    std::vector<std::string> names;
    for (int i = 0; i < 700; ++i) {
        names.push_back("child-" + std::to_string(i));
        dom0.write("/dir/" + names.back(), "");
    }
    EXPECT_EQ(dom0.list("/dir").error, E2BIG);
    std::vector<std::string> got;
    for (std::size_t offset = 0;;) {
        auto const part = dom0.call(Op::DirectoryPart, strings({"/dir", std::to_string(offset)}));
        ASSERT_EQ(part.error, 0);
        ASSERT_LE(part.payload.size(), payload_max);
        Strings parts{part.payload};
        (void)parts.next();
        bool done = false;
        while (auto const name = parts.next()) {
            if ((done = name->empty())) break;
            got.emplace_back(*name);
            offset += name->size() + 1;
        }
        if (done) break;
    }
    EXPECT_EQ(got, names); // in the order of creation
}

} // namespace
} // namespace store::test
