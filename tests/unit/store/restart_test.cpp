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

/// A folder with a journal in it.
class JournalFile : public ::testing::Test {
  protected:
    void SetUp() override { std::filesystem::create_directories(folder_); }
    void TearDown() override { std::filesystem::remove_all(folder_); }
    /// A whole journal of this boot, as format `version` has it.
    void write(std::string version, std::vector<std::string> const& frames) {
        auto journal = Journal::open(path_, [](std::string_view) { return true; });
        ASSERT_TRUE(journal && journal->rewrite(frames.at(0)));
        for (std::size_t i = 1; i < frames.size(); ++i) ASSERT_TRUE(journal->append(frames[i]));
        std::string text{std::istreambuf_iterator<char>{std::ifstream{path_}.rdbuf()}, {}};
        text.replace(sizeof "PROXENOS STORE " - 1, 1, version);
        std::ofstream{path_} << text;
    }
    std::filesystem::path const folder_ =
        std::filesystem::temp_directory_path() / ("journal-file-test-" + std::to_string(::getpid()));
    std::string const path_ = (folder_ / "journal").string();
};

TEST_F(JournalFile, WhatStandsBeforeABadFrameIsKept) {
    write("2", {"one", "two", "bad", "three"});
    std::vector<std::string> taken;
    auto journal =
        Journal::open(path_, [&](std::string_view text) { return text != "bad" && (taken.emplace_back(text), true); });
    ASSERT_TRUE(journal);
    EXPECT_EQ(taken, (std::vector<std::string>{"one", "two"}));
    EXPECT_TRUE(journal->was_refused());
    EXPECT_TRUE(journal->was_there());
    EXPECT_TRUE(journal->must_rewrite()) << "nothing may follow a bad frame";
    EXPECT_FALSE(journal->append("more"));
    EXPECT_NE(journal->complaint().find("after frame 2"), std::string::npos) << journal->complaint();
    taken.clear(); // again, up to there: the user starts anew without the half that it did of the bad one
    journal = Journal::open(path_, [&](std::string_view text) { return taken.emplace_back(text), true; }, 2);
    EXPECT_EQ(taken, (std::vector<std::string>{"one", "two"}));
}

TEST_F(JournalFile, FormatsAndBootsAreToldApart) {
    std::vector<std::string> taken;
    auto const open = [&] {
        taken.clear();
        return Journal::open(path_, [&](std::string_view text) { return taken.emplace_back(text), true; });
    };
    write("1", {"old"});
    auto old = open();
    ASSERT_TRUE(old);
    EXPECT_EQ(taken, std::vector<std::string>{"old"});
    EXPECT_TRUE(old->must_rewrite()) << "new records must not follow an old header";
    write("9", {"new"});
    auto const newer = open();
    ASSERT_FALSE(newer);
    EXPECT_EQ(newer.error().code, EPROTONOSUPPORT);
    EXPECT_NE(newer.error().context.find("format 9"), std::string::npos);
    EXPECT_TRUE(taken.empty());
    std::ofstream{path_} << "PROXENOS STORE 9 another-boot\n????????";
    auto const other_boot = open();
    ASSERT_TRUE(other_boot);
    EXPECT_FALSE(other_boot->was_there());
    EXPECT_TRUE(other_boot->complaint().empty());
    std::ofstream{path_} << "something else";
    auto const nonsense = open();
    ASSERT_TRUE(nonsense);
    EXPECT_FALSE(nonsense->complaint().empty());
}

TEST_F(JournalFile, AFailedRewriteLeavesTheJournalAsItWas) {
    write("2", {"one"});
    auto journal = Journal::open(path_, [](std::string_view) { return true; });
    ASSERT_TRUE(journal);
    std::filesystem::create_directory(path_ + ".new"); // no file can be made there
    EXPECT_FALSE(journal->rewrite("all"));
    EXPECT_TRUE(journal->append("two"));
    std::vector<std::string> taken;
    EXPECT_TRUE(Journal::open(path_, [&](std::string_view text) { return taken.emplace_back(text), true; }));
    EXPECT_EQ(taken, (std::vector<std::string>{"one", "two"}));
}

/// A whole store in the first format, as the first releases wrote it.
TEST(Restart, TheFirstFormatIsRead) {
    std::string records;
    Encoder{records, RecordKind::Generation}.u64(77);
    Mutation mutation;
    mutation.path = "/local/domain/1/name";
    mutation.value = "guest";
    encode(records, mutation);
    Encoder{records, RecordKind::Domain}.u16(1).u64(5).u32(3).u8(0).u16(abi::domid_invalid).u32(40).u32(60);
    Encoder{records, RecordKind::Watch}
        .u16(1)
        .text("/local/domain/1")
        .text("/local/domain/1")
        .text("t")
        .u64(UINT64_MAX);
    Encoder{records, RecordKind::Transaction}.u16(1).u32(4);
    Encoder{records, RecordKind::RingInput}.u16(1).u32(44).text("abcd");
    Encoder{records, RecordKind::RingOutput}.u16(1).text("owed");
    Host host;
    Server server{host, {}};
    ASSERT_TRUE(server.restore(records));
    Domain const& domain = *server.find_domain(1);
    EXPECT_EQ(server.tree().find("/local/domain/1/name")->value, "guest");
    EXPECT_EQ(domain.consumed, 44u);
    EXPECT_EQ(domain.connection->input, "abcd");
    EXPECT_EQ(domain.connection->pending(), "owed");
    EXPECT_EQ(domain.connection->watches.size(), 1u);
    EXPECT_TRUE(domain.connection->transactions.contains(4));
}

TEST(Restart, ARequestByteByByteTakesLittleOfTheJournal) {
    Host host;
    Server server{host, {}};
    ASSERT_TRUE(server.introduce(1, 1, 1));
    server.log().clear();
    Domain& domain = *server.find_domain(1);
    std::string records;
    server.snapshot(records);
    std::size_t written = 0;
    for (int i = 0; i < 4000; ++i) {
        domain.connection->input += static_cast<char>('a' + i % 26);
        ++domain.consumed;
        server.log_ring(domain);
        written += server.log().size();
        records += std::exchange(server.log(), {});
    }
    EXPECT_LT(written, 4000u * 20);
    Server again{host, {}};
    ASSERT_TRUE(again.restore(records));
    EXPECT_EQ(again.find_domain(1)->connection->input, domain.connection->input);
    EXPECT_EQ(again.find_domain(1)->consumed, domain.consumed);
}

} // namespace
} // namespace store::test
