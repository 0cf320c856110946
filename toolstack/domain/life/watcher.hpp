// SPDX-License-Identifier: Apache-2.0
// One process per host that sees to it that somebody acts when guests stop. It does nothing itself that could take
// long: each action is a process of its own, with a time limit (domain/life/action.hpp).
#pragma once

#include "domain/session.hpp"

#include <cstdint>
#include <string>

namespace domain {

/// Whether the host's watcher lives, by its lock, and answers.
struct WatcherState {
    bool runs = false;
    std::int64_t silent_s = 0; ///< so long ago it showed itself
    int process = 0;
    bool current = true; ///< of this version: another cannot read what these tools keep
};
WatcherState watcher_state();

/// Makes sure that the host's watcher runs: starts it in the background when nobody holds its lock, and in the place of
/// one of another version.
Result<void> ensure_watcher();

/// The same where there is something to watch: a guest of ours, or a restart that is to happen. What fails is told to
/// nobody: the command that this is for has done its work.
void ensure_watcher_if_needed(Session&);

/// Acts on one domain, and on those that come after it by restarts, until it is gone for good.
Result<void> watch_one(Session&, DomId);

/// The watcher's whole life: takes its lock (waiting for another one's end), watches, and begins again when xenstored
/// went away. Logs to standard error.
[[noreturn]] void watch_for_ever();

/// `xl watchd --act WORD`: act() with its failure in the log.
Result<void> act_logged(const std::string& word);

} // namespace domain
