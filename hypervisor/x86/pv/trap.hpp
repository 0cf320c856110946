// SPDX-License-Identifier: Apache-2.0
// Exceptions that concern paravirtual guests: from guest mode, and those the hypervisor takes on a guest's behalf.
#pragma once

#include "x86/arch/exception.hpp"
#include "x86/pv/pv_vcpu.hpp"

namespace px::pv {

/// An exception from ring 3 (every vector below 32 but NMI and #MC). Called with interrupts off, before anything can
/// change CR2; may enable them. Afterwards the caller goes to px_return_to_guest.
void handle_guest_exception(x86::Registers& r);

/// True if an exception in ring 0 came after the last look before a guest runs (x86/way_out.hpp).
[[nodiscard]] bool is_on_way_out(const x86::Registers& r);
/// That: the IRET that enters the guest has faulted. Maps what it needs, or tells the guest, then starts the way out
/// anew. The frame is of ring 0; interrupts are off, and CR2 is still the fault's.
[[noreturn]] void entry_failed(const x86::Registers& nested);

/// Any other exception in ring 0 that a lazily mapped guest area may explain (LDT). True: try the instruction again.
/// Called with interrupts off, BEFORE the fixup table is looked at.
bool handle_hypervisor_fault(x86::Registers& r);

// -- memory management's part (descriptor.cpp, pagetable*.cpp) --

/// #PF of the guest kernel, a write to a present page: if it hits a page table through a plain mapping, emulates the
/// instruction with the page-type rules and moves r on. False: not one of those. Interrupts on.
bool emulate_page_table_write(PvVcpu& vcpu, x86::Registers& r, GuestVaddr address, x86::PageFaultCode code);
/// A supervisor access to an LDT page of the per-domain area that is not mapped yet: maps it if the guest's LDT has it.
/// Interrupts may be off, and are on for a while. False: no such page.
bool map_descriptor_page(PvVcpu& vcpu, Vaddr address);
/// #PF with this address and error code: true if it was such an access and the page is mapped now.
bool resolve_descriptor_fault(PvVcpu& vcpu, Vaddr address, x86::PageFaultCode code);

// -- emulation (emulate*.cpp) --

/// #GP of a privileged instruction: emulates it if the guest may. False: the guest gets the #GP.
bool emulate_privileged(PvVcpu& vcpu, x86::Registers& r);
/// #UD: ud2 with the forced-emulation prefix before CPUID. False: the guest gets the #UD.
bool emulate_forced(PvVcpu& vcpu, x86::Registers& r);

} // namespace px::pv
