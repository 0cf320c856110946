// SPDX-License-Identifier: Apache-2.0
// Interfaces that the tools join to the host's network themselves: bridged, routed or translated.
#pragma once

#include "domain/device.hpp"

namespace domain {

/// The plan behind a script's name: vif-bridge, vif-route and vif-nat are done without a script.
std::optional<VifPlan::Way> native_way(std::string_view script);

/// Sets up the host's end of interfaces of Setup::native, whose back ends must exist, and tells these to connect.
Result<void> join_network(Session&, const std::vector<Device>&);

/// Takes back what does not go with the interface itself.
void leave_network(const std::vector<Device>&);

} // namespace domain
