// SPDX-License-Identifier: Apache-2.0
// Following domains, and serving what is ready.
#include "daemon.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <fmt/format.h>
#include <sys/epoll.h>
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
    daemon->epoll_ = xen::FileDescriptor{::epoll_create1(EPOLL_CLOEXEC)};
    if (!daemon->epoll_) return xen::fail_errno("epoll");
    XEN_TRY(daemon->watch_file(daemon->events_.fd(), &daemon->events_));
    XEN_TRY(daemon->watch_file(daemon->signals_.get(), &daemon->signals_));
    std::error_code ignored;
    if (options.log_guests || options.log_hypervisor) std::filesystem::create_directories(options.log_folder, ignored);
    if (options.log_hypervisor) {
        daemon->hypervisor_log_.emplace(options.log_folder + "/hypervisor.log",
                                        LogStyle{options.stamp_hypervisor, options.replace_escape, options.log_size},
                                        daemon->logs_);
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
    store_->set_patience(std::chrono::milliseconds(0)); // consoles are served while it is away: we come back ourselves
    XEN_TRY(watch_file(store_->fd(), &store_));
    XEN_TRY(store_->watch("@introduceDomain", "domains"));
    XEN_TRY(store_->watch("@releaseDomain", "domains"));
    for (auto& [domain, console] : consoles_) {
        XEN_TRY(store_->watch(console->path(), fmt::format("{}", domain.value)));
        console->refresh(*store_);
        settle(*console);
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
    has_more_events_ = false;
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
        if (found == consoles_.end() || (*event)->path.ends_with("/tty")) continue;
        found->second->refresh(*store_);
        settle(*found->second);
    }
    has_more_events_ = true;
}

void Daemon::add(xen::DomId domain) {
    auto console = std::make_unique<Console>(domain, options_, Devices{control_.privcmd(), grants_, events_, logs_});
    // The first event of the watch makes it look for its ring.
    if (store_->watch(console->path(), fmt::format("{}", domain.value))) consoles_.emplace(domain, std::move(console));
}

void Daemon::remove(Console& console) {
    console.drain();
    if (store_) (void)store_->unwatch(console.path(), fmt::format("{}", console.domain().value));
    if (console.arranged.port) by_port_.erase(console.arranged.port->value);
    std::erase(limited_, &console);
    consoles_.erase(console.domain()); // closes its terminal, which leaves the epoll set
}

void Daemon::look_for_domains() {
    auto const infos = xen::list_domains(control_);
    if (!infos) return ::syslog(LOG_ERR, "%s", infos.error().message().c_str());
    auto next = consoles_.begin(); // both lists are in order of the domains' ids
    auto const remove_before = [&](xen::DomId domain) {
        while (next != consoles_.end() && next->first < domain) remove(*(next++)->second);
    };
    for (auto const& info : *infos) {
        xen::DomId const domain{info.domain};
        if (domain.value == 0 || (info.flags & abi::dominf_dying)) continue;
        remove_before(domain);
        if (next != consoles_.end() && next->first == domain) ++next;
        else add(domain);
    }
    remove_before(xen::DomId{abi::first_reserved});
}

void Daemon::on_hypervisor_event() {
    take_hypervisor_log();
    (void)events_.unmask(*hypervisor_port_);
}

/// After an overflow it is not known who fired: all may have, Xen's own log too.
void Daemon::look_at_all() {
    for (auto& [domain, console] : consoles_) {
        console->on_event();
        settle(*console);
    }
    if (hypervisor_port_) on_hypervisor_event();
}

/// A device that fails stays readable: it is left alone for a while.
void Daemon::pause_ports(xen::Error const& error) {
    ::syslog(LOG_ERR, "%s", error.message().c_str());
    set_interest(EPOLL_CTL_MOD, events_.fd(), &events_, 0);
    ports_paused_until_ = Clock::now() + std::chrono::milliseconds{200};
}

void Daemon::resume_ports() {
    if (!ports_paused_until_ || Clock::now() < *ports_paused_until_) return;
    ports_paused_until_.reset();
    set_interest(EPOLL_CTL_MOD, events_.fd(), &events_, EPOLLIN);
}

