// SPDX-License-Identifier: Apache-2.0
// The start of what guests on x86 share.
#include "x86/guest/init.hpp"

#include "x86/guest/fpu.hpp"
#include "x86/guest/policy/cpuid.hpp"

namespace px::guest {

void init() {
    init_fpu();
    init_cpu_policies();
}

} // namespace px::guest
