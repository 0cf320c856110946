// SPDX-License-Identifier: Apache-2.0
// The event loop of xenstored: sockets and rings in, requests to the server, journal, replies out.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <vector>

#include "domains.hpp"
#include "options.hpp"
#include "store/core/journal.hpp"
#include "store/core/server.hpp"
#include "xen/handle.hpp"

namespace xenstored {

/// A client of the unix socket.
struct Socket {
    xen::FileDescriptor file;
    store::Connection* connection = nullptr;
    bool is_ready = false; ///< in the list of those with work
    bool wants_output = false;
    bool wants_input = true;
    bool is_broken = false;
    bool is_at_end = false; ///< the client sends nothing more: what it sent is done, then the socket closed
    bool is_deaf = false;   ///< and takes nothing more: its replies are dropped
};

/// One turn of the loop: wait, take at most one request from each domain that has one and a few from each client of the
/// socket, write the journal, and only then send what the turn produced. So nobody starves, and nothing is acknowledged
/// before it is safe from SIGKILL.
class Daemon {
  public:
    /// Opens all, and goes on from a former daemon's journal if there is one.
    [[nodiscard]] static xen::Result<std::unique_ptr<Daemon>> start(Options const& options);
    /// Runs until SIGTERM or SIGINT.
    void run();
    void log(std::string_view line);

  private:
    explicit Daemon(Options const& options);
    xen::Result<> open_host();
    void new_server();
    xen::Result<> read_journal(std::string const& path);
    xen::Result<> open_journal();
    xen::Result<> open_socket();
    xen::Result<> open_signals();
    xen::Result<> watch_file(int fd, void* tag, std::uint32_t events);

    void wait();
    [[nodiscard]] int timeout() const;
    void accept_clients();
    void listen(bool whether);
    void set_interest(int fd, void* tag, std::uint32_t events);
    void take_domain_events();
    bool take_signal();
    void receive(Socket& socket);
    void handle_socket(Socket& socket);
    void finish(Socket& socket);
    void handle_domain(Channel& channel);
    void make_ready(Socket& socket);
    void make_ready(Channel& channel);
    void handle_ready();
    void handle_sockets();
    void save();
    void save_all();
    void settle_journal(xen::Result<> const& done);
    void publish();
    void send(Socket& socket);
    void update_interest(Socket& socket);
    void close(Socket& socket);
    void reap();

    Options options_;
    xen::FileDescriptor trace_;
    std::unique_ptr<store::DomainHost> host_;
    Domains* domains_ = nullptr; // host_, where there is a hypervisor
    std::unique_ptr<store::Server> server_;
    std::unique_ptr<store::Journal> journal_;
    bool journal_failed_ = false;
    std::chrono::steady_clock::time_point next_try_{}; ///< of a journal that failed
    bool is_listening_ = true;                         ///< not while there are no descriptors for more clients
    std::string snapshot_;
    xen::FileDescriptor epoll_, lock_, listener_, signals_;
    std::map<Socket*, std::unique_ptr<Socket>> sockets_;
    std::vector<Socket*> ready_sockets_, handling_sockets_, broken_sockets_;
    std::vector<abi::domid_t> ready_domains_, handling_domains_;
    bool is_deaf_to_domains_ = false; ///< for a moment, since their events cannot be taken
    bool told_of_files_ = false;
    bool stopping_ = false;
};

} // namespace xenstored
