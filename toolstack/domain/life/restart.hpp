// SPDX-License-Identifier: Apache-2.0
// A guest that is to be made again: written down before its old domain goes, so that it comes back, with its
// configuration, whoever dies meanwhile.
#pragma once

#include "config/uuid.hpp"
#include "domain/stored_config.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace domain {

/// One restart that is to happen. Kept in /run/xen/restarts, by UUID, as JSON with a version: it ends with the host's
/// uptime, as guests do.
struct Restart {
    config::Uuid uuid; ///< of the guest to be made
    DomId old;         ///< its old domain
    std::string name;
    Kept kept; ///< what to make; `quick` counts the stop that this answers
};

/// The file's text, and back. Errors: it is none.
std::string print(const Restart&);
Result<Restart> parse_restart(std::string_view text);

/// Those written down; what cannot be read is left out.
std::vector<Restart> restarts();
/// Writes one down: after a crash the file is there whole, or not at all.
Result<void> save(const Restart&);
void forget(const Restart&);

/// Calls off the restart of a guest, by its name, its UUID or its old domain's number; gives whether there was one.
bool call_off(std::string_view name_uuid_or_id);

/// Seconds to wait after so many failures: 2, 4, 8, ... and at most five minutes.
std::int64_t backoff(unsigned failures);

} // namespace domain
