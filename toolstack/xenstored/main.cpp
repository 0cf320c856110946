// SPDX-License-Identifier: Apache-2.0
// xenstored: starts, tells whoever waits that it is ready, and serves.
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon.hpp"

namespace {

/// Forks; the parent waits until the daemon is ready, and exits as it says. Returns the pipe to say so.
int become_daemon() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0) std::exit(1);
    pid_t const child = ::fork();
    if (child < 0) std::exit(1);
    if (child > 0) {
        ::close(ends[1]);
        char ready = 0;
        _exit(::read(ends[0], &ready, 1) == 1 ? 0 : 1);
    }
    ::setsid();
    if (::chdir("/") < 0) std::exit(1);
    return ends[1];
}

/// Tells systemd (Type=notify) that the daemon serves.
void notify_service_manager() {
    char const* const path = std::getenv("NOTIFY_SOCKET");
    if (!path || !*path) return;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::string_view name{path};
    if (name.size() >= sizeof address.sun_path) return;
    name.copy(address.sun_path, name.size());
    if (name.front() == '@') address.sun_path[0] = '\0';
    xen::FileDescriptor const file{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    constexpr std::string_view ready = "READY=1";
    (void)::sendto(file.get(), ready.data(), ready.size(), 0, reinterpret_cast<sockaddr const*>(&address),
                   static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size()));
}

void write_pid(std::string const& path) {
    if (path.empty()) return;
    if (std::FILE* const file = std::fopen(path.c_str(), "we")) {
        fmt::print(file, "{}\n", ::getpid());
        std::fclose(file);
    } else {
        fmt::print(stderr, "xenstored: cannot write {}\n", path);
    }
}

/// The terminal is given up only now, so that errors of the start were seen.
void leave_terminal() {
    int const null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd < 3; ++fd) ::dup2(null, fd);
}

}  // namespace

int main(int argc, char** argv) {
    auto const options = xenstored::parse_options(argc, argv);
    int const parent = options.fork ? become_daemon() : -1;
    auto daemon = xenstored::Daemon::start(options);
    if (!daemon) {
        fmt::print(stderr, "xenstored: {}\n", daemon.error().message());
        return 1;
    }
    write_pid(options.pid_file);
    if (options.print_pid) {
        fmt::print("{}\n", ::getpid());
        std::fflush(stdout);
    }
    notify_service_manager();
    if (options.fork) {
        leave_terminal();
        char const ready = 1;
        (void)!::write(parent, &ready, 1);
        ::close(parent);
    }
    (*daemon)->run();
    // The journal stays: a daemon started later goes on from it.
    return 0;
}
