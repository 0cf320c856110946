// SPDX-License-Identifier: Apache-2.0
// The start of what guests on x86 need.
#include "x86/guest/init.hpp"

#include "base/panic.hpp"
#include "domain/kind.hpp"
#include "x86/guest/fpu.hpp"
#include "x86/guest/policy/cpuid.hpp"
#include "x86/machine/cpu/guest_hooks.hpp"

namespace px::guest {

void init() {
    init_fpu();
    init_cpu_policies();
    for (const GuestKind* kind : guest_kinds()) kind->init();
    if (!x86::guest_hooks::make_cpu(CpuId(0))) panic("not enough memory for the boot CPU's part of guests");
    x86::guest_hooks::start_cpu(CpuId(0));
}

} // namespace px::guest
