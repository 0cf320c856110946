// SPDX-License-Identifier: Apache-2.0
// The client against a daemon that dies at each of its requests, before or after doing it, and comes back.
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <gtest/gtest.h>
#include <mutex>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

#include "base/stop_signal.hpp"
#include "store/client.hpp"
#include "store/harness.hpp"
#include "store/transact.hpp"
#include "store/watching.hpp"

namespace store::test {
namespace {

using namespace std::chrono_literals;

std::string const path =
    (std::filesystem::temp_directory_path() / ("store-client-" + std::to_string(::getpid()))).string();

/// The server's core behind a real socket, in a thread. Dies at one request, with its connections; the tree stays.
class MortalDaemon {
  public:
    enum class Death { Never, BeforeDoing, BeforeReplying, HalfReplied };
    explicit MortalDaemon(Death death = Death::Never, int at = 0, std::chrono::milliseconds away = 5ms)
        : death_{death}, at_{at}, away_{away} {
        ::setenv("XENSTORED_PATH", path.c_str(), 1);
        server_.populate();
        listen();
        thread_ = std::jthread{[this](std::stop_token const& stop) { serve(stop); }};
    }
    ~MortalDaemon() {
        thread_.request_stop();
        thread_.join();
        ::unlink(path.c_str());
    }
    int requests() const { return requests_; }
    int deaths() const { return deaths_; }
    /// Dies now, by itself.
    void die() { die_now_ = true; }
    Server& server() { return server_; } // only when nobody asks

  private:
    void listen() {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, path.size());
        ::unlink(path.c_str());
        listener_ = xen::FileDescriptor{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        ASSERT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        ASSERT_EQ(::listen(listener_.get(), 8), 0);
    }
    void die_and_return() {
        ++deaths_;
        client_.reset();
        listener_.reset();
        if (connection_) server_.close_socket(*std::exchange(connection_, nullptr));
        std::this_thread::sleep_for(away_);
        listen();
    }
    bool dies(Death how) const { return death_ == how && requests_ == at_; }
    void serve(std::stop_token const& stop) {
        while (!stop.stop_requested()) {
            pollfd files[2] = {{listener_.get(), POLLIN, 0}, {client_.get(), POLLIN, 0}};
            (void)::poll(files, client_ ? 2 : 1, 5);
            if (die_now_.exchange(false)) {
                die_and_return();
                continue;
            }
            if (files[0].revents) accept();
            if (client_ && files[1].revents) receive();
        }
    }
    void accept() {
        if (connection_) server_.close_socket(*connection_);
        client_ = xen::FileDescriptor{::accept(listener_.get(), nullptr, nullptr)};
        connection_ = &server_.open_socket();
    }
    void receive() {
        char buffer[8192];
        auto const got = ::recv(client_.get(), buffer, sizeof buffer, 0);
        if (got <= 0) {
            client_.reset();
            return;
        }
        std::string& input = connection_->input;
        input.append(buffer, static_cast<std::size_t>(got));
        for (Frame frame; parse_frame(input, frame) == FrameState::Complete;) {
            if (dies(Death::BeforeDoing)) return ++requests_, die_and_return();
            server_.handle(*connection_, frame.header, frame.payload);
            input.erase(0, sizeof(Header) + frame.header.len);
            auto reply = connection_->pending();
            if (dies(Death::BeforeReplying)) return ++requests_, die_and_return();
            bool const half = dies(Death::HalfReplied);
            if (half) reply = reply.substr(0, reply.size() - 1);
            ++requests_;
            (void)::send(client_.get(), reply.data(), reply.size(), MSG_NOSIGNAL);
            connection_->taken(reply.size());
            if (half) return die_and_return();
        }
    }

