// SPDX-License-Identifier: Apache-2.0
// Interfaces that the tools join to the host's network themselves: bridged, routed or translated.
#pragma once

#include "domain/device.hpp"
#include "host/link.hpp"

#include <vector>

namespace domain {

/// The plan behind a script's name: vif-bridge, vif-route and vif-nat are done without a script.
std::optional<VifPlan::Way> native_way(std::string_view script);

/// Sets up the host's end of interfaces of Setup::native, whose back ends must exist, and tells these to connect.
Result<void> join_network(Session&, const std::vector<Device>&);

/// Takes back what does not go with an interface itself: translations whose interface xenstore does not have any more,
/// whoever took it away.
void leave_network(Session&);

/// The addresses that a routed interface's ip= names. Errors: one of them is none.
Result<std::vector<host::Address>> route_targets(const VifPlan&);

/// Whether a routed interface needs an IPv4 address of the host: also where it names no address at all, as stock's
/// does.
bool routes_ipv4(const std::vector<host::Address>& targets);

} // namespace domain
