// SPDX-License-Identifier: Apache-2.0
// Hotplug scripts: what sets up the host's side of a device where the user has chosen one (block-iscsi,
// vif-openvswitch, ...).
#pragma once

#include "domain/device.hpp"

namespace domain {

/// Runs the scripts of all devices of Setup::script side by side, to set up or to clean up, with the arguments and the
/// environment that stock tools give. A failed script is an error that carries what it left in xenstore; all are waited
/// for.
Result<void> run_scripts(Session&, const std::vector<Device>&, bool up);

} // namespace domain
