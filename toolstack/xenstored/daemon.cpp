// SPDX-License-Identifier: Apache-2.0
// The turn of the loop.
#include "daemon.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

namespace xenstored {

namespace {

/// A message and what a client may have sent after it; more stays in the socket.
constexpr std::size_t input_room = 2 * (sizeof(store::Header) + store::payload_max);

/// Requests that a client of the socket may have handled in one turn, in rounds: tools send many at once, and a turn's
/// end (journal, replies, a look for others) costs as much as several of them. Domains have one.
constexpr int socket_rounds = 48;

/// How soon something is tried again that failed for want of room or descriptors.
constexpr std::chrono::milliseconds retry_period{100};

} // namespace

void Daemon::log(std::string_view line) {
    if (!trace_) return syslog(LOG_NOTICE, "%.*s", static_cast<int>(line.size()), line.data());
    auto const text = fmt::format("{:%F %T} {}\n", fmt::localtime(std::time(nullptr)), line);
    (void)!::write(trace_.get(), text.data(), text.size());
}

void Daemon::run() {
    while (!stopping_) {
        wait();
        handle_ready();
        save();
        publish();
        reap();
    }
}

void Daemon::wait() {
    std::array<epoll_event, 64> events;
    int const count = ::epoll_wait(epoll_.get(), events.data(), events.size(), timeout());
    if (!is_listening_) listen(true);
    if (std::exchange(is_deaf_to_domains_, false)) set_interest(domains_->fd(), &domains_, EPOLLIN);
    if (domains_) domains_->retry();
    for (int i = 0; i < count; ++i) {
        void* const tag = events[static_cast<std::size_t>(i)].data.ptr;
        if (tag == &listener_) accept_clients();
        else if (tag == &signals_) stopping_ |= take_signal();
        else if (tag == &domains_) take_domain_events();
        else {
            auto& socket = *static_cast<Socket*>(tag);
            auto const what = events[static_cast<std::size_t>(i)].events;
            if ((what & EPOLLOUT) && !socket.is_broken) send(socket);
            if (what & (EPOLLIN | EPOLLHUP | EPOLLERR)) receive(socket);
        }
    }
}

/// Milliseconds to wait for events; -1 for ever.
int Daemon::timeout() const {
    if (!ready_sockets_.empty() || !ready_domains_.empty() || !server_->busy().empty()) return 0;
    if (journal_failed_ || !is_listening_ || is_deaf_to_domains_) return static_cast<int>(retry_period.count());
    return domains_ ? domains_->retry_in() : -1;
}

/// Without descriptors the listener would stay readable, and each turn would find that out again: it is left out until
/// one may be free. Clients wait in its queue meanwhile.
void Daemon::listen(bool whether) {
    if (std::exchange(is_listening_, whether) == whether) return;
    set_interest(listener_.get(), &listener_, whether ? EPOLLIN : 0u);
}

void Daemon::set_interest(int fd, void* tag, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = tag;
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
}

/// A device that fails stays readable: it is left alone for a while.
void Daemon::take_domain_events() {
    auto const taken = domains_->take_events([&](Channel& channel) { make_ready(channel); });
    if (taken) return;
    log(taken.error().message());
    is_deaf_to_domains_ = true;
    set_interest(domains_->fd(), &domains_, 0);
}

void Daemon::accept_clients() {
    for (int budget = 16; budget > 0; --budget) {
        xen::FileDescriptor file{::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
        if (!file) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
                if (!std::exchange(told_of_files_, true))
                    log(fmt::format("{} clients, and no descriptor for another one: it waits", sockets_.size()));
                listen(false);
            }
            return;
        }
        auto socket = std::make_unique<Socket>();
        socket->file = std::move(file);
        Socket* const opened = socket.get();
        if (!watch_file(opened->file.get(), opened, EPOLLIN)) continue;
        opened->connection = &server_->open_socket();
        opened->connection->transport = opened;
        sockets_.emplace(opened, std::move(socket));
    }
}

bool Daemon::take_signal() {
    signalfd_siginfo info{};
    if (::read(signals_.get(), &info, sizeof info) != sizeof info) return false;
    log(fmt::format("stopping on signal {}", info.ssi_signo));
    return true;
}

