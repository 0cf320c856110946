// SPDX-License-Identifier: Apache-2.0
// Command lines of the daemons: a table of options, read by getopt_long as the stock daemons do.
#pragma once

#include <functional>
#include <span>
#include <string>

#include "base/failure.hpp"

namespace toolstack {

/// One option of a daemon.
struct DaemonOption {
    char letter;       ///< of its short form, 0: none
    char const* name;  ///< of its long form
    char const* value; ///< what its value is called in the help; null: it takes none
    std::string help;
    /// Takes the value (empty for an option without); false: it is none that this option has.
    std::function<bool(std::string const&)> set;
};

/// What a daemon says of itself beside its options.
struct DaemonProgram {
    char const* name;
    char const* summary;
    char help_letter;    ///< short form of --help
    char version_letter; ///< short form of --version, 0: none
};

/// Hands every option of the command line to its setter. Gives the text that --help or --version asks for (the daemon
/// prints it and ends well), empty if none did; fails at the first mistake.
[[nodiscard]] Result<std::string> read_command_line(DaemonProgram const& program, std::span<DaemonOption const> options,
                                                    int argc, char** argv);

/// The same for a main function: prints what there is to print, and exits unless the daemon is to start.
void take_command_line(DaemonProgram const& program, std::span<DaemonOption const> options, int argc, char** argv);

} // namespace toolstack
