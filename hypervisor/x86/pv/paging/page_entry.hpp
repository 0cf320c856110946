// SPDX-License-Identifier: Apache-2.0
// Page-table entries of paravirtual guests: layout, and which bits a guest may set (SDM volume 3, 4.5).
#pragma once

#include "base/number.hpp"

namespace px::pv {

/// One page-table entry, of any level.
struct Entry {
    static constexpr u64 present = 1, writable = 2, user = 4, write_through = 8, cache_disable = 16;
    static constexpr u64 accessed = 0x20, dirty = 0x40;
    static constexpr u64 large = 0x80; ///< levels 2 and 3; in level 1 the PAT bit
    static constexpr u64 global = 0x100;
    /// Choose the memory type in level 1: all clear is write-back (the PAT is fixed: set_control_registers).
    static constexpr u64 cache_attributes = write_through | cache_disable | large;
    static constexpr u64 frame_mask = 0x000ffffffffff000;
    static constexpr u64 no_execute = u64{1} << 63;

    u64 raw = 0;

    [[nodiscard]] constexpr bool has(u64 bits) const { return (raw & bits) != 0; }
    [[nodiscard]] constexpr bool is_present() const { return has(present); }
    [[nodiscard]] constexpr bool is_writable() const { return has(writable); }
    [[nodiscard]] constexpr Mfn frame() const { return Mfn((raw & frame_mask) >> page_shift); }
    static constexpr Entry of(Mfn mfn, u64 flags) { return {mfn.raw() << page_shift | flags}; }
    friend constexpr bool operator==(Entry, Entry) = default;
};

inline constexpr unsigned entries_per_table = 512;

/// Bits that must be clear in a present entry above level 1: cache attributes (tables are read with the normal ones),
/// large pages (superpages are refused), global.
inline constexpr u64 refused_in_tables = Entry::write_through | Entry::cache_disable | Entry::large | Entry::global;

/// What a present entry looks like in the table: the guest's kernel and user pages are both user pages to the CPU;
/// nothing of a guest is global, so that loading CR3 flushes all of it.
constexpr Entry adjusted(Entry e) { return e.is_present() ? Entry{(e.raw | Entry::user) & ~Entry::global} : e; }
/// The same above level 1, where the global bit is refused before.
constexpr Entry adjusted_table(Entry e) { return e.is_present() ? Entry{e.raw | Entry::user} : e; }

/// True if both entries hold the same reference: only flags that need no check differ.
constexpr bool same_reference(Entry a, Entry b) {
    constexpr u64 relevant = Entry::frame_mask | Entry::present | Entry::writable | Entry::cache_attributes;
    return ((a.raw ^ b.raw) & relevant) == 0;
}

/// Index into the table of a level (1 to 4) for an address.
constexpr unsigned table_index(u64 address, unsigned level) { return address >> (12 + 9 * (level - 1)) & 511; }

/// True if an L4 slot belongs to the guest.
constexpr bool is_guest_slot(unsigned index) { return index < 256 || index > 271; }

} // namespace px::pv