void Daemon::receive(Socket& socket) {
    std::string& input = socket.connection->input;
    if (input.size() < input_room && !socket.is_broken) {
        std::size_t const have = input.size();
        std::array<char, input_room> buffer;
        ssize_t const got = ::recv(socket.file.get(), buffer.data(), input_room - have, 0);
        if (got > 0) input.append(buffer.data(), static_cast<std::size_t>(got));
        else if (got == 0 || (errno != EAGAIN && errno != EINTR)) socket.is_at_end = true;
    }
    make_ready(socket);
}

void Daemon::make_ready(Socket& socket) {
    if (!std::exchange(socket.is_ready, true)) ready_sockets_.push_back(&socket);
}

void Daemon::make_ready(Channel& channel) {
    if (!std::exchange(channel.is_ready, true)) ready_domains_.push_back(channel.domain.domid);
}

void Daemon::handle_sockets() {
    handling_sockets_.swap(ready_sockets_);
    for (Socket* const socket : handling_sockets_) {
        socket->is_ready = false;
        if (!socket->is_broken) handle_socket(*socket);
    }
    handling_sockets_.clear();
}

void Daemon::handle_ready() {
    for (int round = 0; round < socket_rounds && !ready_sockets_.empty(); ++round) handle_sockets();
    handling_domains_.swap(ready_domains_);
    for (auto const domid : handling_domains_)
        if (Channel* const channel = domains_->find(domid)) { // it may have died meanwhile
            channel->is_ready = false;
            handle_domain(*channel);
        }
    handling_domains_.clear();
}

void Daemon::handle_socket(Socket& socket) {
    store::Connection& connection = *socket.connection;
    if (!server_->may_handle(connection)) return update_interest(socket); // send() makes it ready again
    store::Frame frame;
    auto state = store::parse_frame(connection.input, frame);
    if (state == store::FrameState::Complete) {
        server_->handle(connection, frame.header, frame.payload);
        connection.input.erase(0, sizeof(store::Header) + frame.header.len);
        state = store::parse_frame(connection.input, frame);
        if (state == store::FrameState::Complete) make_ready(socket);
    }
    if (state == store::FrameState::TooLong) {
        log("a client of the socket sent an overlong message: closed");
        return close(socket);
    }
    // Also where no event will come: there may be more than fitted in.
    if (state == store::FrameState::Incomplete && socket.is_deaf && !socket.is_at_end) receive(socket);
    if (state == store::FrameState::Incomplete && socket.is_at_end) finish(socket);
}

/// All that it sent is done. A client that only ended its own sending still gets its replies.
void Daemon::finish(Socket& socket) {
    if (socket.connection->pending().empty() || socket.is_deaf) close(socket);
    else update_interest(socket);
}

void Daemon::handle_domain(Channel& channel) {
    store::Domain& domain = channel.domain;
    if (channel.ring.wants_reset()) {
        server_->reset_connection(domain);
        channel.is_restarting = true; // in the page only when the journal knows of it: publish()
    }
    // Also where nothing is taken: the domain may have made room for output.
    if (!std::exchange(domain.connection->is_busy, true)) server_->busy().push_back(domain.connection.get());
    if (channel.is_restarting) return;
    if (!server_->may_handle(*domain.connection)) return; // goes on when the domain takes its replies
    switch (channel.ring.pull(*server_, domain)) {
    case store::Ring::Pulled::Nothing: return;
    case store::Ring::Pulled::Violation:
        log(fmt::format("domain {} violated the protocol: ignored from now on", domain.domid));
        domains_->notify(channel);
        return;
    case store::Ring::Pulled::Message: break;
    }
    std::string const message = std::exchange(domain.connection->input, {});
    store::Frame frame;
    if (store::parse_frame(message, frame) != store::FrameState::Complete) return;
    server_->handle(*domain.connection, frame.header, frame.payload);
    make_ready(channel);
}

/// What this turn changed goes to the journal before anybody hears of it.
void Daemon::save() {
    for (store::Connection* const connection : server_->busy())
        if (connection->kind == store::Connection::Kind::Ring)
            server_->log_ring(*server_->find_domain(connection->who.domid));
    std::string& records = server_->log();
    if (records.empty() && !journal_failed_) return;
    if (journal_failed_) {
        if (std::chrono::steady_clock::now() >= next_try_) save_all();
    } else if (journal_->wants_rewrite()) {
        save_all();
    } else if (auto const done = journal_->append(records); !done) {
        settle_journal(done);
    }
    records.clear();
    if (records.capacity() > (1u << 20)) records.shrink_to_fit();
}

