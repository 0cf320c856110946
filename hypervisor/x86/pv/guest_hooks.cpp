// SPDX-License-Identifier: Apache-2.0
// What the machine asks of paravirtual guests.
#include "x86/machine/cpu/guest_hooks.hpp"

#include "x86/pv/trap.hpp"

namespace px::x86::guest_hooks {

namespace {

/// SYSENTER's entry (entry.S), and where it has saved the flags: alone of all ways in it leaves TF as it was.
extern "C" const char px_sysenter[], px_sysenter_flags_saved[];

} // namespace

void handle_exception(Registers& r) { pv::handle_guest_exception(r); }

bool handle_host_fault(Registers& r) {
    if (pv::is_on_way_out(r)) pv::entry_failed(r);
    return pv::handle_hypervisor_fault(r);
}

bool is_saving_flags(const Registers& r) {
    return r.rip >= reinterpret_cast<u64>(px_sysenter) && r.rip < reinterpret_cast<u64>(px_sysenter_flags_saved);
}

} // namespace px::x86::guest_hooks
