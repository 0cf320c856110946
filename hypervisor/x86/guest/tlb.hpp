// SPDX-License-Identifier: Apache-2.0
// Translations of guests in TLBs: who may hold them, flushes, and the TLB clock behind memory/tlb.hpp.
#pragma once

#include "base/bitmap.hpp"
#include "domain/domain.hpp"
#include "memory/tlb.hpp"

namespace px::guest {

// Guests' pages are never global, so that loading CR3 removes all their translations.

/// Loads CR3 on this CPU and tells the TLB clock that everything of guests was flushed. For context switches,
/// new base pointers and explicit flushes; the switches between a guest's kernel and user tables need not tell.
void load_top_table(Mfn l4);
/// Flushes this CPU's translations of guests.
void flush_tlb_here();
/// Flushes on the CPUs of the mask, and waits. Interrupts on.
void flush_tlb(const CpuMask& mask);
/// One page on the CPUs of the mask.
void flush_page(const CpuMask& mask, GuestVaddr address);
/// CPU whose TLB may hold translations of the vCPU, and the one where it is on its way to run, into the mask.
void add_dirty_cpus(CpuMask& mask, const Vcpu& vcpu);
/// CPUs whose TLB may hold translations of the domain.
[[nodiscard]] CpuMask dirty_cpus(const Domain& domain);

} // namespace px::guest
