// SPDX-License-Identifier: Apache-2.0
// Domains that are no guests: idle, and the owners of the hypervisor's and the devices' frames.
#pragma once

#include "domain/domain.hpp"

namespace px {

/// The domain behind abi::domid_idle, domid_xen or domid_io. Other ids give the idle domain.
/// It has no vCPUs of its own kind and no resources; the idle vCPUs belong to the idle one.
[[nodiscard]] Domain& system_domain(u16 id);
/// The same for foreign frame arguments: null when id is neither domid_xen nor domid_io.
[[nodiscard]] Domain* frame_owner_domain(u16 id);

} // namespace px
