// SPDX-License-Identifier: Apache-2.0
// What the machine asks of guests of every kind.
#include "domain/kind.hpp"
#include "x86/guest/x86_vcpu.hpp"
#include "x86/machine/cpu/guest_hooks.hpp"

#include <algorithm>

namespace px::x86::guest_hooks {

namespace {

bool has_guest() {
    const Vcpu* here = current_or_null();
    return here && !here->is_idle();
}

} // namespace

bool make_cpu(CpuId cpu) {
    return std::ranges::all_of(guest_kinds(), [cpu](const GuestKind* kind) { return kind->make_cpu(cpu); });
}
void start_cpu(CpuId cpu) {
    for (const GuestKind* kind : guest_kinds()) kind->start_cpu(cpu);
}

void save_extended_state() {
    if (has_guest()) guest::current_x86().save_extended_state();
}
void load_extended_state() {
    if (has_guest()) guest::current_x86().load_extended_state();
}

} // namespace px::x86::guest_hooks
