// SPDX-License-Identifier: Apache-2.0
// A xenstore client over the daemon's socket, or over the kernel's device where there is no socket.
#pragma once

#include "abi/xenstore.hpp"
#include "xen/error.hpp"
#include "xen/handle.hpp"
#include "xen/numbers.hpp"

#include <cstdint>
#include <deque>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace store {

/// A transaction's id; 0 is none.
enum class Transaction : std::uint32_t { none = 0 };

/// One fired watch.
struct WatchEvent {
    std::string path, token;
};

/// A connection. One thread at a time. Replies come in order; watch events in between are kept for next_event().
/// Errors carry the errno that the daemon answered; their context names the operation and the path.
class Client {
  public:
    /// The socket first (it is cheaper), then /dev/xen/xenbus.
    [[nodiscard]] static xen::Result<Client> open();
    /// The daemon's socket only: XENSTORED_PATH, or socket in XENSTORED_RUNDIR (default /run/xenstored).
    [[nodiscard]] static xen::Result<Client> open_socket();
    /// False where the kernel's device is used.
    [[nodiscard]] bool uses_socket() const { return !device_; }

    [[nodiscard]] xen::Result<std::string> read(std::string_view path, Transaction = Transaction::none);
    /// The value, or nothing when the node does not exist or cannot be read.
    [[nodiscard]] std::optional<std::string> get(std::string_view path, Transaction = Transaction::none);
    /// Values of many nodes in one go, nothing for those that do not exist.
    [[nodiscard]] xen::Result<std::vector<std::optional<std::string>>> get_all(std::span<std::string const> paths);
    [[nodiscard]] xen::Result<std::vector<std::string>> list(std::string_view path, Transaction = Transaction::none);
    [[nodiscard]] xen::Result<> write(std::string_view path, std::string_view value, Transaction = Transaction::none);
    [[nodiscard]] xen::Result<> mkdir(std::string_view path, Transaction = Transaction::none);
    /// Removing what does not exist is no error.
    [[nodiscard]] xen::Result<> remove(std::string_view path, Transaction = Transaction::none);
    /// Permissions as "n0", "r1": the first names the owner.
    [[nodiscard]] xen::Result<> set_permissions(std::string_view path, std::span<std::string const> permissions,
                                                Transaction = Transaction::none);

    /// Permissions as set_permissions() takes them.
    [[nodiscard]] xen::Result<std::vector<std::string>> permissions(std::string_view path,
                                                                    Transaction = Transaction::none);

    [[nodiscard]] xen::Result<Transaction> begin();
    /// EAGAIN when another change got in between: begin again.
    [[nodiscard]] xen::Result<> commit(Transaction);
    [[nodiscard]] xen::Result<> abort(Transaction);

    [[nodiscard]] xen::Result<> watch(std::string_view path, std::string_view token);
    [[nodiscard]] xen::Result<> unwatch(std::string_view path, std::string_view token);
    /// The next fired watch, or nothing after `timeout_ms` (negative: wait for ever, 0: only look).
    [[nodiscard]] xen::Result<std::optional<WatchEvent>> next_event(int timeout_ms);
    /// To poll for input beside other files; call next_event(0) until it gives nothing before polling.
    [[nodiscard]] int fd() const { return file_.get(); }

    [[nodiscard]] xen::Result<> introduce(xen::DomId, xen::Frame ring, xen::Port);
    [[nodiscard]] xen::Result<> release(xen::DomId);

    /// A control command with its arguments, each ended by a NUL; the daemon's text.
    [[nodiscard]] xen::Result<std::string> control(std::string_view arguments);

    /// Puts a request in the queue without waiting for its reply; strings end with a NUL as the protocol has it.
    [[nodiscard]] xen::Result<> post(abi::XenstoreOp, std::initializer_list<std::string_view> parts, Transaction);
    [[nodiscard]] xen::Result<> post_write(std::string_view path, std::string_view value, Transaction);
    [[nodiscard]] xen::Result<> post_permissions(std::string_view path, std::string_view joined, Transaction);
    /// Sends what is queued and takes all replies; the first error, if any, is the result.
    [[nodiscard]] xen::Result<> flush();

  private:
    struct Reply {
        abi::XenstoreOp type{};
        std::string payload;
    };
    explicit Client(xen::FileDescriptor file) : file_{std::move(file)} {}
    xen::Result<> send_queue();
    xen::Result<Reply> receive();
    xen::Result<Reply> message();
    xen::Result<> fill(int timeout_ms);
    xen::Result<std::string> call(abi::XenstoreOp, std::initializer_list<std::string_view> parts, Transaction);

    xen::FileDescriptor file_;
    bool one_by_one_ = false;  ///< the device, not the socket
    bool device_ = false;      ///< file_ is the kernel's device
    std::string out_;          ///< requests not sent yet
    std::string in_;           ///< bytes received and not used yet
    std::size_t used_ = 0;     ///< of in_
    unsigned outstanding_ = 0; ///< replies that post() left to come
    std::optional<xen::Error> first_error_;
    std::deque<WatchEvent> events_;
};

} // namespace store
