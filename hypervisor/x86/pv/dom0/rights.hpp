// SPDX-License-Identifier: Apache-2.0
// What hardware dom0 may touch.
#pragma once

#include "x86/pv/pv_domain.hpp"

namespace px::pv::dom0 {

/// All ports, frames and interrupts but those the hypervisor keeps. Errors: NoMemory.
Result<> grant_rights(PvDomain& domain);

} // namespace px::pv::dom0
