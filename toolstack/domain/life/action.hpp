// SPDX-License-Identifier: Apache-2.0
// What is done when a guest stops: on_poweroff, on_reboot, on_crash, on_watchdog, on_soft_reset. Each action is a
// process of its own (xl watchd --act WORD), so that one guest's does not delay another's.
#pragma once

#include "domain/life/restart.hpp"

#include <optional>
#include <string_view>

namespace domain {

/// A line with the time on standard error.
void log(std::string_view text);

/// Node below /libxl/ID that says whose actions are ours to do, and one that says why nobody does any more.
inline constexpr std::string_view watcher_mark = "proxenos";
std::string watcher_path(DomId);
std::string given_up_path(DomId);

/// What an action came to.
struct Acted {
    bool ours = true;                 ///< not: another process is at it
    std::optional<config::Uuid> heir; ///< the guest that was made in its place
};

/// Does what is to be done for `word`: a domain's number, or the UUID of a restart that was written down. Only one
/// process does so for one guest at a time; another ends at once. Errors: what failed, for the log; a restart that
/// failed stays written down, with its next try.
Result<Acted> act(Session&, std::string_view word);

/// Whether a domain has stopped in a way that somebody has to act upon.
bool needs_action(const xen::DomainInfo&);

} // namespace domain
