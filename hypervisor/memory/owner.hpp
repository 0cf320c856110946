// SPDX-License-Identifier: Apache-2.0
// What the frame code asks about the domains that own frames. domain/owner.cpp answers.
#pragma once

#include "base/number.hpp"

namespace px {
class Domain;
}

namespace px::owner {

/// Frames of this domain were freed with their last reference. Any context. Nothing happens if there is no such domain.
void frames_left(DomId domain, u64 count);
/// The domain, for tlb::flush_older, if the vCPU on this CPU is one of its own; else null.
[[nodiscard]] const Domain* if_current(DomId domain);

} // namespace px::owner
