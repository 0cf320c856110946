// SPDX-License-Identifier: Apache-2.0
// Opening what the daemon needs, and going on where a former one was stopped.
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>

#include "daemon.hpp"
#include "daemon/daemon.hpp"

namespace xenstored {

namespace {

constexpr std::uint64_t wanted_files = 65536; ///< each client of the socket takes one

} // namespace

Daemon::Daemon(Options const& options) : options_{options} {}

xen::Result<std::unique_ptr<Daemon>> Daemon::start(Options const& options) {
    std::unique_ptr<Daemon> daemon{new Daemon{options}};
    ::openlog("xenstored", LOG_PID, LOG_DAEMON);
    if (!options.trace_file.empty())
        daemon->trace_ =
            XEN_TRY(xen::FileDescriptor::open(options.trace_file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600));
    std::error_code ignored;
    std::filesystem::create_directories(options.folder, ignored);
    toolstack::raise_file_limit(wanted_files);
    daemon->epoll_ = xen::FileDescriptor{::epoll_create1(EPOLL_CLOEXEC)};
    if (!daemon->epoll_) return xen::fail_errno("epoll");
    XEN_TRY(daemon->open_signals());
    // The socket first: its lock keeps a second daemon from the journal.
    XEN_TRY(daemon->open_socket());
    XEN_TRY(daemon->open_host());
    XEN_TRY(daemon->open_journal());
    return daemon;
}

xen::Result<> Daemon::watch_file(int fd, void* tag, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = tag;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) < 0) return xen::fail_errno("epoll");
    return {};
}

xen::Result<> Daemon::open_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    ::sigprocmask(SIG_BLOCK, &signals, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGHUP, SIG_IGN);
    signals_ = xen::FileDescriptor{::signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC)};
    if (!signals_) return xen::fail_errno("signalfd");
    return watch_file(signals_.get(), &signals_, EPOLLIN);
}

xen::Result<> Daemon::open_socket() {
    lock_ = XEN_TRY(xen::FileDescriptor::open((options_.folder + "/lock").c_str(), O_RDWR | O_CREAT, 0600));
    struct flock lock{};
    lock.l_type = F_WRLCK;
    // An open-file-description lock: it stays through daemonising, and goes with the process whatever ends it.
    if (::fcntl(lock_.get(), F_OFD_SETLK, &lock) < 0)
        return xen::fail(EBUSY, "another xenstored runs in " + options_.folder);
    auto const path = options_.folder + "/socket";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return xen::fail(ENAMETOOLONG, path);
    path.copy(address.sun_path, path.size());
    listener_ = xen::FileDescriptor{::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (!listener_) return xen::fail_errno("socket");
    ::unlink(path.c_str());
    mode_t const mask = ::umask(0177);
    int const bound = ::bind(listener_.get(), reinterpret_cast<sockaddr const*>(&address), sizeof address);
    ::umask(mask);
    if (bound < 0 || ::listen(listener_.get(), 128) < 0) return xen::fail_errno("listen on " + path);
    return watch_file(listener_.get(), &listener_, EPOLLIN);
}

xen::Result<> Daemon::open_host() {
    auto const log_line = [this](std::string_view line) { log(line); };
    if (options_.hypervisor) {
        auto opened = XEN_TRY(Domains::open(log_line));
        domains_ = opened.get();
        host_ = std::move(opened);
        XEN_TRY(watch_file(domains_->fd(), &domains_, EPOLLIN));
    } else {
        host_ = std::make_unique<NoDomains>(log_line);
    }
    new_server();
    return {};
}

void Daemon::new_server() {
    server_ = std::make_unique<store::Server>(*host_, options_.server);
    if (domains_) domains_->set_server(*server_);
}

/// Reads the journal into the server: all of it, or what stands before the first frame that makes no sense.
xen::Result<> Daemon::read_journal(std::string const& path) {
    auto const restore = [&](std::string_view records) { return server_->restore(records); };
    journal_ = std::make_unique<store::Journal>(XEN_TRY(store::Journal::open(path, restore)));
    if (!journal_->complaint().empty()) log(journal_->complaint());
    if (!journal_->was_refused()) return {};
    // Kept for whoever wants to know why; what is written now becomes a new file.
    std::error_code ignored;
    std::filesystem::remove(path + ".bad", ignored);
    std::filesystem::create_hard_link(path, path + ".bad", ignored);
    log(fmt::format("going on with the {} frames before that; the file is kept as {}.bad", journal_->frames(), path));
    auto const good = journal_->frames();
    new_server(); // without the part of that frame which was done
    journal_ = std::make_unique<store::Journal>(XEN_TRY(store::Journal::open(path, restore, good)));
    journal_->retire();
    return {};
}

xen::Result<> Daemon::open_journal() {
    auto const path = options_.folder + "/journal";
    std::error_code ignored;
    if (!options_.recovery) std::filesystem::remove(path, ignored);
    XEN_TRY(read_journal(path));
    if (journal_->was_there()) {
        if (domains_) domains_->resume_all();
        server_->finish_restore();
        log(fmt::format("went on from the journal with {} domains", server_->domains().size()));
    } else {
        server_->populate();
    }
    if (domains_ && options_.domain_init && !server_->find_domain(0)) XEN_TRY(domains_->introduce_domain_zero());
    // Starts with a compact journal; output of the restored watches is sent by the first turn. Where there is no room
    // for it, the journal that was read serves on, as for a save() that fails.
    save_all();
    return {};
}

} // namespace xenstored
