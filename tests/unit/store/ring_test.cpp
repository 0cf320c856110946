// SPDX-License-Identifier: Apache-2.0
// A domain's ring: streams through it survive a daemon killed between any two steps; hostile indices harm nobody.
#include "store/core/ring.hpp"

#include <gtest/gtest.h>
#include <random>

#include "store/harness.hpp"

namespace store::test {
namespace {

using Page = abi::XenstoreDomainInterface;

/// The guest's driver.
struct Guest {
    Page& page;
    std::string received;
    void send(std::string& bytes) {
        while (!bytes.empty() && page.req_prod - page.req_cons < sizeof page.req) {
            page.req[abi::xenstore_mask_index(page.req_prod++)] = bytes.front();
            bytes.erase(0, 1);
        }
    }
    void receive() {
        while (page.rsp_cons != page.rsp_prod) received += page.rsp[abi::xenstore_mask_index(page.rsp_cons++)];
    }
};

/// Connects rings to one page.
struct OnePage : Host {
    std::expected<void, int> connect(Domain& domain) override {
        ring.emplace(page);
        ring->start(domain);
        return {};
    }
    Page page{};
    std::optional<Ring> ring;
};

/// A daemon's turns for one domain, which may die after each step.
class Daemon {
  public:
    explicit Daemon(OnePage& host) : host_{host}, server{std::make_unique<Server>(host, ServerOptions{})} {
        EXPECT_TRUE(server->introduce(1, 0, 1));
        journal = std::exchange(server->log(), {});
    }
    /// `stop_after` steps of: take, handle, journal, publish.
    void turn(int stop_after) {
        Domain& domain = *server->find_domain(1);
        if (stop_after == 0) return restart();
        while (host_.ring->pull(*server, domain) == Ring::Pulled::Message) {
            std::string const message = std::exchange(domain.connection->input, {});
            Frame frame;
            ASSERT_EQ(parse_frame(message, frame), FrameState::Complete);
            server->handle(*domain.connection, frame.header, frame.payload);
        }
        if (stop_after == 1) return restart();
        server->log_ring(domain);
        journal += std::exchange(server->log(), {});
        if (stop_after == 2) return restart();
        (void)host_.ring->push(domain);
        if (stop_after == 3) return restart();
    }
    void restart() {
        server = std::make_unique<Server>(host_, ServerOptions{});
        ASSERT_TRUE(server->restore(journal));
        host_.ring.emplace(host_.page);
        host_.ring->resume(*server, *server->find_domain(1));
        server->finish_restore();
        journal.clear();
        server->snapshot(journal);
        (void)std::exchange(server->log(), {});
    }

  private:
    OnePage& host_;

  public:
    std::unique_ptr<Server> server;
    std::string journal;
};

TEST(Ring, NothingIsLostOrRepeatedAcrossRestarts) {
    for (unsigned seed = 0; seed < 20; ++seed) {
        std::mt19937 random{seed};
        OnePage host;
        Daemon daemon{host};
        Guest guest{host.page, {}};
        constexpr unsigned requests = 120;
        std::string to_send;
        for (unsigned i = 0; i < requests; ++i) {
            // Some requests, and their replies, are larger than the ring.
            std::string const value(random() % 3 ? random() % 60 : 1000 + random() % 900, static_cast<char>('a' + i % 26));
            append_message(to_send, i % 2 ? Op::Control : Op::Read, i, 0, strings({"/x"}) + value);
        }
        for (int turns = 0; turns < 20000 && guest.received.size() < requests * (sizeof(Header) + 7); ++turns) {
            if (random() % 2) guest.send(to_send);
            if (random() % 3) guest.receive();
            daemon.turn(static_cast<int>(random() % 12));
            if (HasFatalFailure()) return;
        }
        // Each request has exactly one reply, in order.
        std::string_view rest = guest.received;
        unsigned next = 0;
        for (Frame frame; parse_frame(rest, frame) == FrameState::Complete; rest.remove_prefix(sizeof(Header) + frame.header.len))
            ASSERT_EQ(frame.header.req_id, next++) << "seed " << seed;
        EXPECT_EQ(next, requests);
        EXPECT_TRUE(rest.empty());
    }
}

TEST(Ring, HostileIndicesAreGivenUp) {
    OnePage host;
    Daemon daemon{host};
    Domain& domain = *daemon.server->find_domain(1);
    host.page.req_prod = 5000;
    EXPECT_EQ(host.ring->pull(*daemon.server, domain), Ring::Pulled::Violation);
    EXPECT_EQ(host.page.error, static_cast<std::uint32_t>(abi::XenstoreRingError::RingIndex));
    EXPECT_EQ(host.ring->pull(*daemon.server, domain), Ring::Pulled::Nothing);
    host.page = {};
    daemon.server->reset_connection(domain);
    host.ring->restart(domain);
    std::string overlong;
    append_message(overlong, Op::Read, 1, 0, {});
    reinterpret_cast<Header*>(overlong.data())->len = 70000;
    Guest{host.page, {}}.send(overlong);
    EXPECT_EQ(host.ring->pull(*daemon.server, domain), Ring::Pulled::Violation);
    EXPECT_EQ(host.page.error, static_cast<std::uint32_t>(abi::XenstoreRingError::Protocol));
}

TEST(Ring, FirmwareMayClearThePage) {
    OnePage host;
    Daemon daemon{host};
    Guest guest{host.page, {}};
    for (int round = 0; round < 3; ++round) {
        std::string request;
        append_message(request, Op::Read, 7, 0, strings({"/x"}));
        guest.send(request);
        daemon.turn(9);
        guest.receive();
        EXPECT_EQ(guest.received.size(), sizeof(Header) + 7);  // EACCES and its NUL
        guest.received.clear();
        host.page = {};  // as hvmloader does before it starts the guest
        if (round == 1) daemon.restart();
    }
}

}  // namespace
}  // namespace store::test
