// SPDX-License-Identifier: Apache-2.0
// The store against a simple oracle: random operations, inside and outside transactions, by several clients.
#include <gtest/gtest.h>
#include <map>
#include <random>
#include <set>

#include "store/harness.hpp"

namespace store::test {
namespace {

/// The store as plain maps, copied whole for each transaction. Everything is dom0's, so no permissions.
struct Oracle {
    std::map<std::string, std::string> nodes{{"/", ""}, {"/tool", ""}, {"/tool/xenstored", ""}};

    bool has(std::string const& path) const { return nodes.contains(path); }
    void create(std::string const& path) {
        for (std::size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1))
            nodes.try_emplace(path.substr(0, slash));
        nodes.try_emplace(path);
    }
    int write(std::string const& path, std::string const& value) {
        create(path);
        nodes[path] = value;
        return 0;
    }
    int remove(std::string const& path) {
        if (path == "/") return EINVAL;
        if (!has(path)) return has(std::string{parent_of(path)}) ? 0 : ENOENT;
        std::erase_if(nodes,
                      [&](auto const& node) { return node.first == path || node.first.starts_with(path + "/"); });
        return 0;
    }
    Answer read(std::string const& path) const { return has(path) ? Answer{0, nodes.at(path)} : Answer{ENOENT, {}}; }
    std::set<std::string> list(std::string const& path) const {
        std::set<std::string> names;
        auto const prefix = path == "/" ? path : path + "/";
        for (auto const& [node, value] : nodes)
            if (node.starts_with(prefix) && node.size() > prefix.size() &&
                node.find('/', prefix.size()) == std::string::npos)
                names.insert(node.substr(prefix.size()));
        return names;
    }
    bool operator==(Oracle const&) const = default;
};

std::set<std::string> names_of(std::string const& payload) {
    std::set<std::string> names;
    Strings parts{payload};
    while (auto const name = parts.next()) names.insert(std::string{*name});
    return names;
}

/// A client with at most one transaction, and what it should see.
struct Client {
    Peer peer;
    std::uint32_t transaction = 0;
    Oracle before, inside;
};

class Scenario {
  public:
    explicit Scenario(unsigned seed) : random_{seed}, server_{host_, {}} {
        server_.populate();
        for (int i = 0; i < 3; ++i) clients_.push_back({Peer{server_, server_.open_socket()}, 0, {}, {}});
    }

    void step() {
        Client& client = clients_[pick(clients_.size())];
        Oracle& seen = client.transaction ? client.inside : live_;
        std::string const path = random_path(), value = std::to_string(random_() % 100);
        auto const t = client.transaction;
        switch (pick(9)) {
        case 0:
        case 1: ASSERT_EQ(client.peer.write(path, value, t), seen.write(path, value)); break;
        case 2:
            ASSERT_EQ(client.peer.mkdir(path, t), 0);
            seen.create(path);
            break;
        case 3: ASSERT_EQ(client.peer.remove(path, t), seen.remove(path)) << path; break;
        case 4:
        case 5: ASSERT_EQ(client.peer.read(path, t), seen.read(path)) << path; break;
        case 6: {
            auto const answer = client.peer.list(path, t);
            ASSERT_EQ(answer.error == 0, seen.has(path));
            if (answer.error == 0) EXPECT_EQ(names_of(answer.payload), seen.list(path));
            break;
        }
        default: begin_or_end(client);
        }
        if (pick(64) == 0) check_all();
    }

    void check_all() {
        std::size_t count = 0;
        for_each_node("/", server_.tree().root(), [&](std::string const& path, Node const& node) {
            ++count;
            ASSERT_TRUE(live_.has(path)) << path;
            ASSERT_EQ(node.value, live_.nodes.at(path));
        });
        ASSERT_EQ(count, live_.nodes.size());
        ASSERT_EQ(clients_[0].peer.call(Op::Control, strings({"check"})).payload, strings({"OK"}));
    }
    unsigned committed = 0, refused = 0;

  private:
    std::size_t pick(std::size_t count) { return random_() % count; }
    std::string random_path() {
        std::string path;
        for (std::size_t depth = 1 + pick(4); depth > 0; --depth) path += "/" + std::string(1, "abc"[pick(3)]);
        return pick(40) == 0 ? "/" : path;
    }
    void begin_or_end(Client& client) {
        if (!client.transaction) {
            client.transaction = client.peer.start();
            client.before = client.inside = live_;
            return;
        }
        bool const commit = pick(4) != 0;
        int const error = client.peer.end(client.transaction, commit);
        bool const touched = !(client.before == live_);
        client.transaction = 0;
        if (!commit) {
            ASSERT_EQ(error, 0);
            return;
        }
        if (!touched) EXPECT_EQ(error, 0) << "a conflict where nothing else happened";
        if (error == EAGAIN) return void(++refused);
        ASSERT_EQ(error, 0);
        ++committed;
        // Serializable: what the transaction changed is laid over what others did, which it cannot have read.
        for (auto const& [path, value] : client.before.nodes)
            if (!client.inside.has(path)) (void)live_.nodes.erase(path);
        for (auto const& [path, value] : client.inside.nodes)
            if (!client.before.has(path) || client.before.nodes.at(path) != value) live_.nodes[path] = value;
    }

    std::mt19937 random_;
    Host host_;
    Server server_;
    std::vector<Client> clients_;
    Oracle live_;
};

TEST(Oracle, RandomOperations) {
    unsigned committed = 0, refused = 0;
    for (unsigned seed = 1; seed <= 60 && !HasFatalFailure(); ++seed) {
        SCOPED_TRACE(seed);
        Scenario run{seed};
        for (int i = 0; i < 600 && !HasFatalFailure(); ++i) run.step();
        if (!HasFatalFailure()) run.check_all();
        committed += run.committed;
        refused += run.refused;
    }
    EXPECT_GT(committed, 100u);
    EXPECT_GT(refused, 100u);
}

TEST(Tree, SnapshotsDoNotChange) {
    Tree tree;
    Accounts accounts;
    std::uint64_t generation = 0;
    std::mt19937 random{7};
    std::vector<std::pair<Tree, std::string>> snapshots;
    for (int i = 0; i < 400; ++i) {
        Mutation mutation;
        mutation.kind = random() % 3 == 0 ? Mutation::Kind::Remove : Mutation::Kind::Write;
        mutation.path = "/" + std::to_string(random() % 4) + "/" + std::to_string(random() % 4);
        mutation.value = std::to_string(i);
        (void)apply(tree, accounts, generation, mutation);
        if (i % 10 == 0) snapshots.emplace_back(tree, dump(tree));
    }
    for (auto const& [snapshot, text] : snapshots) EXPECT_EQ(dump(snapshot), text);
}

} // namespace
} // namespace store::test
