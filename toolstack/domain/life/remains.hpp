// SPDX-License-Identifier: Apache-2.0
// What is left where somebody died at work: half-made guests, half-removed ones, devices that never came up. Found by
// what the dead wrote down (host::Maker), or as nodes of domains that are no more.
#pragma once

#include "config/uuid.hpp"
#include "domain/session.hpp"

#include <string>
#include <vector>

namespace domain {

/// One thing that was mended, or could not be.
struct Mended {
    std::string what; ///< "guest with UUID ...: its creation was cut off: removed"
    Result<void> done;
};

/// Undoes or finishes work whose makers have died: all of it, or that on guests of these UUIDs `only`. Costs next to
/// nothing where there is none. What cannot be mended now is kept for the next one who comes. Work of those who live is
/// left alone.
std::vector<Mended> mend_remains(Session&, const std::vector<config::Uuid>& only = {});

/// The same for one domain, if it is there.
std::vector<Mended> mend_remains_of(Session&, DomId);

/// Whether there is such work.
bool are_remains();

/// Removes the nodes and files of a number that the hypervisor has no domain for.
void sweep_traces(Session&, DomId);

/// Numbers other than 0 that have nodes but no domain.
Result<std::vector<DomId>> stale_domains(Session&);

} // namespace domain
