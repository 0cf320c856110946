// SPDX-License-Identifier: Apache-2.0
// The event loop of xenconsoled: follows domains through the store, serves their consoles, logs Xen's own.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "console.hpp"
#include "options.hpp"
#include "xen/control.hpp"

namespace xenconsoled {

/// Nothing that one console does costs by the number of the others.
class Daemon {
  public:
    [[nodiscard]] static xen::Result<std::unique_ptr<Daemon>> start(Options const& options);
    /// Runs until SIGTERM or SIGINT. Goes on through restarts of xenstored.
    void run();

  private:
    Daemon(Options const& options, xen::Control control, xen::GrantTable grants, xen::EventChannel events);
    xen::Result<> connect_store();
    void reconnect_store();
    void take_store_events();
    void take_port_events();
    void look_at_all();
    void on_hypervisor_event();
    void pause_ports(xen::Error const& error);
    void resume_ports();
    bool set_interest(int operation, int fd, void* tag, std::uint32_t events);
    void take_signal();
    void look_for_domains();
    void add(xen::DomId domain);
    void remove(Console& console);
    void settle(Console& console);
    xen::Result<> watch_file(int fd, void* tag);
    void wait();
    void unmask_due();
    [[nodiscard]] int timeout() const;
    void take_hypervisor_log();

    Options options_;
    xen::Control control_;
    xen::GrantTable grants_;
    xen::EventChannel events_;
    std::optional<store::Client> store_;
    OpenLogs logs_;
    std::map<xen::DomId, std::unique_ptr<Console>> consoles_;
    std::unordered_map<std::uint32_t, Console*> by_port_;
    std::vector<Console*> limited_; ///< consoles that raised too many events and wait for their next period
    xen::FileDescriptor epoll_;
    xen::FileDescriptor signals_;
    std::optional<xen::Port> hypervisor_port_;
    std::optional<LogFile> hypervisor_log_;
    std::optional<Clock::time_point> ports_paused_until_; ///< the event channels' device fails
    std::uint32_t hypervisor_position_ = 0;
    bool needs_socket_ = false;
    bool has_more_events_ = false; ///< of the store, maybe read from its socket already
    bool stopping_ = false;
};

} // namespace xenconsoled
