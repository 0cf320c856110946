// SPDX-License-Identifier: Apache-2.0
// Page tables of paravirtual guests in CR3.
#include "x86/pv/paging/tlb.hpp"

#include "x86/pv/xpti/xpti.hpp"

namespace px::pv {

void load_cr3(Mfn l4) {
    xpti::forget_copies();
    load_top_table(l4);
}

void PvDomain::flush_tlb() { guest::flush_tlb(dirty_cpus(*this)); }

} // namespace px::pv
