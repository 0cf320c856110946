// SPDX-License-Identifier: Apache-2.0
// Page-table entries of paravirtual guests: which bits a guest may set, and what the hypervisor makes of them.
#pragma once

#include "x86/arch/page_entry.hpp"

namespace px::pv {

using x86::entries_per_table;
using x86::PageBits;
using x86::PageEntry;
using x86::PageSlot;
using x86::PageTable;
using x86::table_index;
namespace page = x86::page;

/// Bits that must be clear in a present entry above level 1: cache attributes (tables are read with the normal ones),
/// large pages (superpages are refused), global.
inline constexpr auto refused_in_tables = page::write_through | page::cache_disable | page::large | page::global;

/// What a present entry looks like in the table: the guest's kernel and user pages are both user pages to the CPU;
/// nothing of a guest is global, so that loading CR3 flushes all of it.
constexpr PageEntry adjusted(PageEntry e) { return e.is_present() ? e.with(page::user).without(page::global) : e; }
/// The same above level 1, where the global bit is refused before.
constexpr PageEntry adjusted_table(PageEntry e) { return e.is_present() ? e.with(page::user) : e; }

/// True if both entries hold the same reference: only flags that need no check differ. Memory types need one: with all
/// their bits clear it is write-back (the PAT is fixed: set_control_registers).
constexpr bool same_reference(PageEntry a, PageEntry b) {
    constexpr auto relevant = page::present | page::writable | page::memory_type;
    return a.frame() == b.frame() && (a.bits() & relevant) == (b.bits() & relevant);
}

/// True if an L4 slot belongs to the guest.
constexpr bool is_guest_slot(unsigned index) { return index < 256 || index > 271; }

} // namespace px::pv
