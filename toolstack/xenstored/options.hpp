// SPDX-License-Identifier: Apache-2.0
// The command line of xenstored: stock's options, and --no-domains.
#pragma once

#include <string>

#include "store/core/server.hpp"

namespace xenstored {

struct Options {
    bool domain_init = true; ///< -D: do not connect domain 0
    bool hypervisor = true;  ///< --no-domains: run without one
    bool fork = true;        ///< -N
    bool print_pid = false;  ///< -P
    bool recovery = true;    ///< -R: start with an empty store
    bool verbose = false;    ///< -V
    std::string pid_file;
    std::string trace_file;
    std::string folder; ///< of socket and journal
    store::ServerOptions server;
};

/// Parses the command line; on a mistake (or --help) prints and exits.
[[nodiscard]] Options parse_options(int argc, char** argv);

} // namespace xenstored