    Host host_;
    Server server_{host_, {}};
    Death death_;
    int at_;
    std::chrono::milliseconds away_;
    std::atomic<int> requests_ = 0, deaths_ = 0;
    std::atomic<bool> die_now_ = false;
    xen::FileDescriptor listener_, client_;
    Connection* connection_ = nullptr;
    std::jthread thread_;
};

/// A tool's work: single requests, a batch, a transaction, a watch. Checks all that it is told.
void work(Client& client) {
    ASSERT_TRUE(client.write("/a", "1"));
    EXPECT_EQ(client.get("/a"), "1");
    ASSERT_TRUE(client.watch("/w", "token"));
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(client.post_write("/b/" + std::to_string(i), "x", Transaction::none));
    ASSERT_TRUE(client.flush());
    std::vector<std::string> const paths{"/b/0", "/b/none", "/b/4"};
    auto const values = client.get_all(paths);
    ASSERT_TRUE(values);
    EXPECT_EQ((*values)[0], "x");
    EXPECT_EQ((*values)[1], std::nullopt);
    EXPECT_EQ((*values)[2], "x");
    auto const done = transact(client, [&](Transaction t) -> xen::Result<> {
        XEN_TRY(client.post_write("/t/left", "7", t));
        XEN_TRY(client.post_write("/t/right", "7", t));
        return {};
    });
    ASSERT_TRUE(done) << done.error().message();
    ASSERT_TRUE(client.set_permissions("/a", std::vector<std::string>{"n0", "r5"}));
    ASSERT_TRUE(client.mkdir("/dir"));
    ASSERT_TRUE(client.remove("/b/4"));
    auto const names = client.list("/b");
    ASSERT_TRUE(names);
    EXPECT_EQ(names->size(), 4u);
    ASSERT_TRUE(client.write("/w/below", "1"));
    bool seen = false;
    while (auto const event = client.next_event(30)) {
        if (!*event) break;
        EXPECT_EQ((*event)->token, "token");
        seen |= (*event)->path.starts_with("/w");
    }
    EXPECT_TRUE(seen);
    ASSERT_TRUE(client.unwatch("/w", "token"));
}

std::string tree_after_work(MortalDaemon::Death death, int at, int* requests, int* deaths) {
    MortalDaemon daemon{death, at};
    auto client = Client::open_socket();
    EXPECT_TRUE(client);
    if (client) work(*client);
    if (requests) *requests = daemon.requests();
    if (deaths) *deaths = daemon.deaths();
    client = xen::fail(0, {});
    std::this_thread::sleep_for(5ms);
    return dump(daemon.server().tree());
}

TEST(Client, ADaemonMayDieAtEachRequest) {
    std::signal(SIGPIPE, SIG_DFL); // it must not need to be ignored
    int requests = 0;
    auto const undisturbed = tree_after_work(MortalDaemon::Death::Never, 0, &requests, nullptr);
    ASSERT_GT(requests, 20);
    using enum MortalDaemon::Death;
    for (auto const death : {BeforeDoing, BeforeReplying, HalfReplied})
        for (int at = 0; at < requests; ++at) {
            SCOPED_TRACE(std::to_string(static_cast<int>(death)) + " at request " + std::to_string(at));
            int deaths = 0;
            EXPECT_EQ(tree_after_work(death, at, nullptr, &deaths), undisturbed);
            EXPECT_EQ(deaths, 1);
        }
}

TEST(Client, WithoutPatienceALossIsAnError) {
    std::signal(SIGPIPE, SIG_DFL);
    MortalDaemon daemon;
    auto client = Client::open_socket();
    ASSERT_TRUE(client);
    client->set_patience(0ms);
    ASSERT_TRUE(client->write("/a", "1"));
    daemon.die();
    while (daemon.deaths() == 0) std::this_thread::sleep_for(1ms);
    auto const done = client->write("/a", "2");
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, ENOTCONN);
    EXPECT_TRUE(is_unreachable(done.error()));
}

TEST(Client, ADaemonThatStaysAwayIsNamed) {
    std::optional<MortalDaemon> daemon{std::in_place};
    auto client = Client::open_socket();
    ASSERT_TRUE(client);
    client->set_patience(100ms);
    daemon.reset();
    auto const start = Clock::now();
    auto const done = client->write("/a", "1");
    ASSERT_FALSE(done);
    EXPECT_TRUE(is_unreachable(done.error()));
    EXPECT_NE(done.error().context.find("systemctl status xenstored"), std::string::npos) << done.error().context;
    EXPECT_GE(Clock::now() - start, 100ms);
    // What comes after does not wait as long again, each time.
    client->set_patience(30s);
    EXPECT_FALSE(client->write("/a", "1"));
    EXPECT_LT(Clock::now() - start, 10s);
    daemon.emplace(); // and when it is there again, so is the client
    EXPECT_TRUE(client->write("/a", "1"));
}

TEST(Client, EventsGoOnAfterAnOutage) {
    MortalDaemon daemon{MortalDaemon::Death::Never, 0, 300ms};
    auto client = Client::open_socket();
    ASSERT_TRUE(client);
    ASSERT_TRUE(client->watch("/w", "token"));
    ASSERT_TRUE(client->next_event(-1)); // fires at once
    daemon.die();
    while (daemon.deaths() == 0) std::this_thread::sleep_for(1ms);
    auto const quiet = client->next_event(20); // away: nothing fires, and that is no error
    ASSERT_TRUE(quiet) << quiet.error().message();
    EXPECT_FALSE(*quiet);
    auto const again = client->next_event(-1); // registered anew: fires, since what was missed is not known
    ASSERT_TRUE(again && *again);
    EXPECT_EQ((*again)->path, "/w");
    EXPECT_EQ((*again)->token, "token");
    EXPECT_EQ(client->reconnections(), 1u);
}

TEST(Client, ALostTransactionEndsWithAConflict) {
    MortalDaemon daemon;
    auto client = Client::open_socket();
    ASSERT_TRUE(client);
    ASSERT_TRUE(client->write("/a", "before"));
    auto const lost = client->begin();
    ASSERT_TRUE(lost && client->write("/a", "inside", *lost));
    daemon.die();
    while (daemon.deaths() == 0) std::this_thread::sleep_for(1ms);
    auto const other = client->begin(); // has the daemon's first id, as `lost` had
    ASSERT_TRUE(other);
    EXPECT_TRUE(client->write("/a", "nowhere", *lost));
    EXPECT_EQ(client->read("/a", *lost).value_or("?"), "before");
    EXPECT_EQ(client->read("/a", *other).value_or("?"), "before");
    auto const done = client->commit(*lost);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, EAGAIN);
    EXPECT_TRUE(client->abort(*other));
    EXPECT_EQ(client->get("/a"), "before");
    EXPECT_EQ(client->write("/a", "x", *other).error().code, ENOENT) << "a transaction that has ended";
}

