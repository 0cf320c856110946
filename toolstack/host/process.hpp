// SPDX-License-Identifier: Apache-2.0
// Other programs that the tools run: hotplug scripts, nft, QEMU.
#pragma once

#include "base/failure.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace host {

using toolstack::fail;
using toolstack::Result;

/// Milliseconds of the monotonic clock.
long now_ms();

/// Our environment without the variables that begin with one of these, for who sets them anew.
std::vector<std::string> environment_without(const std::vector<std::string_view>& prefixes);

/// A program to start. Descriptors other than 0, 1 and 2 are not passed on.
struct Program {
    std::vector<std::string> words;       ///< path (or a name searched in PATH) and arguments
    std::vector<std::string> environment; ///< "NAME=value"; empty: as ours
    int input = -1;                       ///< descriptor that becomes its standard input; -1: /dev/null
    int output = 2;           ///< what becomes its standard output: our errors, so that our output stays clean
    int errors = 2;           ///< what becomes its standard error
    bool own_session = false; ///< it outlives us, and Ctrl-C does not reach it
};

/// Starts a program. The caller reaps it with finish(), unless it outlives us.
Result<pid_t> start(const Program&);

/// Waits for a started program; kills it, and its own session, when it is not done at `deadline` (of now_ms()) or when
/// we are asked to stop (StopSignals), and gives nothing then. Otherwise the wait status.
std::optional<int> finish(pid_t, long deadline);

/// Runs a program to its end with `input` on its standard input; gives what it printed on standard output.
/// Errors: it could not be started, failed (its first line of errors is told), or took longer than `limit_ms`.
Result<std::string> run(std::vector<std::string> words, std::string_view input, int limit_ms = 10000);

} // namespace host
