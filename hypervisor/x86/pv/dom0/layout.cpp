// SPDX-License-Identifier: Apache-2.0
// Where everything goes in a new dom0 (public/xen.h: "start-of-day memory layout").
#include "x86/pv/dom0/layout.hpp"

#include "x86/pv/guest_copy.hpp"

namespace px::pv::dom0 {

namespace {

/// True if frames can be mapped at an address that the kernel chose: it is a page's, and all of them are a guest's.
bool has_room(GuestVaddr start, u64 frames) {
    return start.raw() % page_size == 0 && frames <= ~u64{0} >> page_shift &&
           is_guest_range(start, frames << page_shift);
}

} // namespace

u64 tables_below_l4(GuestVaddr start, GuestVaddr end) {
    u64 count = 0;
    for (const unsigned shift : {21u, 30u, 39u}) count += ((end.raw() - 1) >> shift) - (start.raw() >> shift) + 1;
    return count;
}

std::optional<Layout> make_layout(const Kernel& kernel, u64 frames, u64 initrd_bytes) {
    constexpr u64 frames_4mib = 1024, spare = 128; // the mapping ends at 4 MiB with at least 512 KiB to spare
    Layout l{.virt_base = kernel.virt_base, .total = frames};
    l.kernel = {kernel.start >> page_shift, 0};
    l.kernel.count = pages_for(kernel.end) - l.kernel.first;
    u64 next = l.kernel.end();
    const auto place = [&next](u64 count) {
        const FrameRange range{next, count};
        next += count;
        return range;
    };
    const u64 p2m_frames = pages_for(frames * sizeof(u64));
    if (kernel.init_p2m == GuestVaddr(0)) {
        l.p2m = place(p2m_frames);
        l.p2m_address = l.address(l.p2m.first);
    }
    l.start_info = place(1);
    if (next > frames) return std::nullopt; // also: nothing that follows wraps
    // The tables' number depends on where the mapping ends, which depends on their number.
    const u64 before_tables = next;
    for (u64 count = 1;;) {
        next = before_tables;
        l.tables = place(count);
        l.stack = place(1);
        l.mapped = (next + spare + frames_4mib - 1) / frames_4mib * frames_4mib;
        if (!has_room(l.virt_base, l.mapped)) return std::nullopt;
        const u64 needed = 1 + tables_below_l4(l.virt_base, l.address(l.mapped));
        if (needed <= count) break;
        count = needed;
    }
    next = l.mapped;
    if (initrd_bytes) l.initrd = place(pages_for(initrd_bytes));
    if (kernel.init_p2m != GuestVaddr(0)) {
        l.p2m_address = kernel.init_p2m;
        if (!has_room(l.p2m_address, p2m_frames)) return std::nullopt;
        l.p2m_tables = place(tables_below_l4(l.p2m_address, l.p2m_address + p2m_frames * page_size));
        l.p2m = place(p2m_frames);
    }
    if (next > frames) return std::nullopt;
    return l;
}

} // namespace px::pv::dom0
