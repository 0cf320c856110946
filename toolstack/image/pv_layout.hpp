// SPDX-License-Identifier: Apache-2.0
// Where everything of a new PV guest lies: pure arithmetic, no hypercalls (public/xen.h, "start of day").
#pragma once

#include "image/elf.hpp"

#include <cstdint>
#include <vector>

namespace image {

inline constexpr std::uint64_t page_shift = 12, page_bytes = 1 << page_shift;

/// A run of guest frames (pseudo-physical).
struct Frames {
    std::uint64_t first = 0, count = 0;
    std::uint64_t end() const { return first + count; }
};

/// One stretch of virtual addresses mapped to consecutive frames, with the frames of its own page tables.
struct Range {
    std::uint64_t address = 0; ///< guest virtual, page aligned
    Frames frames;
};

/// A page table of the first address space: its level (1 to 4), the virtual address it begins to cover, its frame.
struct Table {
    unsigned level = 0;
    std::uint64_t covers = 0;
    std::uint64_t frame = 0;
};

/// Everything the builder needs to know before it touches the guest.
struct PvLayout {
    std::uint64_t pages = 0;          ///< of the guest
    std::uint64_t virtual_base = 0;   ///< virtual address of frame 0 in the first mapping
    std::uint64_t entry = 0;          ///< virtual
    std::uint64_t hypercall_page = 0; ///< virtual, 0 when the kernel has none
    Frames kernel, ramdisk, p2m, start_info, xenstore, console, tables, stack;
    bool ramdisk_by_frame = false;  ///< start_info.mod_start is a frame, not an address
    std::uint64_t p2m_address = 0;  ///< virtual
    std::vector<Range> ranges;      ///< what the first page tables map
    std::vector<Table> page_tables; ///< in order of frames; the first is the top level

    std::uint64_t address_of(std::uint64_t frame) const { return virtual_base + (frame << page_shift); }
};

/// Lays out a guest of `pages` frames. Errors: the kernel cannot run as a PV guest, or memory is too small for it.
toolstack::Result<PvLayout> layout_pv(const Elf& kernel, std::uint64_t ramdisk_bytes, std::uint64_t pages);

/// Physical address of a segment relative to the guest's frame 0.
toolstack::Result<std::uint64_t> segment_offset(const Elf& kernel, const Segment& segment);

} // namespace image
