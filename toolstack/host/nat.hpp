// SPDX-License-Identifier: Apache-2.0
// Address translation for guests: what they send leaves this host under its own address.
#pragma once

#include "host/link.hpp"

namespace host {

/// Translates what `guest` sends out of this host, or (with a name) out of one of its interfaces. Twice is no error.
/// The rules are in a table of our own, which nothing else is in.
toolstack::Result<void> translate(const Address& guest, const std::string& out_interface);

/// Ends it; the table goes with its last guest. Never having begun is no error.
void stop_translating(const Address& guest, const std::string& out_interface);

/// The commands of both, for nft(8).
std::string translate_commands(const Address& guest, const std::string& out_interface);
std::string stop_commands(const Address& guest, const std::string& out_interface);

} // namespace host
