// SPDX-License-Identifier: Apache-2.0
// Dom0's first page tables: plain entries in its own frames; the page-type rules check them when they are loaded.
#pragma once

#include "x86/guest/load/guest_memory.hpp"
#include "x86/pv/dom0/layout.hpp"

namespace px::pv::dom0 {

/// Writes the tables for the initial mapping and for the p2m list. Returns the L4's machine frame.
Mfn build_tables(const GuestMemory& memory, const Layout& layout);

} // namespace px::pv::dom0
