// SPDX-License-Identifier: Apache-2.0
// Hotplug scripts: started together, waited for, bounded in time.
#pragma once

#include "domain/device.hpp"

#include <vector>

namespace domain {

/// Runs the scripts of all devices side by side: "add" and "online" with `up`, else "remove" and "offline". An error names
/// the device and what the script left in hotplug-error.
Result<void> run_scripts(Session&, const std::vector<Device>&, bool up);

} // namespace domain
