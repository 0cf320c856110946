// SPDX-License-Identifier: Apache-2.0
// Becoming a daemon.
#include "daemon/daemon.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <fmt/format.h>
#include <string_view>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace toolstack {

namespace {

void notify_service_manager() {
    char const* const path = std::getenv("NOTIFY_SOCKET");
    if (!path || !*path) return;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::string_view const name{path};
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
        fmt::print(stderr, "cannot write the process id to {}\n", path);
    }
}

} // namespace

Startup::Startup(bool fork) {
    if (!fork) return;
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0) std::exit(1);
    pid_t const child = ::fork();
    if (child < 0) std::exit(1);
    if (child > 0) {
        ::close(ends[1]);
        char ready = 0;
        _exit(::read(ends[0], &ready, 1) == 1 ? 0 : 1);
    }
    ::close(ends[0]);
    parent_ = xen::FileDescriptor{ends[1]};
    ::setsid();
    if (::chdir("/") < 0) std::exit(1);
}

void Startup::ready(std::string const& pid_file) {
    write_pid(pid_file);
    notify_service_manager();
    if (!parent_) return;
    std::fflush(nullptr);
    xen::FileDescriptor const null{::open("/dev/null", O_RDWR | O_CLOEXEC)};
    for (int fd = 0; fd < 3; ++fd) ::dup2(null.get(), fd);
    char const ready = 1;
    (void)!::write(parent_.get(), &ready, 1);
    parent_.reset();
}

void raise_file_limit(std::uint64_t wanted) {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted) return;
    rlimit const raised{wanted, std::max<rlim_t>(limit.rlim_max, wanted)};
    if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) return;
    limit.rlim_cur = limit.rlim_max; // the most without privilege
    (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

void spare_from_memory_killer() {
    xen::FileDescriptor const file{::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC)};
    (void)!::write(file.get(), "-1000", 5);
}

} // namespace toolstack
