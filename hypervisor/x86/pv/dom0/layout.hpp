// SPDX-License-Identifier: Apache-2.0
// Where everything goes in a new dom0: pseudo-physical frames, and their guest addresses. Pure.
#pragma once

#include "x86/guest/load/elf.hpp"

#include <optional>

namespace px::pv::dom0 {

using namespace guest::load;

/// Frames [first, first + count).
struct FrameRange {
    u64 first = 0, count = 0;
    [[nodiscard]] constexpr u64 end() const { return first + count; }
    [[nodiscard]] constexpr bool contains(u64 frame) const { return frame >= first && frame < end(); }
};

/// All ranges are of pseudo-physical frames.
struct Layout {
    GuestVaddr virt_base;
    u64 total = 0; ///< frames of the domain
    FrameRange kernel;
    FrameRange p2m;        ///< frames of the list
    FrameRange p2m_tables; ///< page tables for the list, when it has its own address (not in the initial mapping)
    FrameRange start_info;
    FrameRange tables; ///< page tables of the initial mapping, the L4 first
    FrameRange stack;
    FrameRange initrd; ///< not in the initial mapping
    u64 mapped = 0;    ///< the initial mapping is frames [0, mapped) at virt_base
    GuestVaddr p2m_address;

    [[nodiscard]] constexpr GuestVaddr address(u64 frame) const { return virt_base + (frame << page_shift); }
    /// Page tables may not be mapped writable.
    [[nodiscard]] constexpr bool is_table(u64 frame) const {
        return tables.contains(frame) || p2m_tables.contains(frame);
    }
};

/// Page tables of levels 1 to 3 that [start, end) needs.
u64 tables_below_l4(GuestVaddr start, GuestVaddr end);

/// Places a kernel, a list for `frames` frames, and an initrd. Empty when they do not fit, or when the kernel wants to
/// have something at addresses that are not a guest's.
std::optional<Layout> make_layout(const Kernel& kernel, u64 frames, u64 initrd_bytes);

} // namespace px::pv::dom0