void Daemon::take_port_events() {
    for (std::size_t budget = 2 * consoles_.size() + 2; budget > 0; --budget) {
        auto const port = events_.pending();
        if (!port) {
            look_at_all();
            if (port.error().code != EFBIG) pause_ports(port.error());
            return;
        }
        if (!*port) return;
        if (hypervisor_port_ && **port == *hypervisor_port_) {
            on_hypervisor_event();
            continue;
        }
        auto const found = by_port_.find((*port)->value);
        if (found == by_port_.end()) continue;
        found->second->on_event();
        settle(*found->second);
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
        hypervisor_log_->write({buffer->data(), std::min(read.count, size)});
        if (read.count < size) return;
    }
}

void Daemon::take_signal() {
    signalfd_siginfo info{};
    if (::read(signals_.get(), &info, sizeof info) != sizeof info) return;
    if (info.ssi_signo != SIGHUP) stopping_ = true;
    if (hypervisor_log_) hypervisor_log_->reopen();
    for (auto& [domain, console] : consoles_) console->reopen_log();
}

void Daemon::unmask_due() {
    auto const now = Clock::now();
    for (std::size_t i = limited_.size(); i-- > 0;) { // settle() takes out only the one it is given
        Console& console = *limited_[i];
        if (*console.unmask_at() > now) continue;
        console.unmask();
        settle(console);
    }
}

int Daemon::timeout() const {
    if (store_ && has_more_events_) return 0;
    auto nearest = store_ ? Clock::time_point::max() : Clock::now() + std::chrono::milliseconds{100};
    if (ports_paused_until_) nearest = std::min(nearest, *ports_paused_until_);
    for (Console const* const console : limited_) nearest = std::min(nearest, *console->unmask_at());
    if (nearest == Clock::time_point::max()) return -1;
    auto const left = std::chrono::ceil<std::chrono::milliseconds>(nearest - Clock::now());
    return static_cast<int>(std::max<long>(left.count(), 0));
}

bool Daemon::set_interest(int operation, int fd, void* tag, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = tag;
    return ::epoll_ctl(epoll_.get(), operation, fd, &event) == 0;
}

xen::Result<> Daemon::watch_file(int fd, void* tag) {
    if (!set_interest(EPOLL_CTL_ADD, fd, tag, EPOLLIN)) return xen::fail_errno("epoll");
    return {};
}

/// Brings what is waited for in line with the console's state; after anything that may have changed it.
void Daemon::settle(Console& console) {
    auto& arranged = console.arranged;
    if (arranged.port != console.port()) {
        if (arranged.port) by_port_.erase(arranged.port->value);
        arranged.port = console.port();
        if (arranged.port) by_port_[arranged.port->value] = &console;
    }
    bool const limited = console.unmask_at().has_value();
    if (limited != arranged.is_limited) {
        if (limited) limited_.push_back(&console);
        else std::erase(limited_, &console);
        arranged.is_limited = limited;
    }
    Terminal const* const terminal = console.terminal();
    if (!terminal) return;
    // Without room in the ring we wait for the domain's event, not for the terminal.
    std::uint32_t const events = (console.wants_input() ? EPOLLIN : 0u) | (terminal->has_output() ? EPOLLOUT : 0u);
    if (arranged.has_terminal && events == arranged.events) return;
    if (!set_interest(arranged.has_terminal ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, terminal->fd(), &console, events))
        return ::syslog(LOG_ERR, "console of domain %u: epoll: %m", console.domain().value);
    arranged.has_terminal = true;
    arranged.events = events;
}

void Daemon::wait() {
    std::array<epoll_event, 64> ready;
    int const count = ::epoll_wait(epoll_.get(), ready.data(), static_cast<int>(ready.size()), timeout());
    bool ports = false, signal = false;
    for (int i = 0; i < count; ++i) {
        auto const& event = ready[static_cast<std::size_t>(i)];
        if (event.data.ptr == &events_) ports = true;
        else if (event.data.ptr == &signals_) signal = true;
        else if (event.data.ptr != &store_) { // the store's turn is at the start of the loop
            auto& console = *static_cast<Console*>(event.data.ptr);
            if (event.events & EPOLLOUT) console.on_terminal_writable();
            if (event.events & EPOLLIN) console.on_terminal_readable();
            settle(console);
        }
    }
    if (ports) take_port_events();
    if (signal) take_signal();
}

void Daemon::run() {
    while (!stopping_) {
        if (store_) take_store_events();
        else reconnect_store();
        unmask_due();
        resume_ports();
        wait();
    }
}

} // namespace xenconsoled
