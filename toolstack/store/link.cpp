// SPDX-License-Identifier: Apache-2.0
// Opening, sending and receiving.
#include "store/link.hpp"

#include "base/stop_signal.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

namespace store {

using xen::fail;
using xen::fail_errno;
using xen::Result;

namespace {

constexpr auto stop_grace = std::chrono::seconds(2);

} // namespace

std::string socket_path() {
    if (char const* const whole = std::getenv("XENSTORED_PATH")) return whole;
    char const* const rundir = std::getenv("XENSTORED_RUNDIR");
    return std::string(rundir ? rundir : "/run/xenstored") + "/socket";
}

int milliseconds_left(Deadline deadline) {
    if (!deadline) return -1;
    auto const left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - Clock::now()).count();
    return static_cast<int>(std::clamp<long>(left, 0, INT_MAX));
}

Result<Link> Link::open_socket() {
    auto const path = socket_path();
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return fail(ENAMETOOLONG, "xenstore: " + path);
    path.copy(address.sun_path, path.size());
    xen::FileDescriptor file(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    timeval const limit{std::chrono::seconds(reply_limit).count(), 0};
    if (file) ::setsockopt(file.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (!file || ::connect(file.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
        return fail_errno("xenstore: cannot reach xenstored at " + path +
                          " (is it running? systemctl start xenstored)");
    return Link(std::move(file), Kind::Socket);
}

Result<Link> Link::open_device() {
    return Link(XEN_TRY(xen::FileDescriptor::open("/dev/xen/xenbus", O_RDWR)), Kind::Device);
}

bool Link::daemon_was_here() {
    auto const path = socket_path();
    return ::access((path.substr(0, path.rfind('/') + 1) + "lock").c_str(), F_OK) == 0;
}

Result<Link> Link::wait_for_socket(Deadline deadline) {
    constexpr int shortest_ms = 5, longest_ms = 100;
    for (int pause = shortest_ms;; pause = std::min(2 * pause, longest_ms)) {
        auto link = open_socket();
        // ENOENT, ECONNREFUSED: it is being started. Anything else will not change by waiting.
        if (link || (link.error().code != ENOENT && link.error().code != ECONNREFUSED)) return link;
        auto const left = milliseconds_left(deadline);
        if (left == 0) return link;
        int const slept = ::poll(nullptr, 0, left < 0 ? pause : std::min(left, pause));
        if (slept < 0 && errno == EINTR && toolstack::StopSignals::asked())
            return fail(EINTR, "xenstore: interrupted while xenstored is away");
    }
}

Result<std::size_t> Link::send(std::string_view bytes) {
    for (;;) {
        auto const done = kind_ == Kind::Device ? ::write(fd(), bytes.data(), bytes.size())
                                                : ::send(fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (done > 0) return static_cast<std::size_t>(done);
        if (done < 0 && errno == EINTR) continue;
        return fail(done < 0 ? errno : EIO, "xenstore: sending");
    }
}

Result<> Link::wait_for_input(Deadline deadline) const {
    for (;;) {
        pollfd poller{fd(), POLLIN, 0};
        int const ready = ::poll(&poller, 1, milliseconds_left(deadline));
        if (ready > 0) return {};
        if (ready == 0) return fail(ETIMEDOUT, "xenstore");
        if (errno != EINTR) return fail_errno("xenstore: waiting");
        if (toolstack::StopSignals::asked()) return fail(EINTR, "xenstore: interrupted");
    }
}

/// One read of what has come, or comes within the socket's time limit.
Result<> Link::take(std::string& into) {
    constexpr std::size_t chunk = 8192;
    auto const old = into.size();
    into.resize(old + chunk);
    auto const got = ::read(fd(), into.data() + old, chunk);
    int const error = got < 0 ? errno : 0;
    into.resize(old + (got > 0 ? static_cast<std::size_t>(got) : 0));
    if (got > 0) return {};
    if (error == EINTR || error == EAGAIN) return fail(error, "xenstore: receiving");
    return fail(ENOTCONN, "xenstore: the connection is lost");
}

Result<> Link::receive(std::string& into, Deadline deadline) {
    for (;;) {
        XEN_TRY(wait_for_input(deadline));
        auto taken = take(into);
        if (taken || taken.error().code == ENOTCONN) return taken;
    }
}

Result<> Link::receive_reply(std::string& into) {
    if (kind_ == Kind::Device) return receive(into, Clock::now() + reply_limit);
    for (;;) {
        auto taken = take(into); // waits in the kernel: no poll() for each reply
        if (taken || taken.error().code == ENOTCONN) return taken;
        if (taken.error().code == EAGAIN) return fail(ETIMEDOUT, "xenstore");
        // Who asked to stop gets the reply, if it is about to come: its request may have been done.
        if (toolstack::StopSignals::asked() && !wait_for_input(Clock::now() + stop_grace))
            return fail(EINTR, "xenstore: interrupted");
    }
}

} // namespace store
