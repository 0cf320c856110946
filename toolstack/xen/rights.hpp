// SPDX-License-Identifier: Apache-2.0
// Rights of a guest on the machine itself: I/O ports, device memory, interrupts (public/domctl.h, physdev.h).
#pragma once

#include "xen/control.hpp"
#include "xen/numbers.hpp"

#include <cstdint>

namespace xen {

[[nodiscard]] Result<> allow_ports(Control const&, DomId, std::uint32_t first, std::uint32_t count);
/// Machine frames.
[[nodiscard]] Result<> allow_frames(Control const&, DomId, std::uint64_t first, std::uint64_t count);
/// Maps a global system interrupt to the same number in the guest, and allows it.
[[nodiscard]] Result<> allow_interrupt(Control const&, DomId, std::uint32_t number);

} // namespace xen