TEST(Client, ASignalDoesNotEndAWait) {
    struct sigaction action{};
    action.sa_handler = [](int) {};
    ::sigaction(SIGUSR1, &action, nullptr);
    MortalDaemon daemon;
    auto client = Client::open_socket();
    ASSERT_TRUE(client && client->watch("/w", "token") && client->next_event(-1));
    auto const me = ::pthread_self();
    std::jthread signals{[me] {
        for (int i = 0; i < 5; ++i) {
            std::this_thread::sleep_for(10ms);
            ::pthread_kill(me, SIGUSR1);
        }
    }};
    auto const start = Clock::now();
    auto const event = client->next_event(150);
    ASSERT_TRUE(event) << event.error().message();
    EXPECT_FALSE(*event);
    EXPECT_GE(Clock::now() - start, 150ms);
    signals.join();
    toolstack::StopSignals stop; // but one that asks to stop does
    std::jthread interrupt{[me] {
        std::this_thread::sleep_for(20ms);
        ::pthread_kill(me, SIGINT);
    }};
    auto const interrupted = client->next_event(10'000);
    ASSERT_FALSE(interrupted);
    EXPECT_EQ(interrupted.error().code, EINTR);
    EXPECT_TRUE(client->write("/a", "undone")) << "the undo uses the same client";
}

TEST(Client, WatchesOfAWaitGoWithIt) {
    MortalDaemon daemon;
    auto client = Client::open_socket();
    ASSERT_TRUE(client);
    std::vector<std::string> const paths{"/x", "/y"};
    for (int round = 0; round < 2; ++round) {
        auto outer = Watching::start(*client, paths);
        ASSERT_TRUE(outer);
        auto inner = Watching::start(*client, paths); // the undo of a wait waits for the same
        ASSERT_TRUE(inner) << inner.error().message();
        EXPECT_NE(outer->token(), inner->token());
    }
    auto const event = client->next_event(20);
    ASSERT_TRUE(event);
    EXPECT_FALSE(*event) << (*event)->token;
    ASSERT_TRUE(client->write("/x", "1"));
    EXPECT_FALSE(*client->next_event(20)) << "nothing is registered";
}

TEST(Client, EndlessConflictsEnd) {
    MortalDaemon daemon;
    auto client = Client::open_socket();
    ASSERT_TRUE(client);
    int bodies = 0;
    auto const done = transact(*client, [&](Transaction t) -> xen::Result<> {
        ++bodies;
        (void)client->get("/counter", t);
        return client->write("/counter", std::to_string(bodies)); // outside: a conflict
    });
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, EAGAIN);
    EXPECT_EQ(bodies, most_conflicts + 1);
}

