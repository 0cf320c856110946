// SPDX-License-Identifier: Apache-2.0
// The file through which a client reaches the store: the daemon's socket, or the kernel's device.
#pragma once

#include "xen/error.hpp"
#include "xen/handle.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace store {

using Clock = std::chrono::steady_clock;
/// When to stop waiting; nothing = never.
using Deadline = std::optional<Clock::time_point>;

/// A daemon that lets a request wait for so long hangs.
inline constexpr std::chrono::seconds reply_limit{60};

/// Path of the daemon's socket: XENSTORED_PATH, or socket in XENSTORED_RUNDIR (default /run/xenstored).
[[nodiscard]] std::string socket_path();

/// An open file to the store. Sending never raises SIGPIPE; waiting goes on after a signal, unless that asked to stop
/// (toolstack::StopSignals): then the error is EINTR.
class Link {
  public:
    enum class Kind { Socket, Device };
    /// No file yet: connection lost, or never made.
    Link() = default;
    Link(xen::FileDescriptor file, Kind kind) : file_{std::move(file)}, kind_{kind} {}
    [[nodiscard]] static xen::Result<Link> open_socket();
    [[nodiscard]] static xen::Result<Link> open_device();
    /// Tries the socket until the deadline, for as long as the daemon may only be away (restarted, not up yet).
    [[nodiscard]] static xen::Result<Link> wait_for_socket(Deadline);
    /// True where the daemon has run in this boot: then the kernel's device would only make its user wait in the
    /// kernel.
    [[nodiscard]] static bool daemon_was_here();

    [[nodiscard]] explicit operator bool() const { return static_cast<bool>(file_); }
    [[nodiscard]] int fd() const { return file_.get(); }
    [[nodiscard]] bool is_device() const { return kind_ == Kind::Device; }
    void close() { file_.reset(); }

    /// Sends what it can. EPIPE and its like once the other side is gone; what it sent before can still be received.
    [[nodiscard]] xen::Result<std::size_t> send(std::string_view bytes);
    /// Appends the bytes that come next; ETIMEDOUT at the deadline, ENOTCONN when the other side has closed.
    [[nodiscard]] xen::Result<> receive(std::string& into, Deadline);
    /// The same for a reply that is owed: ETIMEDOUT after reply_limit, when the daemon hangs.
    [[nodiscard]] xen::Result<> receive_reply(std::string& into);

  private:
    [[nodiscard]] xen::Result<> wait_for_input(Deadline) const;
    [[nodiscard]] xen::Result<> take(std::string& into);
    xen::FileDescriptor file_;
    Kind kind_ = Kind::Socket;
};

/// Milliseconds left, rounded up, as poll() takes them: 0 when it has passed, -1 for never.
[[nodiscard]] int milliseconds_left(Deadline);

} // namespace store
