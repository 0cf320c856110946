// SPDX-License-Identifier: Apache-2.0
// One process per host that acts when guests stop: on_poweroff, on_reboot, on_crash, on_watchdog.
#pragma once

#include "domain/session.hpp"

#include <string_view>

namespace domain {

/// Makes sure that the host's watcher runs: starts it in the background when nobody holds its lock.
Result<void> ensure_watcher();

/// Whether it lives, by its lock.
bool watcher_runs();

/// Starts it where it does not live and there is something to watch: a guest of ours, or a restart that is to happen.
/// What fails is told to nobody: the command that this is for has done its work.
void ensure_watcher_if_needed(Session&);

/// Watches until the process is told to end, or (with `only`) until that domain is gone for good.
Result<void> watch_domains(Session&, std::optional<DomId> only = {});

/// The watcher's whole life: watches, and begins again when xenstored went away. Logs to standard error.
[[noreturn]] void watch_for_ever();

} // namespace domain
