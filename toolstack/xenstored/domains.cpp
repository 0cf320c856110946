// SPDX-License-Identifier: Apache-2.0
// Connecting domains' rings, and following their lives.
#include "domains.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <fstream>
#include <sys/mman.h>
#include <vector>

#include "xen/linux_ioctl.hpp"
#include "xen/sysctl.hpp"

namespace xenstored {

namespace {

/// Domain 0's own ring page, which its kernel lends to the daemon.
xen::Result<xen::Mapping> map_own_ring() {
    auto file = xen::FileDescriptor::open("/dev/xen/xenbus_backend", O_RDWR);
    if (!file) file = xen::FileDescriptor::open("/proc/xen/xsd_kva", O_RDWR);
    auto const device = XEN_TRY(std::move(file));
    return xen::Mapping::map(device.get(), xen::page_size, PROT_READ | PROT_WRITE, 0, "domain 0's xenstore ring");
}

/// The port that domain 0's kernel has opened for the daemon.
xen::Result<xen::Port> own_port() {
    if (auto const file = xen::FileDescriptor::open("/dev/xen/xenbus_backend", O_RDWR)) {
        int const port = ::ioctl(file->get(), xen::linux_ioctl::xenbus_backend_evtchn);
        if (port > 0) return xen::Port{static_cast<std::uint32_t>(port)};
    }
    std::uint32_t port = 0;
    std::ifstream{"/proc/xen/xsd_port"} >> port;
    if (port == 0) return xen::fail(ENOENT, "domain 0's kernel names no xenstore event channel (is xenfs mounted?)");
    return xen::Port{port};
}

/// Between tries to connect a domain that exists and cannot be connected.
constexpr std::chrono::milliseconds first_pause{100}, longest_pause{10'000};

abi::XenstoreDomainInterface& page_of(xen::GrantMapping const& grant, xen::Mapping const& page) {
    return *(grant ? grant.as<abi::XenstoreDomainInterface>() : page.as<abi::XenstoreDomainInterface>());
}

} // namespace

Channel::Channel(store::Domain& its_domain, xen::GrantMapping grant, xen::Mapping page, xen::Port local_port)
    : domain{its_domain}, port{local_port}, ring{page_of(grant, page)}, grant_{std::move(grant)},
      page_{std::move(page)} {}

Domains::Domains(xen::Control control, xen::EventChannel events, xen::GrantTable grants, xen::Port exceptions,
                 std::function<void(std::string_view)> log)
    : control_{std::move(control)}, events_{std::move(events)}, grants_{std::move(grants)}, exceptions_{exceptions},
      log_{std::move(log)} {}

xen::Result<std::unique_ptr<Domains>> Domains::open(std::function<void(std::string_view)> log) {
    auto control = XEN_TRY(xen::Control::open());
    auto events = XEN_TRY(xen::EventChannel::open());
    auto grants = XEN_TRY(xen::GrantTable::open());
    auto const exceptions = XEN_TRY(events.bind_virq(abi::Virq::DomExc));
    return std::unique_ptr<Domains>{
        new Domains{std::move(control), std::move(events), std::move(grants), exceptions, std::move(log)}};
}

Channel* Domains::find(abi::domid_t domid) {
    auto const found = channels_.find(domid);
    return found == channels_.end() ? nullptr : found->second.get();
}

void Domains::unbind(xen::Port port) {
    if (port.value == 0) return; // none
    by_port_.erase(port.value);
    if (auto const done = events_.unbind(port); !done) log_(done.error().message());
}

void Domains::notify(Channel const& channel) { (void)events_.notify(channel.port); }

xen::Result<std::unique_ptr<Channel>> Domains::open_channel(store::Domain& domain) {
    xen::DomId const domid{domain.domid};
    xen::GrantMapping grant;
    xen::Mapping page;
    if (domain.domid == 0) page = XEN_TRY(map_own_ring());
    else grant = XEN_TRY(grants_.map(domid, xen::grant_xenstore, PROT_READ | PROT_WRITE));
    auto const port = XEN_TRY(events_.bind_interdomain(domid, xen::Port{domain.port}));
    return std::make_unique<Channel>(domain, std::move(grant), std::move(page), port);
}

std::expected<void, int> Domains::connect(store::Domain& domain) {
    if (Channel* const known = find(domain.domid)) {
        // Introduced again: the domain has opened a new event channel, or a tool repeats itself; the ring stays. A port
        // can be bound anew only when it is free.
        unbind(known->port);
        auto const port = events_.bind_interdomain(xen::DomId{domain.domid}, xen::Port{domain.port});
        known->port = xen::Port{0};
        if (!port) return std::unexpected(port.error().code);
        known->port = *port;
        by_port_[port->value] = known;
        return {};
    }
    auto channel = open_channel(domain);
    if (!channel) {
        if (!resuming_ || retry_pause_ < longest_pause) log_(channel.error().message());
        return std::unexpected(channel.error().code == ESRCH ? EINVAL : channel.error().code);
    }
    Channel& opened = *channel.value();
    by_port_[opened.port.value] = &opened;
    if (resuming_) opened.ring.resume(*server_, domain);
    else opened.ring.start(domain);
    domain.connection->transport = &opened;
    // Linux starts its own side at the first event from the store; and a guest may have asked already.
    notify(opened);
    channels_[domain.domid] = std::move(*channel);
    if (!resuming_) unconnected_.erase(domain.domid);
    return {};
}

bool Domains::exists(abi::domid_t domid) {
    auto const info = xen::domain_info(control_, xen::DomId{domid});
    return info && !(info->flags & abi::dominf_dying);
}

void Domains::disconnect(store::Domain& domain) {
    unconnected_.erase(domain.domid);
    auto const found = channels_.find(domain.domid);
    if (found == channels_.end()) return;
    unbind(found->second->port);
    channels_.erase(found);
}

xen::Result<> Domains::introduce_domain_zero() {
    auto const port = XEN_TRY(own_port());
    if (auto const done = server_->introduce(0, 0, port.value); !done)
        return xen::fail(done.error(), "connect domain 0");
    server_->announce();
    return {};
}

void Domains::resume_all() {
    for (auto& [domid, known] : server_->domains()) {
        if (domid == 0) // a new kernel has a new port, but then the journal would be of another boot
            if (auto const port = own_port()) server_->find_domain(0)->port = port->value;
        unconnected_.insert(domid);
    }
    connect_known();
    check_lives(); // those that are gone are forgotten; one that only could not be connected keeps what it has
}

/// Connects what can be of the domains that are known and have no channel.
void Domains::connect_known() {
    resuming_ = true;
    std::erase_if(unconnected_, [&](abi::domid_t domid) {
        store::Domain* const domain = server_->find_domain(domid);
        return !domain || connect(*domain);
    });
    resuming_ = false;
}

int Domains::retry_in() const {
    if (unconnected_.empty()) return -1;
    auto const left =
        std::chrono::ceil<std::chrono::milliseconds>(next_retry_ - std::chrono::steady_clock::now()).count();
    return static_cast<int>(std::max<long>(left, 0));
}

void Domains::retry() {
    if (unconnected_.empty()) {
        retry_pause_ = first_pause;
        return;
    }
    auto const now = std::chrono::steady_clock::now();
    if (now < next_retry_) return;
    connect_known();
    next_retry_ = now + retry_pause_;
    retry_pause_ = std::min(2 * retry_pause_, longest_pause);
}

void Domains::check_lives() {
    auto const infos = xen::list_domains(control_);
    if (!infos) return log_(infos.error().message());
    std::map<abi::domid_t, std::uint32_t> flags;
    for (auto const& info : *infos) flags[info.domain] = info.flags;
    std::vector<abi::domid_t> dead;
    for (auto& [domid, known] : server_->domains()) {
        if (domid == 0) continue;
        auto const found = flags.find(domid);
        if (found == flags.end() || (found->second & abi::dominf_dying)) dead.push_back(domid);
        else if (found->second & abi::dominf_shutdown) server_->announce_shutdown(*server_->find_domain(domid));
    }
    for (auto const domid : dead) server_->remove_domain(domid);
    server_->forget_missing([&](abi::domid_t domid) {
        auto const found = flags.find(domid);
        return found != flags.end() && !(found->second & abi::dominf_dying);
    });
    server_->announce();
}

/// After an overflow it is not known who fired: all may have.
void Domains::look_at_all(std::function<void(Channel&)> const& ready) {
    for (auto& [domid, channel] : channels_) {
        (void)events_.unmask(channel->port);
        ready(*channel);
    }
    (void)events_.unmask(exceptions_);
    check_lives();
}

xen::Result<> Domains::take_events(std::function<void(Channel&)> const& ready) {
    // Bounded: as many as there are ports, so that a storm of events cannot keep us here.
    for (std::size_t budget = by_port_.size() + 1; budget > 0; --budget) {
        auto const port = events_.pending();
        if (!port) {
            look_at_all(ready);
            return port.error().code == EFBIG ? xen::Result<>{} : std::unexpected(port.error());
        }
        if (!*port) return {};
        (void)events_.unmask(**port);
        if (**port == exceptions_) {
            check_lives();
            continue;
        }
        if (auto const found = by_port_.find((*port)->value); found != by_port_.end()) ready(*found->second);
    }
    return {};
}

} // namespace xenstored
