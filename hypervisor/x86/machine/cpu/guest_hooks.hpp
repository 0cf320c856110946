// SPDX-License-Identifier: Apache-2.0
// What the machine asks of those who run guests on it. What is about all kinds is answered in x86/guest/hooks.cpp; what
// comes from ring 3, where only paravirtual guests run, in x86/pv/guest_hooks.cpp.
#pragma once

#include "base/percpu.hpp"
#include "x86/registers.hpp"

namespace px::x86::guest_hooks {

/// An exception from guest mode (ring 3; every vector below 32 but NMI and #MC). Called with interrupts off, before
/// anything can change CR2; may enable them. Afterwards the caller goes to px_return_to_guest.
void handle_exception(Registers& r);
/// An exception in ring 0 that guests may explain: something of theirs that is mapped only when it is used. True: try
/// the instruction again. Where it was the instruction that enters a guest, this does not return. Called with
/// interrupts off, BEFORE the fixup table is looked at; CR2 is still the fault's.
[[nodiscard]] bool handle_host_fault(Registers& r);
/// True in an entry from a guest that has not saved the guest's flags yet: the single step in them is the guest's.
[[nodiscard]] bool is_saving_flags(const Registers& r);

/// Before a CPU starts: makes what it needs to run guests. False without memory.
[[nodiscard]] bool make_cpu(CpuId cpu);
/// On a CPU that starts, interrupts off: the ways in from guests.
void start_cpu(CpuId cpu);

/// Puts the extended state of the guest that is on this CPU away, and back: somebody needs the registers in between.
/// Nothing to do where there is no guest.
void save_extended_state();
void load_extended_state();

} // namespace px::x86::guest_hooks
