// SPDX-License-Identifier: Apache-2.0
// dom0 from what the boot loader brought.
#pragma once

#include "boot/boot_info.hpp"

namespace px::pv {

/// Makes dom0 from the boot modules; it runs when it is unpaused once. Panics with a clear message when it cannot.
void build_dom0(const BootInfo& boot);

} // namespace px::pv
