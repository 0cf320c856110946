// SPDX-License-Identifier: Apache-2.0
// One domain's console: its ring, its terminal, its log, and how fast it may talk.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "console_ring.hpp"
#include "log_file.hpp"
#include "options.hpp"
#include "store/client.hpp"
#include "terminal.hpp"
#include "xen/event_channel.hpp"
#include "xen/grant.hpp"
#include "xen/privcmd.hpp"

namespace xenconsoled {

using Clock = std::chrono::steady_clock;

/// The devices that consoles share.
struct Devices {
    xen::Privcmd const& privcmd;
    xen::GrantTable const& grants;
    xen::EventChannel& events;
    OpenLogs& logs;
};

class Console {
  public:
    Console(xen::DomId domain, Options const& options, Devices devices);
    ~Console();
    Console(Console const&) = delete;

    /// Looks into the store for the ring, and connects where there is a new one; opens terminal and log.
    void refresh(store::Client& client);
    /// The event channel fired: takes output, gives input. Leaves the port masked if the domain exceeds its
    /// rate; see unmask_at().
    void on_event();
    /// When the port must be unmasked; nothing if it is not masked.
    [[nodiscard]] std::optional<Clock::time_point> unmask_at() const { return unmask_at_; }
    void unmask();
    void on_terminal_writable() { terminal_->flush(); }
    void on_terminal_readable();
    /// The domain is gone: takes what is left of its output.
    void drain();
    void reopen_log();

    [[nodiscard]] xen::DomId domain() const { return domain_; }
    [[nodiscard]] std::optional<xen::Port> port() const { return port_; }
    [[nodiscard]] Terminal const* terminal() const { return terminal_ ? &*terminal_ : nullptr; }
    [[nodiscard]] bool wants_input() const { return ring_ && ring_->room() > 0; }

    /// What the daemon has arranged for it: the port by which it is found, the terminal's events that are waited for.
    struct Arranged {
        std::optional<xen::Port> port;
        bool has_terminal = false, is_limited = false;
        std::uint32_t events = 0;
    };
    Arranged arranged;

    /// Path of the console's nodes in the store; also the token of its watch.
    [[nodiscard]] std::string path() const;

  private:
    xen::Result<> connect(std::uint64_t frame, xen::Port remote);
    void open_terminal(store::Client& client);
    void open_log(store::Client& client);
    void take_output();

    xen::DomId domain_;
    Options const& options_;
    Devices devices_;
    xen::GrantMapping grant_;
    xen::Mapping page_;
    std::optional<ConsoleRing> ring_;
    std::optional<xen::Port> port_;
    std::uint64_t frame_ = 0;
    xen::Port remote_{};
    std::optional<Terminal> terminal_;
    std::optional<LogFile> log_;
    std::string output_; // reused
    std::size_t buffer_limit_ = 1u << 20;
    Clock::time_point period_start_{};
    unsigned events_in_period_ = 0;
    std::optional<Clock::time_point> unmask_at_;
};

} // namespace xenconsoled
