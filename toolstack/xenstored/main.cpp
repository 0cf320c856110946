// SPDX-License-Identifier: Apache-2.0
// xenstored: starts, tells whoever waits that it is ready, and serves.
#include <fmt/format.h>
#include <unistd.h>

#include "daemon.hpp"
#include "daemon/daemon.hpp"

int main(int argc, char** argv) {
    auto const options = xenstored::parse_options(argc, argv);
    toolstack::Startup startup{options.fork};
    toolstack::spare_from_memory_killer();
    auto daemon = xenstored::Daemon::start(options);
    if (!daemon) {
        fmt::print(stderr, "xenstored: {}\n", daemon.error().message());
        return 1;
    }
    if (options.print_pid) fmt::print("{}\n", ::getpid());
    startup.ready(options.pid_file);
    (*daemon)->run();
    // The journal stays: a daemon started later goes on from it.
    return 0;
}
