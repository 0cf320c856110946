// SPDX-License-Identifier: Apache-2.0
// xenconsoled: starts and serves.
#include <fmt/format.h>

#include "daemon.hpp"
#include "daemon/daemon.hpp"

int main(int argc, char** argv) {
    auto const options = xenconsoled::parse_options(argc, argv);
    toolstack::Startup startup{options.fork};
    toolstack::raise_file_limit(65536); // two for each guest
    toolstack::spare_from_memory_killer();
    auto daemon = xenconsoled::Daemon::start(options);
    if (!daemon) {
        fmt::print(stderr, "xenconsoled: {}\n", daemon.error().message());
        return 1;
    }
    startup.ready(options.pid_file);
    (*daemon)->run();
    return 0;
}
