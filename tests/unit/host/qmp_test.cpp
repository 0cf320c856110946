// SPDX-License-Identifier: Apache-2.0
// The client of QEMU's machine protocol, against a peer that says what a test wants.
#include "host/qmp.hpp"

#include <cstring>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

namespace host {
namespace {

/// Listens at a path; says the lines one after the other, the first at once and each further one after something was
/// said.
class Peer {
  public:
    explicit Peer(std::vector<std::string> lines) {
        path_ = testing::TempDir() + "qmp-" + std::to_string(getpid());
        unlink(path_.c_str());
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path_.c_str(), path_.size() + 1);
        listener_ = xen::FileDescriptor(socket(AF_UNIX, SOCK_STREAM, 0));
        EXPECT_EQ(bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        EXPECT_EQ(listen(listener_.get(), 1), 0);
        thread_ = std::thread([this, lines = std::move(lines)] {
            xen::FileDescriptor peer(accept(listener_.get(), nullptr, nullptr));
            bool first = true;
            for (auto& line : lines) {
                char heard[4096];
                auto got = first ? 0 : read(peer.get(), heard, sizeof heard);
                first = false;
                if (got > 0) heard_.append(heard, static_cast<std::size_t>(got));
                (void)send(peer.get(), line.data(), line.size(), MSG_NOSIGNAL);
            }
            shutdown(peer.get(), SHUT_WR);
        });
    }
    ~Peer() {
        if (thread_.joinable()) thread_.join();
        unlink(path_.c_str());
    }
    const std::string& path() const { return path_; }
    /// What it was told, once it is done.
    std::string heard() {
        thread_.join();
        return heard_;
    }

  private:
    std::string path_, heard_;
    xen::FileDescriptor listener_;
    std::thread thread_;
};

constexpr auto hello = "{\"QMP\": {\"version\": {}}}\r\n", good = "{\"return\": {}}\r\n";

TEST(Qmp, CommandsAndAnswersBetweenEvents) {
    Peer peer({hello, good, "{\"event\": \"RESUME\"}\r\n{\"return\": {\"service\": \"5901\", \"auth\": 1}}\r\n"});
    auto qmp = Qmp::connect(peer.path());
    ASSERT_TRUE(qmp) << qmp.error().what;
    auto answer = qmp->execute("query-vnc", {{"name", "x"}});
    ASSERT_TRUE(answer) << answer.error().what;
    EXPECT_EQ(text_of(*answer, "service", ""), "5901");
    EXPECT_EQ(text_of(*answer, "auth", "none"), "none"); // no text
    EXPECT_EQ(text_of(*answer, "host", "there"), "there");
    EXPECT_NE(peer.heard().find("{\"arguments\":{\"name\":\"x\"},\"execute\":\"query-vnc\"}\n"), std::string::npos);
}

TEST(Qmp, RefusalInQemusWords) {
    Peer peer({hello, good, "{\"error\": {\"class\": \"GenericError\", \"desc\": \"no VNC here\"}}\r\n"});
    auto qmp = Qmp::connect(peer.path());
    ASSERT_TRUE(qmp);
    auto answer = qmp->execute("set_password");
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().what, "QEMU refuses 'set_password': no VNC here");
}

TEST(Qmp, PeersThatAreNoQemu) {
    EXPECT_FALSE(Qmp::connect("/nonexistent/socket"));
    for (auto line : {"RFB 003.008\n", "{}\n", "[1]\n", "{\"QMP\"", ""}) {
        Peer peer({line});
        EXPECT_FALSE(Qmp::connect(peer.path(), 1000)) << line;
    }
    Peer silent({hello, "{\"error\": 7}\n"});
    EXPECT_FALSE(Qmp::connect(silent.path(), 1000));
}

} // namespace
} // namespace host
