// SPDX-License-Identifier: Apache-2.0
// The pace that front ends need. xenstore has no word by which a guest says that it has forgotten a device, and
// Linux 6.1 takes an end that comes while it connects, or a new device under a number whose old one it still removes,
// for the device that it has: the new one stays without driver, or the driver's thread dies in a BUG and no device of
// that guest changes ever again. So tools that are faster than a guest wait where it matters.
#pragma once

#include "domain/device.hpp"

namespace domain {

constexpr long connect_ms = 2000; ///< how long a front end that has not begun may think before its device is taken away
constexpr long forget_ms = 2000;  ///< how long a guest has to forget a device before its number comes again

/// Before devices are taken away: gives front ends that are on their way to a ready back end the time to arrive. One
/// that does not is no error: it has no driver, or is not running.
Result<void> await_connected(store::Client&, const std::vector<Device>&);

/// Before nodes of devices of one domain are removed: notes when, beside the domain's other nodes.
void note_gone(store::Client&, const std::vector<Device>&);

/// Milliseconds until devices of the same numbers have been gone for forget_ms: not positive when nodes may be written.
/// The caller waits without any lock.
Result<long> until_turn(store::Client&, const std::vector<Device>&);

/// Waits so long. Fails when the user asked to stop.
Result<void> await_turn(store::Client&, long milliseconds);

} // namespace domain
