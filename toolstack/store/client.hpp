// SPDX-License-Identifier: Apache-2.0
// A xenstore client over the daemon's socket, or over the kernel's device where there is no socket.
#pragma once

#include "abi/xenstore.hpp"
#include "store/link.hpp"
#include "xen/error.hpp"
#include "xen/numbers.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <expected>
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

/// How long a request waits for an xenstored that is away, and open() for one that is being started.
inline constexpr std::chrono::milliseconds usual_patience{20'000}, open_patience{10'000};

/// True where the store could not be asked (it is away, hangs, or speaks another protocol), as opposed to an answer of
/// it.
[[nodiscard]] bool is_unreachable(xen::Error const&);

/// A client of the store. One thread at a time. Replies come in order; watch events in between are kept for
/// next_event().
///
/// It outlives its connection. When xenstored is restarted, the client connects again, registers its watches (each
/// fires once, as at its first registration) and repeats the requests that were not answered: all of them give the same
/// state when they are done twice, but Control, which fails with ECONNRESET. Transactions do not outlive the
/// connection: what is written in such a one is dropped, reads see the store as it is, and commit() says EAGAIN, as
/// after any conflict. If the connection went while commit() waited, the changes may be there already: who begins again
/// must know its own work.
///
/// Errors carry the errno that the daemon answered, and their context names the operation and the path; or they are
/// is_unreachable(): ENOTCONN (no daemon within the patience), ETIMEDOUT (it does not answer), EINTR (the user asked to
/// stop, toolstack::StopSignals), EPROTO. After each of them the client may be used again.
class Client {
  public:
    /// The socket (it is cheaper). /dev/xen/xenbus where no daemon has run here, as in a guest or with a store in
    /// another domain; else it waits for the daemon.
    [[nodiscard]] static xen::Result<Client> open(std::chrono::milliseconds patience = open_patience);
    /// The daemon's socket only: XENSTORED_PATH, or socket in XENSTORED_RUNDIR (default /run/xenstored).
    [[nodiscard]] static xen::Result<Client> open_socket();
    /// Through a file that is open already.
    explicit Client(Link link) : link_{std::move(link)} {}

    /// False where the kernel's device is used.
    [[nodiscard]] bool uses_socket() const { return !link_.is_device(); }
    /// How long a request waits for a daemon that went away. Zero: it fails at once, and the client is of no more use.
    void set_patience(std::chrono::milliseconds patience) { patience_ = patience; }
    /// How often the connection was lost and made anew.
    [[nodiscard]] unsigned reconnections() const { return reconnections_; }

    [[nodiscard]] xen::Result<std::string> read(std::string_view path, Transaction = Transaction::none);
    /// The value, or nothing when the node does not exist or cannot be read.
    [[nodiscard]] std::optional<std::string> get(std::string_view path, Transaction = Transaction::none);
    /// Values of many nodes in one go, nothing for those that do not exist.
    [[nodiscard]] xen::Result<std::vector<std::optional<std::string>>> get_all(std::span<std::string const> paths);
    /// Read, Directory or GetPerms of many nodes in one go: each payload, or the errno that the daemon answered.
    [[nodiscard]] xen::Result<std::vector<std::expected<std::string, int>>>
    ask_all(abi::XenstoreOp, std::span<std::string const> paths, Transaction = Transaction::none);
    [[nodiscard]] xen::Result<std::vector<std::string>> list(std::string_view path, Transaction = Transaction::none);
    /// The names in the payload of a Directory reply.
    [[nodiscard]] static std::vector<std::string> names_in(std::string_view payload);
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

    /// Rather use a Watching (store/watching.hpp), which takes its watches away again.
    [[nodiscard]] xen::Result<> watch(std::string_view path, std::string_view token);
    [[nodiscard]] xen::Result<> unwatch(std::string_view path, std::string_view token);
    /// Drops the events of a token that have come and were not taken.
    void forget_events(std::string_view token);
    /// The next fired watch, or nothing after `timeout_ms` (negative: wait for ever, 0: only look). While xenstored is
    /// away, nothing fires: with patience, that is no error. EINTR when the user asked to stop; other signals do not
    /// end it.
    [[nodiscard]] xen::Result<std::optional<WatchEvent>> next_event(int timeout_ms);
    /// To poll for input beside other files; call next_event(0) until it gives nothing before polling. Another one
    /// after a reconnection, so only for clients without patience.
    [[nodiscard]] int fd() const { return link_.fd(); }

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
    /// Who answers a request.
    enum class From : std::uint8_t {
        Daemon,
        Client, ///< we do, with `error` or OK: it is of a transaction that is lost
        Nobody, ///< the daemon does, and nobody wants to hear it
    };
    /// A request whose reply is to come; `size` bytes of it stand in out_, in the same order.
    struct Pending {
        abi::XenstoreOp op{};
        From from = From::Daemon;
        bool in_transaction = false;
        std::uint8_t repeats = 0;
        int error = 0;
        std::size_t size = 0;
    };
    struct Open {
        std::uint32_t id, wire;
    };

    void send_queue();
    /// The payload of the first request in the queue; nothing where nobody wants it.
    xen::Result<std::optional<std::string>> answer_first();
    xen::Result<Reply> next_reply();
    xen::Result<bool> take_message(Reply& reply);
    xen::Result<> keep_event(Reply const& event);
    xen::Result<> keep_events();
    xen::Result<> recover(xen::Error, Deadline&);
    xen::Result<> reconnect(Deadline);
    static bool lose(Pending& request, char* message);
    void requeue();
    void abandon(int code);
    void pop_request();
    void forget_queue();
    void lose_connection();
    [[nodiscard]] Deadline patience_ends() const;
    xen::Result<std::string> call(abi::XenstoreOp, std::initializer_list<std::string_view> parts, Transaction);
    xen::Result<> end(Transaction, std::string_view how);
    xen::Result<std::string> list_in_parts(std::string_view path, Transaction);

    Link link_;
    std::chrono::milliseconds patience_ = usual_patience;
    bool gave_up_ = false; ///< the patience has ended once: further requests only try
    unsigned reconnections_ = 0;
    std::string out_;            ///< bytes of the requests that are not answered
    std::size_t answered_ = 0;   ///< bytes at the front of out_ whose requests are answered
    std::size_t sent_ = 0;       ///< bytes of out_ that are sent
    std::vector<Pending> queue_; ///< requests that are not answered, from first_ on
    std::size_t first_ = 0;
    std::string in_;       ///< bytes received and not used yet
    std::size_t used_ = 0; ///< of in_
    std::optional<xen::Error> first_error_;
    std::deque<WatchEvent> events_;
    std::vector<WatchEvent> watches_; ///< those that are registered
    std::vector<Open> open_;          ///< transactions of this connection
    std::uint32_t last_transaction_ = 0, last_lost_ = 0;
};

} // namespace store
