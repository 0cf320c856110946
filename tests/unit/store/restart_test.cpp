// SPDX-License-Identifier: Apache-2.0
// The journal: what it says rebuilds the server, from whatever frame on it was compacted or cut.
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <random>
#include <unistd.h>

#include "store/core/journal.hpp"
#include "store/harness.hpp"

namespace store::test {
namespace {

std::string full_dump(Server& server) {
    std::string text = dump(server.tree());
    for (auto const& [domid, domain] : server.domains()) {
        text += "domain " + std::to_string(domid) + " port " + std::to_string(domain.port) + "\n";
        for (auto const& watch : domain.connection->watches) text += "watch " + watch->path + " " + watch->token + "\n";
        for (auto const& [id, transaction] : domain.connection->transactions)
            text += "open " + std::to_string(id) + "\n";
    }
    return text;
}

/// Random requests of dom0 and two domains.
class Load {
  public:
    explicit Load(Server& server, unsigned seed) : server_{server}, random_{seed}, dom0_{server, server.open_socket()} {
        dom0_.call(Op::Introduce, strings({"1", "1", "1"}));
        dom0_.call(Op::Introduce, strings({"2", "1", "1"}));
        for (auto const path : {"/local/domain/1", "/local/domain/2"}) dom0_.write(path, "");
        dom0_.chmod("/local/domain/1", {"n1", "r2"});
        dom0_.chmod("/local/domain/2", {"b2"});
    }
    void step() {
        abi::domid_t const domid = 1 + random_() % 2;
        if (!server_.find_domain(domid)) {
            dom0_.call(Op::Introduce, strings({std::to_string(domid), "1", "3"}));
            return;
        }
        Peer peer = random_() % 2 ? Peer{server_, *server_.find_domain(domid)->connection} : dom0_;
        std::string const path = "/local/domain/" + std::to_string(domid) + "/" + std::to_string(random_() % 5);
        auto& open = peer.connection().transactions;
        std::uint32_t const t = !open.empty() && random_() % 2 ? open.begin()->first : 0;
        switch (random_() % 12) {
        case 0: peer.remove(path, t); break;
        case 1: peer.chmod(path, {"n" + std::to_string(domid), "r2"}, t); break;
        case 2: peer.watch(path, std::to_string(random_() % 3)); break;
        case 3: peer.call(Op::Unwatch, strings({path, std::to_string(random_() % 3)})); break;
        case 4:
            if (open.size() < 3) peer.start();
            break;
        case 5:
            if (!open.empty()) peer.end(open.begin()->first);
            break;
        case 6:
            if (random_() % 16 == 0) dom0_.call(Op::Release, strings({std::to_string(domid)}));
            break;
        default: peer.write(path + "/" + std::to_string(random_() % 4), std::to_string(random_()), t);
        }
    }

  private:
    Server& server_;
    std::mt19937 random_;
    Peer dom0_;
};

TEST(Restart, RecordsRebuildTheState) {
    for (unsigned seed = 0; seed < 30; ++seed) {
        Host host;
        Server server{host, {}};
        server.populate();
        Load load{server, seed};
        std::string records = std::exchange(server.log(), {});
        for (int i = 0; i < 400; ++i) {
            load.step();
            records += std::exchange(server.log(), {});
            if (i % 97 == 0) { // compaction
                records.clear();
                server.snapshot(records);
            }
        }
        Server again{host, {}};
        ASSERT_TRUE(again.restore(records)) << seed;
        ASSERT_EQ(full_dump(again), full_dump(server)) << seed;
        Peer peer{again, again.open_socket()};
        EXPECT_EQ(peer.call(Op::Control, strings({"check"})).payload, strings({"OK"}));
    }
}

TEST(Restart, OpenTransactionsOfDomainsMustBeRepeated) {
    Host host;
    Server server{host, {}};
    ASSERT_TRUE(server.introduce(0, 0, 1));
    Peer kernel{server, *server.find_domain(0)->connection};
    auto const t = kernel.start();
    kernel.write("/a", "1", t);
    Server again{host, {}};
    ASSERT_TRUE(again.restore(server.log()));
    again.finish_restore();
    Peer same{again, *again.find_domain(0)->connection};
    EXPECT_EQ(same.write("/b", "1", t), 0);
    EXPECT_EQ(same.end(t), EAGAIN);
    EXPECT_EQ(same.read("/b").error, ENOENT);
}

TEST(Restart, RestoreRefusesNonsenseWithoutCrashing) {
    Host host;
    Server server{host, {}};
    Load load{server, 3};
    for (int i = 0; i < 100; ++i) load.step();
    std::string const good = server.log();
    std::mt19937 random{5};
    for (int i = 0; i < 2000; ++i) {
        std::string bad = good.substr(0, random() % good.size());
        for (int n = 0; n < 3 && !bad.empty(); ++n) bad[random() % bad.size()] = static_cast<char>(random());
        Server victim{host, {}};
        (void)victim.restore(bad);
    }
}

TEST(Journal, CutFramesAreDropped) {
    auto const folder = std::filesystem::temp_directory_path() / ("journal-test-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder);
    auto const path = (folder / "journal").string();
    auto const load = [&] {
        std::vector<std::string> frames;
        auto const journal =
            Journal::open(path, [&](std::string_view text) { return frames.emplace_back(text), true; });
        EXPECT_TRUE(journal.has_value());
        return frames;
    };
    EXPECT_TRUE(load().empty());
    {
        auto journal = Journal::open(path, [](std::string_view) { return true; });
        ASSERT_TRUE(journal->rewrite("snapshot"));
        ASSERT_TRUE(journal->append("one"));
        ASSERT_TRUE(journal->append("two"));
    }
    EXPECT_EQ(load(), (std::vector<std::string>{"snapshot", "one", "two"}));
    std::filesystem::resize_file(path, std::filesystem::file_size(path) - 1);
    EXPECT_EQ(load(), (std::vector<std::string>{"snapshot", "one"}));
    {
        auto journal = Journal::open(path, [](std::string_view) { return true; });
        ASSERT_TRUE(journal->append("three"));
    }
    EXPECT_EQ(load(), (std::vector<std::string>{"snapshot", "one", "three"}));
    std::ofstream{path} << "PROXENOS STORE 1 another-boot\n????????";
    EXPECT_TRUE(load().empty());
    std::filesystem::remove_all(folder);
}

} // namespace
} // namespace store::test
