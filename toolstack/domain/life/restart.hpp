// SPDX-License-Identifier: Apache-2.0
// A guest that is to be made again: written down before its old domain goes, so that it comes back whoever dies
// meanwhile.
#pragma once

#include "config/uuid.hpp"
#include "domain/stored_config.hpp"

#include <optional>
#include <string>
#include <vector>

namespace domain {

/// One restart that is to happen. Kept in /run/xen/restarts, by UUID, as JSON with a version: it ends with the host's
/// uptime, as guests do.
struct Restart {
    std::string name;
    config::Uuid uuid;           ///< of the guest to be made
    DomId old;                   ///< its old domain ...
    config::Uuid old_uuid;       ///< ... which is this one only as long as it has this UUID
    std::string renamed;         ///< what the old one is called from now on; empty: it is destroyed
    bool watched = true;         ///< by the host's watcher, or by the one who made it
    Kept kept;                   ///< what to make; `quick` counts the stop that this answers
    unsigned failures = 0;       ///< so often it failed
    std::int64_t not_before = 0; ///< next try, in boot_seconds()
    std::string error;           ///< of the last try
};

std::string print(const Restart&);
Result<Restart> parse_restart(std::string_view text);

/// Those written down; what cannot be read is left out.
std::vector<Restart> restarts();
std::optional<Restart> find_restart(const config::Uuid&);
/// That of a domain that stopped, or of one that was made by it and stopped again.
std::optional<Restart> restart_of(DomId, const config::Uuid&);

Result<void> save(const Restart&);
void forget(const Restart&);

/// Calls off the restart of a guest, by its name, its UUID or its old domain's number; gives whether there was one.
bool call_off(std::string_view name_uuid_or_id);

/// Seconds to wait after so many failures: 2, 4, 8, ... and at most five minutes.
std::int64_t backoff(unsigned failures);

/// One line for an administrator: that it waits, for how long, and why.
std::string describe(const Restart&);

} // namespace domain
