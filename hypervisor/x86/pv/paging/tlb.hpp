// SPDX-License-Identifier: Apache-2.0
// Page tables of paravirtual guests in CR3.
#pragma once

#include "x86/guest/tlb.hpp"
#include "x86/pv/pv_vcpu.hpp"

namespace px::pv {

/// Loads a guest's table (guest::load_top_table); where page tables are isolated, copies of its entries are out of date
/// then.
void load_cr3(Mfn l4);

} // namespace px::pv
