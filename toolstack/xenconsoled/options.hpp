// SPDX-License-Identifier: Apache-2.0
// The command line of xenconsoled: stock's options, and the size at which logs are rotated.
#pragma once

#include <cstdint>
#include <string>

namespace xenconsoled {

struct Options {
    bool fork = true; ///< -i
    bool verbose = false;
    bool log_guests = false;
    bool log_hypervisor = false;
    bool stamp_guests = false; ///< a time before each line
    bool stamp_hypervisor = false;
    bool keep_overflow = false; ///< keep the oldest output nobody read, not the newest
    bool replace_escape = false;
    std::uint64_t log_size = 10u << 20; ///< bytes of a log file before it is rotated; 0 = never
    std::string log_folder = "/var/log/xen/console";
    std::string pid_file;
};

/// Parses the command line; on a mistake (or --help) prints and exits.
[[nodiscard]] Options parse_options(int argc, char** argv);

} // namespace xenconsoled
