// SPDX-License-Identifier: Apache-2.0
// The steps by which devices go.
#pragma once

#include "domain/device.hpp"

#include <vector>

namespace domain {

/// Tells the back ends that exist to close; with `force` the front ends are removed at once. Gives those that will
/// answer.
std::vector<Device> ask_to_close(Session&, store::Client&, const std::vector<Device>&, bool force);

/// Waits until their back ends are closed; gives one that is not in time, or null.
Result<const Device*> await_closing(store::Client&, const std::vector<Device>&);

/// Removes all nodes of a device, and those above that became empty.
void remove_nodes(store::Client&, const Device&);

/// What stays of them in domain 0 when their nodes are gone: translations, QEMU, loop devices.
void release_host_side(Session&, const std::vector<Device>&);

} // namespace domain