/// Writes the whole state. Where there is no room for a second file, the old one may still take what is new.
void Daemon::save_all() {
    snapshot_.clear();
    server_->snapshot(snapshot_);
    auto done = journal_->rewrite(snapshot_);
    if (!done && !journal_failed_ && !journal_->must_rewrite()) {
        auto const& records = server_->log();
        if (auto const appended = records.empty() ? xen::Result<>{} : journal_->append(records); appended)
            done = appended;
    }
    server_->log().clear();
    if (snapshot_.capacity() > (1u << 20)) snapshot_ = {};
    settle_journal(done);
}

void Daemon::settle_journal(xen::Result<> const& done) {
    if (!done && !journal_failed_)
        log(fmt::format("{}: going on, but a restart now would lose changes", done.error().message()));
    if (done && journal_failed_) log("the journal works again");
    journal_failed_ = !done;
    next_try_ = std::chrono::steady_clock::now() + retry_period;
}

void Daemon::publish() {
    auto busy = std::exchange(server_->busy(), {});
    for (store::Connection* const connection : busy) {
        connection->is_busy = false;
        if (connection->kind == store::Connection::Kind::Socket) {
            send(*static_cast<Socket*>(connection->transport));
        } else if (auto* const channel = static_cast<Channel*>(connection->transport)) {
            if (std::exchange(channel->is_restarting, false)) {
                channel->ring.restart(channel->domain);
                domains_->notify(*channel);
            }
            auto const pushed = channel->ring.push(channel->domain);
            if (pushed.notify) domains_->notify(*channel);
            // A domain that was not listened to goes on as soon as its replies are in the ring.
            bool const waited = std::exchange(channel->is_waiting, false);
            if (server_->may_handle(*connection)) {
                if (pushed.more || waited) make_ready(*channel);
            } else {
                channel->is_waiting = true;
            }
        }
    }
    // Keeps the vector's memory for the next turn.
    if (server_->busy().empty()) {
        busy.clear();
        server_->busy().swap(busy);
    }
}

void Daemon::send(Socket& socket) {
    if (socket.is_broken) return;
    store::Connection& connection = *socket.connection;
    auto const bytes = connection.pending();
    if (!bytes.empty()) {
        ssize_t const count = socket.is_deaf
                                  ? static_cast<ssize_t>(bytes.size())
                                  : ::send(socket.file.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count > 0) connection.taken(static_cast<std::size_t>(count));
        if (count < 0 && errno != EAGAIN && errno != EINTR) { // it has gone; what it sent before is done all the same
            socket.is_deaf = true;
            connection.taken(bytes.size());
            make_ready(socket);
        }
    }
    if (socket.is_at_end) make_ready(socket); // for what it sent before
    update_interest(socket);
}

/// Waits for room while output is left; does not listen to a client that does not read.
void Daemon::update_interest(Socket& socket) {
    bool const output = !socket.connection->pending().empty();
    bool const input =
        server_->may_handle(*socket.connection) && socket.connection->input.size() < input_room && !socket.is_at_end;
    if (output == socket.wants_output && input == socket.wants_input) return;
    if (input && !socket.wants_input) make_ready(socket);
    socket.wants_output = output;
    socket.wants_input = input;
    set_interest(socket.file.get(), &socket, (input ? EPOLLIN : 0u) | (output ? EPOLLOUT : 0u));
}

/// Marks only: lists of this turn may still name it. reap() frees it.
void Daemon::close(Socket& socket) {
    if (std::exchange(socket.is_broken, true)) return;
    broken_sockets_.push_back(&socket);
}

void Daemon::reap() {
    if (broken_sockets_.empty()) return;
    for (Socket* const socket : broken_sockets_) {
        std::erase(ready_sockets_, socket);
        server_->close_socket(*socket->connection);
        sockets_.erase(socket);
    }
    broken_sockets_.clear();
    listen(true);
}

} // namespace xenstored
