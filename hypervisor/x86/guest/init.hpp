// SPDX-License-Identifier: Apache-2.0
// The start of what guests on x86 share.
#pragma once

namespace px::guest {

/// Boot CPU, before any guest kind's own start: extended state, CPU policies.
void init();

} // namespace px::guest
