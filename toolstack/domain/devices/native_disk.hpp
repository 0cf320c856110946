// SPDX-License-Identifier: Apache-2.0
// Disks that the tools set up themselves: sharing, loop devices, and the kernel's back end.
#pragma once

#include "domain/device.hpp"
#include "host/loop.hpp"

#include <vector>

namespace domain {

/// Opens what disks of Setup::native show, behind loop devices where it is a file, and adds the nodes that say so to
/// their nodes. `held` keeps the loop devices until the back ends have opened them.
Result<void> open_disks(std::vector<Device>&, std::vector<host::Loop>& held);

/// Waits until the kernel's back ends have opened the disks of Setup::native. Errors carry what the back end says.
Result<void> await_opened(Session&, const std::vector<Device>&);

/// Waits (not for ever) until the kernel's back ends of these disks are gone, and with them their loop devices.
void await_closed(const std::vector<Device>&);

} // namespace domain