/// The kernel's device: takes one message of each write() and drops what follows it.
class Device {
  public:
    Device() {
        int ends[2];
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
        ours_ = xen::FileDescriptor{ends[0]};
        theirs = xen::FileDescriptor{ends[1]};
        thread_ = std::jthread{[this] { serve(); }};
    }
    ~Device() { ::shutdown(ours_.get(), SHUT_RDWR); }
    xen::FileDescriptor theirs;

  private:
    void serve() {
        Connection& connection = server_.open_socket();
        std::string buffer(64 << 10, '\0');
        for (ssize_t got; (got = ::recv(ours_.get(), buffer.data(), buffer.size(), 0)) > 0;) {
            Frame frame;
            if (parse_frame({buffer.data(), static_cast<std::size_t>(got)}, frame) != FrameState::Complete) continue;
            server_.handle(connection, frame.header, frame.payload);
            auto const reply = connection.pending();
            (void)::send(ours_.get(), reply.data(), reply.size(), MSG_NOSIGNAL);
            connection.taken(reply.size());
        }
    }
    Host host_;
    Server server_{host_, {}};
    xen::FileDescriptor ours_;
    std::jthread thread_;
};

TEST(Client, TheKernelsDeviceTakesOneRequestAtATime) {
    Device device;
    Client client{Link{std::move(device.theirs), Link::Kind::Device}};
    EXPECT_FALSE(client.uses_socket());
    work(client);
}

TEST(Client, OpenWaitsForADaemonThatWasThere) {
    auto const folder = path + ".d";
    std::filesystem::create_directories(folder);
    auto const socket = folder + "/socket";
    ::setenv("XENSTORED_PATH", socket.c_str(), 1);
    auto const nobody = Client::open(50ms); // never was one: the device at once, and here there is none
    ASSERT_FALSE(nobody);
    EXPECT_NE(nobody.error().context.find("/dev/xen/xenbus"), std::string::npos);
    std::fclose(std::fopen((folder + "/lock").c_str(), "w"));
    auto const start = Clock::now();
    auto const away = Client::open(50ms);
    ASSERT_FALSE(away);
    EXPECT_GE(Clock::now() - start, 50ms);
    EXPECT_EQ(away.error().context.find("/dev/xen/xenbus"), std::string::npos);
    std::filesystem::remove_all(folder);
}

} // namespace
} // namespace store::test
