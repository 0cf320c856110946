// SPDX-License-Identifier: Apache-2.0
// Isolation of page tables (XPTI): guests run on top-level tables that map nearly nothing of the hypervisor, because
// CPUs with Meltdown let ring 3 read under speculation what is mapped for ring 0.
//
// Each CPU has two such tables, for the kernel and the user mode of the guest that runs on it. Their guest slots are
// copies of the vCPU's L4 tables, made on the way to the guest when they may be out of date; everything below level 4
// is shared. In the hypervisor the vCPU's own L4 table is in CR3, as without isolation.
#pragma once

#include "x86/layout.hpp"
#include "x86/pv/paging/page_entry.hpp"
#include "x86/pv/pv_domain.hpp"

namespace px::pv::xpti {

/// What an entry of the vCPU's L4 table becomes in the table that its guest runs on, or nothing. An entry that maps the
/// L4 table itself (linear page tables) maps the copy: through the L4 table the hypervisor's slots could be reached.
/// Pure.
/// @param own   the L4 table
/// @param copy  the table that the entry goes to
constexpr PageEntry isolated_entry(PageEntry entry, unsigned slot, Mfn own, Mfn copy) {
    constexpr unsigned m2p_slot = x86::layout::first_hypervisor_slot;
    if (slot == m2p_slot || slot == x86::layout::per_domain_slot) return entry;
    if (!is_guest_slot(slot)) return {};
    return entry.is_present() && entry.frame() == own ? entry.leading_to(copy) : entry;
}

/// Makes a CPU's tables, before it runs a guest. True also when no domain is isolated; false without memory.
[[nodiscard]] bool create_cpu(CpuId cpu);

/// This CPU's copies may be out of date. Any context, no NMI.
void forget_copies();

/// An entry of an L4 table of the domain has changed: returns when no CPU's guest can use what it was. Interrupts on.
void entry_changed(const PvDomain& owner);

} // namespace px::pv::xpti
