// SPDX-License-Identifier: Apache-2.0
// Following domains, and serving what is ready.
#include "daemon.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <fmt/format.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <syslog.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "xen/sysctl.hpp"

namespace xenconsoled {

Daemon::Daemon(Options const& options, xen::Control control, xen::GrantTable grants, xen::EventChannel events)
    : options_{options}, control_{std::move(control)}, grants_{std::move(grants)}, events_{std::move(events)} {}

xen::Result<std::unique_ptr<Daemon>> Daemon::start(Options const& options) {
    ::openlog("xenconsoled", LOG_PID, LOG_DAEMON);
    auto control = XEN_TRY(xen::Control::open());
    auto grants = XEN_TRY(xen::GrantTable::open());
    auto events = XEN_TRY(xen::EventChannel::open());
    std::unique_ptr<Daemon> daemon{new Daemon{options, std::move(control), std::move(grants), std::move(events)}};
    sigset_t signals;
    sigemptyset(&signals);
    for (int const signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
    ::sigprocmask(SIG_BLOCK, &signals, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    daemon->signals_ = xen::FileDescriptor{::signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC)};
    if (!daemon->signals_) return xen::fail_errno("signalfd");
    std::error_code ignored;
    if (options.log_guests || options.log_hypervisor) std::filesystem::create_directories(options.log_folder, ignored);
    if (options.log_hypervisor) {
        daemon->hypervisor_log_ =
            LogFile{options.log_folder + "/hypervisor.log",
                    {options.stamp_hypervisor, options.replace_escape, options.log_size}};
        daemon->hypervisor_port_ = XEN_TRY(daemon->events_.bind_virq(abi::Virq::ConRing));
        daemon->take_hypervisor_log();
    }
    XEN_TRY(daemon->connect_store());
    return daemon;
}

xen::Result<> Daemon::connect_store() {
    // While xenstored is away the kernel's device would make us wait inside the kernel.
    store_ = XEN_TRY(needs_socket_ ? store::Client::open_socket() : store::Client::open());
    needs_socket_ = store_->uses_socket();
    XEN_TRY(store_->watch("@introduceDomain", "domains"));
    XEN_TRY(store_->watch("@releaseDomain", "domains"));
    for (auto& [domain, console] : consoles_) {
        XEN_TRY(store_->watch(console->path(), fmt::format("{}", domain.value)));
        console->refresh(*store_);
    }
    return {};
}

/// xenstored was restarted, or is not back yet: consoles are served meanwhile.
void Daemon::reconnect_store() {
    store_.reset();
    if (auto const done = connect_store(); !done) store_.reset();
    else ::syslog(LOG_NOTICE, "connected to xenstored again");
}

void Daemon::take_store_events() {
    for (int budget = 64; store_ && budget > 0; --budget) {
        auto const event = store_->next_event(0);
        if (!event) {
            ::syslog(LOG_NOTICE, "%s", event.error().message().c_str());
            return reconnect_store();
        }
        if (!*event) return;
        std::string const& token = (*event)->token;
        if (token == "domains") {
            look_for_domains();
            continue;
        }
        std::uint16_t domid = 0;
        std::from_chars(token.data(), token.data() + token.size(), domid);
        auto const found = consoles_.find(xen::DomId{domid});
        // Our own writing of the terminal's name fires too.
        if (found != consoles_.end() && !(*event)->path.ends_with("/tty")) found->second->refresh(*store_);
    }
}

void Daemon::add(xen::DomId domain) {
    auto console = std::make_unique<Console>(domain, options_, Devices{control_.privcmd(), grants_, events_});
    // The first event of the watch makes it look for its ring.
    if (store_->watch(console->path(), fmt::format("{}", domain.value))) consoles_.emplace(domain, std::move(console));
}

void Daemon::look_for_domains() {
    auto const infos = xen::list_domains(control_);
    if (!infos) return ::syslog(LOG_ERR, "%s", infos.error().message().c_str());
    std::map<xen::DomId, bool> alive;
    for (auto const& info : *infos)
        if (info.domain != 0 && !(info.flags & abi::dominf_dying)) alive[xen::DomId{info.domain}] = true;
    std::erase_if(consoles_, [&](auto const& entry) {
        if (alive.contains(entry.first)) return false;
        entry.second->drain();
        if (store_) (void)store_->unwatch(entry.second->path(), fmt::format("{}", entry.first.value));
        return true;
    });
    for (auto const& [domain, is_alive] : alive)
        if (!consoles_.contains(domain)) add(domain);
}

void Daemon::take_port_events() {
    for (std::size_t budget = 2 * consoles_.size() + 2; budget > 0; --budget) {
        auto const port = events_.pending();
        if (!port) {
            for (auto& [domain, console] : consoles_) console->on_event();
            return;
        }
        if (!*port) return;
        if (hypervisor_port_ && **port == *hypervisor_port_) {
            take_hypervisor_log();
            (void)events_.unmask(**port);
            continue;
        }
        for (auto& [domain, console] : consoles_)
            if (console->port() == **port) console->on_event();
    }
}

void Daemon::take_hypervisor_log() {
    constexpr std::uint32_t size = 16384;
    auto const buffer = xen::HypercallBuffer<char>::allocate(size);
    if (!buffer) return;
    while (true) {
        abi::Sysctl request{};
        request.cmd = static_cast<std::uint32_t>(abi::SysctlCommand::Readconsole);
        request.interface_version = abi::sysctl_interface_version;
        auto& read = request.u.readconsole;
        read.incremental = 1;
        read.index = hypervisor_position_;
        read.buffer = buffer->handle();
        read.count = size;
        if (!control_.call(abi::Hypercall::Sysctl, request) || read.count == 0) return;
        hypervisor_position_ = read.index;
        hypervisor_log_.write({buffer->data(), std::min(read.count, size)});
        if (read.count < size) return;
    }
}

void Daemon::take_signal() {
    signalfd_siginfo info{};
    if (::read(signals_.get(), &info, sizeof info) != sizeof info) return;
    if (info.ssi_signo != SIGHUP) stopping_ = true;
    hypervisor_log_.reopen();
    for (auto& [domain, console] : consoles_) console->reopen_log();
}

void Daemon::unmask_due() {
    auto const now = Clock::now();
    for (auto& [domain, console] : consoles_)
        if (auto const when = console->unmask_at(); when && *when <= now) console->unmask();
}

int Daemon::timeout() const {
    auto nearest = store_ ? Clock::time_point::max() : Clock::now() + std::chrono::milliseconds{100};
    for (auto const& [domain, console] : consoles_)
        if (auto const when = console->unmask_at()) nearest = std::min(nearest, *when);
    if (nearest == Clock::time_point::max()) return -1;
    auto const left = std::chrono::ceil<std::chrono::milliseconds>(nearest - Clock::now());
    return static_cast<int>(std::max<long>(left.count(), 0));
}

void Daemon::wait() {
    std::vector<pollfd> polled{{events_.fd(), POLLIN, 0}, {signals_.get(), POLLIN, 0}, {store_ ? store_->fd() : -1, POLLIN, 0}};
    std::vector<Console*> owners;
    for (auto& [domain, console] : consoles_) {
        Terminal const* const terminal = console->terminal();
        if (!terminal) continue;
        // Without room in the ring we wait for the domain's event, not for the terminal.
        auto const events = (console->wants_input() ? POLLIN : 0) | (terminal->has_output() ? POLLOUT : 0);
        polled.push_back({terminal->fd(), static_cast<short>(events), 0});
        owners.push_back(console.get());
    }
    if (::poll(polled.data(), polled.size(), timeout()) < 0) return;
    for (std::size_t i = 0; i < owners.size(); ++i) {
        auto const what = polled[i + 3].revents;
        if (what & POLLOUT) owners[i]->on_terminal_writable();
        if (what & POLLIN) owners[i]->on_terminal_readable();
    }
    if (polled[0].revents) take_port_events();
    if (polled[1].revents) take_signal();
}

void Daemon::run() {
    while (!stopping_) {
        if (store_) take_store_events();
        else reconnect_store();
        unmask_due();
        wait();
    }
}

}  // namespace xenconsoled
