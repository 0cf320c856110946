// SPDX-License-Identifier: Apache-2.0
// The start of what guests on x86 need: what they share, and their kinds.
#pragma once

namespace px::guest {

/// Boot CPU, after set_guest_kinds: extended state, CPU policies, then each kind's own start, here and for this CPU.
void init();

} // namespace px::guest
