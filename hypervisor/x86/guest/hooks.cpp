// SPDX-License-Identifier: Apache-2.0
// What the machine asks of guests of every kind.
#include "x86/guest/x86_vcpu.hpp"
#include "x86/machine/cpu/guest_hooks.hpp"

namespace px::x86::guest_hooks {

namespace {

bool has_guest() {
    const Vcpu* here = current_or_null();
    return here && !here->is_idle();
}

} // namespace

void save_extended_state() {
    if (has_guest()) guest::current_x86().save_extended_state();
}
void load_extended_state() {
    if (has_guest()) guest::current_x86().load_extended_state();
}

} // namespace px::x86::guest_hooks
