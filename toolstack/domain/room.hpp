// SPDX-License-Identifier: Apache-2.0
// Memory for a new guest, taken from domain 0 where the host has not enough left (xl.conf's autoballoon).
#pragma once

#include "domain/session.hpp"

#include <cstdint>
#include <optional>

namespace domain {

/// Memory of the host in KiB: what nobody has, and what domain 0 may give.
struct Room {
    std::uint64_t free = 0;
    std::uint64_t from_domain_0 = 0; ///< 0 where xl.conf or dom0_mem= forbids it
};

/// How much room there is. Domain 0 keeps what its programs use and 64 MiB more, and never goes below 128 MiB.
Result<Room> room(Session&);

/// What make_room() changed, to be taken back when the creation fails.
struct Borrowed {
    std::uint64_t domain_0_kib = 0; ///< domain 0's target before
};

/// Waits until `kib` are free, after it has told domain 0 to give what is missing. Nothing where enough was free
/// already. Errors: not enough even so, or domain 0 gives nothing for ten seconds; its old target is restored then.
Result<std::optional<Borrowed>> make_room(Session&, std::uint64_t kib);

/// Gives domain 0 its target back.
void give_back(Session&, const Borrowed&);

} // namespace domain
