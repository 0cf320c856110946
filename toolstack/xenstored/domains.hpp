// SPDX-License-Identifier: Apache-2.0
// The domains' side of the daemon: rings, event channels, and who still lives.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>

#include "store/core/ring.hpp"
#include "store/core/server.hpp"
#include "xen/control.hpp"
#include "xen/event_channel.hpp"
#include "xen/grant.hpp"

namespace xenstored {

/// Host of the server where there is no hypervisor: domains can be introduced, but say nothing.
class NoDomains : public store::DomainHost {
  public:
    explicit NoDomains(std::function<void(std::string_view)> log) : log_{std::move(log)} {}
    std::expected<void, int> connect(store::Domain&) override { return {}; }
    bool exists(abi::domid_t) override { return true; }
    void disconnect(store::Domain&) override {}
    void log(std::string_view line) override { log_(line); }

  private:
    std::function<void(std::string_view)> log_;
};

/// A connected domain: its ring page, mapped by grant (domain 0's: by the kernel's device), and port.
class Channel {
  public:
    Channel(store::Domain& its_domain, xen::GrantMapping grant, xen::Mapping page, xen::Port local_port);
    store::Domain& domain;
    xen::Port port;
    store::Ring ring;
    bool is_ready = false;      ///< in the daemon's list of connections with work
    bool is_waiting = false;    ///< owes too many replies to be listened to
    bool is_restarting = false; ///< its ring starts anew, by wish of the domain, once the journal knows

  private:
    xen::GrantMapping grant_;
    xen::Mapping page_;
};

/// Host of the server on Xen.
class Domains : public store::DomainHost {
  public:
    /// Opens the devices and binds VIRQ_DOM_EXC.
    [[nodiscard]] static xen::Result<std::unique_ptr<Domains>> open(std::function<void(std::string_view)> log);
    void set_server(store::Server& server) { server_ = &server; }

    std::expected<void, int> connect(store::Domain& domain) override;
    bool exists(abi::domid_t domid) override;
    void disconnect(store::Domain& domain) override;
    void log(std::string_view line) override { log_(line); }

    /// Introduces domain 0 by what its kernel says of its own ring.
    [[nodiscard]] xen::Result<> introduce_domain_zero();
    /// Connects the domains that a former daemon knew; forgets those that died meanwhile.
    void resume_all();
    /// Tries again to connect domains that exist and could not be connected, when it is time to.
    void retry();
    /// Milliseconds until then; -1 where all are connected.
    [[nodiscard]] int retry_in() const;
    /// Removes domains that died and announces those that shut down.
    void check_lives();

    /// Takes fired event channels; calls `ready` for each channel with news. An error: events cannot be taken now.
    [[nodiscard]] xen::Result<> take_events(std::function<void(Channel&)> const& ready);
    [[nodiscard]] int fd() const { return events_.fd(); }
    void notify(Channel const& channel);
    [[nodiscard]] Channel* find(abi::domid_t domid);

  private:
    Domains(xen::Control control, xen::EventChannel events, xen::GrantTable grants, xen::Port exceptions,
            std::function<void(std::string_view)> log);
    xen::Result<std::unique_ptr<Channel>> open_channel(store::Domain& domain);
    void unbind(xen::Port port);
    void connect_known();
    void look_at_all(std::function<void(Channel&)> const& ready);

    xen::Control control_;
    xen::EventChannel events_;
    xen::GrantTable grants_;
    xen::Port exceptions_;
    std::function<void(std::string_view)> log_;
    store::Server* server_ = nullptr;
    std::map<abi::domid_t, std::unique_ptr<Channel>> channels_;
    std::unordered_map<std::uint32_t, Channel*> by_port_;
    bool resuming_ = false;
    std::set<abi::domid_t> unconnected_; ///< known, alive, and without a channel
    std::chrono::steady_clock::time_point next_retry_{};
    std::chrono::milliseconds retry_pause_{};
};

} // namespace xenstored
