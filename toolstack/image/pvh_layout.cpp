// SPDX-License-Identifier: Apache-2.0
// Layout of a new PVH guest.
#include "image/pvh_layout.hpp"

#include "abi/hvm.hpp"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>

namespace image {

using toolstack::fail;
using toolstack::Result;

namespace {

constexpr std::uint64_t pages_of(std::uint64_t bytes) { return (bytes + page_bytes - 1) >> page_shift; }

Result<Frames> kernel_frames(const Elf& kernel) {
    std::uint64_t first = UINT64_MAX, end = 0;
    for (auto& segment : kernel.segments) {
        first = std::min(first, segment.address);
        end = std::max(end, segment.address + segment.size);
    }
    if (end > hole_begin) return fail("the kernel has a segment above the memory that a PVH guest starts in");
    return Frames{first >> page_shift, pages_of(end) - (first >> page_shift)};
}

std::vector<Frames> ram_of(std::uint64_t pages) {
    auto below = std::min(pages, hole_begin >> page_shift);
    std::vector<Frames> ram{{0, below}};
    if (pages > below) ram.push_back({hole_end >> page_shift, pages - below});
    return ram;
}

std::vector<abi::E820Entry> map_of(const PvhLayout& layout) {
    std::vector<abi::E820Entry> map;
    auto add = [&](std::uint64_t at, std::uint64_t size, abi::E820Type type) {
        if (size) map.push_back({at, size, static_cast<std::uint32_t>(type)});
    };
    add(0, layout.ram[0].count << page_shift, abi::E820Type::Ram);
    add(acpi_address, layout.acpi.count << page_shift, abi::E820Type::Acpi);
    add(special_first << page_shift, special_count << page_shift, abi::E820Type::Reserved);
    if (layout.ram.size() > 1) add(hole_end, layout.ram[1].count << page_shift, abi::E820Type::Ram);
    return map;
}

} // namespace

Result<PvhLayout> layout_pvh(const Elf& kernel, std::uint64_t ramdisk_bytes, std::uint64_t command_line_bytes,
                             std::uint64_t acpi_bytes, std::uint64_t pages) {
    if (!kernel.notes.physical_entry)
        return fail("the kernel cannot run as a PVH guest",
                    "use one built with CONFIG_PVH (Linux 4.11 or later), or type=\"pv\"");
    PvhLayout out;
    out.entry = *kernel.notes.physical_entry;
    out.ram = ram_of(pages);
    out.kernel = TRY(kernel_frames(kernel));
    if (out.entry < out.kernel.first << page_shift || out.entry >= out.kernel.end() << page_shift)
        return fail("the kernel's entry for PVH guests lies outside its image");
    out.acpi = {acpi_address >> page_shift, pages_of(acpi_bytes)};
    out.memory_map = map_of(out);
    auto at = out.kernel.end() << page_shift;
    out.modules_at = at + sizeof(abi::HvmStartInfo);
    out.memory_map_at = out.modules_at + (ramdisk_bytes ? sizeof(abi::HvmModlistEntry) : 0);
    out.command_line_at = out.memory_map_at + out.memory_map.size() * sizeof(abi::HvmMemmapTableEntry);
    out.start_info = {out.kernel.end(), pages_of(out.command_line_at + command_line_bytes + 1 - at)};
    out.ramdisk = {out.start_info.end(), pages_of(ramdisk_bytes)};
    out.ramdisk_bytes = ramdisk_bytes;
    auto end = out.ramdisk.end();
    if (end > hole_begin >> page_shift) return fail("the RAM disk does not fit below 4 GiB", "use a smaller one");
    if (end > pages)
        return fail(fmt::format("the guest needs at least {} MiB for its kernel and RAM disk, but has {} MiB",
                                (end >> 8) + 1, pages >> 8),
                    "raise memory=");
    return out;
}

std::vector<std::uint8_t> make_start_info(const PvhLayout& layout, std::string_view command_line) {
    std::vector<std::uint8_t> page(layout.start_info.count << page_shift);
    auto base = layout.start_info.first << page_shift;
    auto put = [&](std::uint64_t address, const auto& value) {
        std::memcpy(page.data() + (address - base), &value, sizeof value);
    };
    abi::HvmStartInfo info{};
    info.magic = abi::hvm_start_magic;
    info.version = abi::hvm_start_version;
    info.cmdline_paddr = layout.command_line_at;
    if (layout.acpi.count) info.rsdp_paddr = acpi_address;
    info.memmap_paddr = layout.memory_map_at;
    info.memmap_entries = static_cast<std::uint32_t>(layout.memory_map.size());
    if (layout.ramdisk_bytes) {
        info.nr_modules = 1;
        info.modlist_paddr = layout.modules_at;
        put(layout.modules_at, abi::HvmModlistEntry{layout.ramdisk.first << page_shift, layout.ramdisk_bytes, 0, 0});
    }
    put(base, info);
    auto at = layout.memory_map_at;
    for (auto& entry : layout.memory_map) {
        put(at, abi::HvmMemmapTableEntry{entry.addr, entry.size, entry.type, 0});
        at += sizeof(abi::HvmMemmapTableEntry);
    }
    std::memcpy(page.data() + (layout.command_line_at - base), command_line.data(), command_line.size());
    return page;
}

} // namespace image
