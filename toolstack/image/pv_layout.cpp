// SPDX-License-Identifier: Apache-2.0
// Layout of a new PV guest.
#include "image/pv_layout.hpp"

#include "abi/pv.hpp"

#include <fmt/format.h>

namespace image {

using toolstack::fail;
using toolstack::Result;

namespace {

constexpr std::uint64_t pages_of(std::uint64_t bytes) { return (bytes + page_bytes - 1) >> page_shift; }
constexpr std::uint64_t up(std::uint64_t value, std::uint64_t to) { return (value + to - 1) / to * to; }
constexpr unsigned level_shift(unsigned level) { return page_shift + 9 * level; } ///< of what one table covers

/// Whether pages can be mapped at an address that the kernel chose: it is a page's, and all of them are a guest's.
bool has_room(std::uint64_t address, std::uint64_t pages) {
    constexpr std::uint64_t lower_end = std::uint64_t{1} << 47;
    if (address % page_bytes || pages > UINT64_MAX >> page_shift) return false;
    if (address < lower_end) return pages << page_shift <= lower_end - address;
    return address >= abi::hypervisor_virt_end && pages << page_shift <= 0 - address;
}

/// Tables of one level that ranges need, without counting a table twice that two ranges share.
void add_tables(std::vector<Table>& tables, unsigned level, const std::vector<Range>& ranges) {
    auto shift = level_shift(level);
    auto first = tables.size();
    for (auto& range : ranges) {
        auto last = (range.address + (range.frames.count << page_shift) - 1) >> shift;
        for (auto at = range.address >> shift; at <= last; ++at) {
            bool known = false;
            for (auto i = first; i < tables.size(); ++i) known = known || tables[i].covers == at << shift;
            if (!known) tables.push_back({level, at << shift, 0});
        }
    }
}

std::vector<Table> tables_for(const std::vector<Range>& ranges) {
    std::vector<Table> tables{{4, 0, 0}};
    for (unsigned level = 3; level >= 1; --level) add_tables(tables, level, ranges);
    return tables;
}

Result<Frames> kernel_frames(const Elf& kernel) {
    std::uint64_t low = UINT64_MAX, high = 0;
    for (auto& segment : kernel.segments) {
        auto offset = TRY(segment_offset(kernel, segment));
        low = std::min(low, offset);
        high = std::max(high, offset + segment.size);
    }
    return Frames{low >> page_shift, pages_of(high) - (low >> page_shift)};
}

Result<void> check_size(std::uint64_t needed, std::uint64_t pages) {
    if (needed <= pages) return {};
    return fail(fmt::format("the guest needs at least {} MiB for its kernel and RAM disk, but has {} MiB",
                            (needed >> 8) + 1, pages >> 8),
                "raise memory=");
}

Result<void> check_notes(const Notes& notes) {
    if (!notes.entry && notes.version.empty())
        return fail("the kernel has no Xen notes", "use a kernel built with CONFIG_XEN_PV");
    if (!notes.entry || !notes.virtual_base)
        return fail("the kernel cannot run as a PV guest", "use one built with CONFIG_XEN_PV, or type=\"pvh\"");
    if (!notes.version.empty() && notes.version != "xen-3.0")
        return fail(fmt::format("the kernel is for another hypervisor interface, '{}'", notes.version));
    if (*notes.virtual_base % page_bytes) return fail("the kernel's virtual base is not on a page boundary");
    return {};
}

} // namespace

Result<std::uint64_t> segment_offset(const Elf& kernel, const Segment& segment) {
    auto base = kernel.notes.physical_offset.value_or(0);
    auto virtual_base = kernel.notes.virtual_base.value_or(0);
    // Old kernels give virtual addresses as physical ones, with PADDR_OFFSET equal to the virtual base.
    auto offset = segment.address - base;
    if (segment.address < base || offset > (std::uint64_t{1} << 40) || virtual_base + offset < virtual_base)
        return fail("the kernel has a segment below its physical offset");
    return offset;
}

Result<PvLayout> layout_pv(const Elf& kernel, std::uint64_t ramdisk_bytes, std::uint64_t pages) {
    auto& notes = kernel.notes;
    TRY(check_notes(notes));
    PvLayout out;
    out.pages = pages;
    out.virtual_base = *notes.virtual_base;
    out.entry = *notes.entry;
    out.hypercall_page = notes.hypercall_page.value_or(0);
    out.kernel = TRY(kernel_frames(kernel));
    auto next = out.kernel.end();
    auto take = [&](std::uint64_t count) { return Frames{std::exchange(next, next + count), count}; };

    out.ramdisk_by_frame = ramdisk_bytes && notes.module_by_frame;
    if (ramdisk_bytes && !out.ramdisk_by_frame) out.ramdisk = take(pages_of(ramdisk_bytes));
    auto p2m_pages = pages_of(pages * 8);
    if (!notes.init_p2m) {
        out.p2m = take(p2m_pages);
        out.p2m_address = out.address_of(out.p2m.first);
    }
    out.start_info = take(1);
    out.xenstore = take(1);
    out.console = take(1);
    TRY(check_size(next, pages)); // before tables are counted: there would be no end of them
    auto nowhere = [] { return fail("the kernel wants to be mapped at addresses that are not a guest's"); };
    if (notes.init_p2m && !has_room(*notes.init_p2m, p2m_pages)) return nowhere();
    // The tables map themselves, the stack and 512 KiB beyond, up to a 4 MiB boundary: more tables may move that.
    auto tables_at = next;
    std::uint64_t count = 0;
    for (;;) {
        auto end = up(out.address_of(tables_at + count + 1) + (512 << 10), 4 << 20);
        auto mapped = (end - out.virtual_base) >> page_shift;
        if (!has_room(out.virtual_base, mapped)) return nowhere();
        out.ranges = {{out.virtual_base, {0, mapped}}};
        if (notes.init_p2m) out.ranges.push_back({*notes.init_p2m, {0, p2m_pages}});
        out.page_tables = tables_for(out.ranges);
        if (out.page_tables.size() <= count) break;
        count = out.page_tables.size();
    }
    out.tables = take(count);
    out.stack = take(1);
    next = out.ranges[0].frames.count;
    if (notes.init_p2m) {
        out.p2m = take(p2m_pages);
        out.p2m_address = *notes.init_p2m;
        out.ranges[1].frames = out.p2m;
    }
    if (out.ramdisk_by_frame) out.ramdisk = take(pages_of(ramdisk_bytes));
    TRY(check_size(next, pages));
    for (std::size_t i = 0; i < out.page_tables.size(); ++i) out.page_tables[i].frame = out.tables.first + i;
    return out;
}

} // namespace image
