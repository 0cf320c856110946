// SPDX-License-Identifier: Apache-2.0
// QEMU as a back end: it serves disks whose format the kernel does not know (qcow2, ...). One process for each guest
// that needs it, run as libxl runs it, so that stock tools end ours and we end theirs.
#pragma once

#include "domain/device.hpp"

#include <vector>

namespace domain {

/// Whether QEMU is installed. Errors: it is not.
Result<void> check_device_model();

/// Starts the guest's QEMU if one of the devices needs it and it does not run yet; returns when it serves.
Result<void> ensure_device_model(Session&, const std::vector<Device>&);

/// Whether a guest's QEMU is alive.
bool device_model_runs(Session&, DomId guest);

/// What a guest's QEMU has said, its first line; empty when it is content.
std::string device_model_says(Session&, DomId guest);

/// Ends the QEMU of guests whose devices these were, when none of their devices is left that needs it.
void release_device_model(Session&, const std::vector<Device>& gone);

} // namespace domain
