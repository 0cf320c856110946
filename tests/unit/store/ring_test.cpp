// SPDX-License-Identifier: Apache-2.0
// A domain's ring: streams through it survive a daemon killed between any two steps; hostile indices harm nobody.
#include "store/core/ring.hpp"

#include <atomic>
#include <chrono>
#include <gtest/gtest.h>
#include <random>
#include <thread>

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
            std::string const value(random() % 3 ? random() % 60 : 1000 + random() % 900,
                                    static_cast<char>('a' + i % 26));
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
        for (Frame frame; parse_frame(rest, frame) == FrameState::Complete;
             rest.remove_prefix(sizeof(Header) + frame.header.len))
            ASSERT_EQ(frame.header.req_id, next++) << "seed " << seed;
        EXPECT_EQ(next, requests);
        EXPECT_TRUE(rest.empty());
    }
}

/// Linux' side with its sparing events, as threads: a request's header and body are sent apart, with an event
/// only if all before was taken; reading sends one only if the queue was full.
class LinuxGuest {
  public:
    LinuxGuest(Page& page, std::atomic<unsigned>& to_daemon, std::atomic<unsigned>& to_guest)
        : page_{page}, to_daemon_{to_daemon}, to_guest_{to_guest} {}
    /// False if nothing happens for too long: an event was lost.
    bool exchange(std::uint32_t id, std::string const& payload) {
        Header const header{static_cast<std::uint32_t>(Op::Read), id, 0, static_cast<std::uint32_t>(payload.size())};
        Header reply{};
        std::string body(payload_max, '\0');
        return write(reinterpret_cast<char const*>(&header), sizeof header) && write(payload.data(), payload.size()) &&
               read(reinterpret_cast<char*>(&reply), sizeof reply) && read(body.data(), reply.len) &&
               reply.req_id == id;
    }

  private:
    static std::uint32_t load(std::uint32_t& field) { return std::atomic_ref{field}.load(); }
    template <class Ready> bool wait(Ready ready) {
        auto const end = std::chrono::steady_clock::now() + std::chrono::seconds{5};
        for (unsigned seen = to_guest_; !ready(); seen = to_guest_)
            while (seen == to_guest_ && !ready())
                if (std::chrono::steady_clock::now() > end) return false;
        return true;
    }
    bool write(char const* bytes, std::size_t count) {
        while (count > 0) {
            if (!wait([&] { return page_.req_prod - load(page_.req_cons) < sizeof page_.req; })) return false;
            std::uint32_t const before = page_.req_prod;
            auto const room = sizeof page_.req - (before - load(page_.req_cons));
            auto const now =
                std::min<std::uint32_t>(static_cast<std::uint32_t>(count), static_cast<std::uint32_t>(room));
            for (std::uint32_t i = 0; i < now; ++i) page_.req[abi::xenstore_mask_index(before + i)] = bytes[i];
            std::atomic_ref{page_.req_prod}.store(before + now);
            if (static_cast<std::int32_t>(before - load(page_.req_cons)) <= 0) ++to_daemon_;
            bytes += now;
            count -= now;
        }
        return true;
    }
    bool read(char* bytes, std::size_t count) {
        while (count > 0) {
            if (!wait([&] { return load(page_.rsp_prod) != page_.rsp_cons; })) return false;
            std::uint32_t const before = page_.rsp_cons;
            auto const now = std::min<std::uint32_t>(static_cast<std::uint32_t>(count), load(page_.rsp_prod) - before);
            for (std::uint32_t i = 0; i < now; ++i) bytes[i] = page_.rsp[abi::xenstore_mask_index(before + i)];
            std::atomic_ref{page_.rsp_cons}.store(before + now);
            if (load(page_.rsp_prod) - before >= sizeof page_.rsp) ++to_daemon_;
            bytes += now;
            count -= now;
        }
        return true;
    }
    Page& page_;
    std::atomic<unsigned>& to_daemon_;
    std::atomic<unsigned>& to_guest_;
};

TEST(Ring, SparingEventsAreEnough) {
    OnePage host;
    Daemon daemon{host};
    Peer{*daemon.server, daemon.server->open_socket()}.write("/x", std::string(1800, 'v'));
    Peer{*daemon.server, daemon.server->open_socket()}.chmod("/x", {"r0"});
    std::atomic<unsigned> to_daemon = 0, to_guest = 0;
    std::atomic<bool> done = false;
    std::jthread const guest{[&] {
        LinuxGuest side{host.page, to_daemon, to_guest};
        for (std::uint32_t id = 1; id <= 4000; ++id)
            if (!side.exchange(id, strings({id % 3 ? "/x" : std::string(id % 1500, 'p')}))) {
                ADD_FAILURE() << "stuck at request " << id;
                break;
            }
        done = true;
    }};
    Domain& domain = *daemon.server->find_domain(1);
    bool ready = false;
    for (unsigned seen = 0; !done;) {
        if (!ready && seen == to_daemon) continue;
        seen = to_daemon;
        ready = false;
        if (host.ring->pull(*daemon.server, domain) == Ring::Pulled::Message) {
            std::string const message = std::exchange(domain.connection->input, {});
            Frame frame;
            ASSERT_EQ(parse_frame(message, frame), FrameState::Complete);
            daemon.server->handle(*domain.connection, frame.header, frame.payload);
            ready = true;
        }
        daemon.server->log_ring(domain);
        daemon.server->log().clear();
        auto const pushed = host.ring->push(domain);
        if (pushed.notify) ++to_guest;
        ready |= pushed.more;
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
        EXPECT_EQ(guest.received.size(), sizeof(Header) + 7); // EACCES and its NUL
        guest.received.clear();
        host.page = {}; // as hvmloader does before it starts the guest
        if (round == 1) daemon.restart();
    }
}

} // namespace
} // namespace store::test
