// SPDX-License-Identifier: Apache-2.0
// Address translation for guests: what they send leaves this host under its own address.
#pragma once

#include "host/link.hpp"

#include <vector>

namespace host {

/// What `guest` (IPv4) sends leaves this host, or (with a name) one of its interfaces, under the address of that.
struct Translation {
    Address guest;
    std::string out_interface;
};

/// Whether set_translations() has left anything on this host that an empty list would take away.
bool translating();

/// Makes these all the translations that there are, in one step; with the first comes forwarding, and with the last all
/// goes, also forwarding if it was off before. The rules are in a table of our own, which nothing else is in. Callers
/// keep each other out by a lock.
toolstack::Result<void> set_translations(const std::vector<Translation>& all);

/// The commands for it, for nft(8).
std::string translation_commands(const std::vector<Translation>& all);

} // namespace host
