// SPDX-License-Identifier: Apache-2.0
// The hypervisor's own page tables.
#pragma once

#include "x86/arch/page_entry.hpp"

namespace px::x86 {

/// What the hypervisor's mappings have. no_execute is taken out on CPUs without it.
namespace mapping {
inline constexpr auto code = page::present | page::accessed | page::dirty | page::global;
inline constexpr auto read_only = code | page::no_execute;
inline constexpr auto data = read_only | page::writable;
inline constexpr auto device = data | page::cache_disable | page::write_through;
/// An entry that leads to a table.
inline constexpr auto table = page::present | page::writable | page::accessed | page::dirty;
} // namespace mapping

/// The table every other one copies slots 256 to 271 of (but slot 260): physical address, and the table itself.
[[nodiscard]] Paddr hypervisor_page_table();
[[nodiscard]] PageTable& hypervisor_l4();

/// Maps bytes of physical memory (any alignment) in the vmap area, uncached, for devices. Never undone; panics only
/// when page tables cannot be had at boot; later null.
[[nodiscard]] void* map_device(Paddr start, u64 bytes);
/// The same, cached: for memory outside of the direct map (firmware tables).
[[nodiscard]] void* map_memory(Paddr start, u64 bytes);

/// Frames for tables, zeroed: from the boot allocator, later from the heap. Invalid if there is none.
[[nodiscard]] Paddr allocate_table();

/// Maps [address, address + bytes) to physical memory from `start` on with 4 KiB, 2 MiB and (if `largest` allows) 1 GiB
/// pages. Page aligned. False without memory for tables. The range was not mapped before.
[[nodiscard]] bool map_range(u64 address, Paddr start, u64 bytes, PageBits bits, u64 largest = u64{1} << 30);
/// The same in another address space, by its top-level table. Lower half: no global entries.
[[nodiscard]] bool map_range_in(PageTable& l4, u64 address, Paddr start, u64 bytes, PageBits bits, u64 largest);
/// Entry that maps an address with a 4 KiB page; breaks a large page up for it. Null if it is not mapped.
[[nodiscard]] PageSlot* small_entry(u64 address);
/// Gives the mapped pages of a range other bits (breaks large pages up).
void change_bits(u64 address, u64 bytes, PageBits bits);
/// Lets the 2 MiB at address be mapped by a level 1 table that several places share. False without memory.
[[nodiscard]] bool share_table(u64 address, Paddr level1);
/// Unmaps what the boot entry mapped around the image.
void unmap_around_image();
/// Takes the identity mapping of low memory away (`wanted`: puts it back while other CPUs start).
void set_identity_map(bool wanted);

} // namespace px::x86
