// SPDX-License-Identifier: Apache-2.0
// Multiboot 1 (specification 0.6.96) and PVH (public/arch-x86/hvm/start_info.h), and what all doors share.
#include "x86/machine/boot/multiboot.hpp"

#include <algorithm>

namespace px::x86::boot {

std::string_view PhysicalMemory::text(u64 address, std::size_t longest) const {
    if (address == 0 || address >= limit_) return {};
    const char* start = base_ + address;
    const std::size_t most = std::min<u64>(longest, limit_ - address);
    std::size_t n = 0;
    while (n < most && start[n]) ++n;
    return {start, n};
}

const char* StringPool::keep(std::string_view text) {
    if (used_ + 1 >= sizeof store_) return "";
    const std::size_t n = std::min(text.size(), sizeof store_ - used_ - 1);
    char* copy = store_ + used_;
    for (std::size_t i = 0; i < n; ++i) copy[i] = text[i];
    copy[n] = '\0';
    used_ += n + 1;
    return copy;
}

std::string_view without_image_path(std::string_view line, bool always) {
    const auto skip_spaces = [&] {
        while (!line.empty() && line.front() == ' ') line.remove_prefix(1);
    };
    skip_spaces();
    const std::string_view word = line.substr(0, line.find(' '));
    const std::string_view name = word.substr(0, word.find('='));
    if (always || name.find('/') != std::string_view::npos || name.starts_with('(')) line.remove_prefix(word.size());
    skip_spaces();
    return line;
}

bool add_range(BootInfo& out, u64 start, u64 bytes, MemoryRange::Kind kind) {
    if (bytes == 0 || start + bytes < start) return true;
    if (out.range_count == BootInfo::max_ranges) return false;
    out.ranges[out.range_count++] = {Paddr(start), bytes, kind};
    return true;
}

namespace {

MemoryRange::Kind kind_of(u32 type) {
    return type >= 1 && type <= 5 ? static_cast<MemoryRange::Kind>(type) : MemoryRange::Kind::Reserved;
}

void add_module(BootInfo& out, u64 start, u64 bytes, const char* command_line) {
    if (out.module_count < BootInfo::max_modules) out.modules[out.module_count++] = {Paddr(start), bytes, command_line};
}

struct Multiboot1Info {
    u32 flags, memory_lower, memory_upper, boot_device, command_line, module_count, modules;
    u32 symbols[4];
    u32 map_bytes, map, drive_bytes, drives, configuration, loader_name;
};
struct Multiboot1Module {
    u32 start, end, text, reserved;
};
struct [[gnu::packed]] Multiboot1Range {
    u32 size; ///< of what follows
    u64 start, bytes;
    u32 type;
};
constexpr u32 has_memory = 1, has_command_line = 4, has_modules = 8, has_map = 1 << 6, has_loader = 1 << 9;

void read_map(const PhysicalMemory& memory, const Multiboot1Info& info, BootInfo& out) {
    for (u64 at = 0; at + sizeof(Multiboot1Range) <= info.map_bytes;) {
        const auto range = memory.read<Multiboot1Range>(info.map + at);
        if (range.size < 20 || !add_range(out, range.start, range.bytes, kind_of(range.type))) break;
        at += range.size + 4;
    }
}

} // namespace

bool read_multiboot1(const PhysicalMemory& memory, u64 address, StringPool& pool, BootInfo& out) {
    if (memory.bytes(address, sizeof(Multiboot1Info)).empty()) return false;
    const auto info = memory.read<Multiboot1Info>(address);
    out.loader = info.flags & has_loader ? pool.keep(memory.text(info.loader_name)) : "unknown";
    // The first word is the image's path by specification; GRUB 2 leaves it out.
    const std::string_view loader = out.loader;
    const bool has_path = !(loader.starts_with("GRUB ") && !loader.starts_with("GRUB 0"));
    if (info.flags & has_command_line)
        out.command_line = pool.keep(without_image_path(memory.text(info.command_line), has_path));
    if (info.flags & has_map) {
        read_map(memory, info, out);
    } else if (info.flags & has_memory) {
        add_range(out, 0, u64{info.memory_lower} * 1024, MemoryRange::Kind::Ram);
        add_range(out, 0x100000, u64{info.memory_upper} * 1024, MemoryRange::Kind::Ram);
    }
    if (info.flags & has_modules) {
        for (u32 i = 0; i < info.module_count && i < BootInfo::max_modules; ++i) {
            const auto module = memory.read<Multiboot1Module>(u64{info.modules} + i * sizeof(Multiboot1Module));
            if (module.end < module.start) return false;
            const char* text = pool.keep(without_image_path(memory.text(module.text), has_path));
            add_module(out, module.start, module.end - module.start, text);
        }
    }
    return true;
}

namespace {
struct PvhInfo {
    u32 magic, version, flags, module_count;
    u64 modules, command_line, rsdp;
    u64 map; ///< from here: version 1
    u32 map_entries, reserved;
};
struct PvhModule {
    u64 start, bytes, text, reserved;
};
struct PvhRange {
    u64 start, bytes;
    u32 type, reserved;
};
} // namespace

bool read_pvh(const PhysicalMemory& memory, u64 address, StringPool& pool, BootInfo& out) {
    const auto info = memory.read<PvhInfo>(address);
    if (info.magic != pvh_magic) return false;
    out.loader = "PVH";
    out.command_line = pool.keep(memory.text(info.command_line));
    if (info.rsdp) out.rsdp = Paddr(info.rsdp);
    if (info.version >= 1)
        for (u32 i = 0; i < info.map_entries && i < BootInfo::max_ranges; ++i) {
            const auto range = memory.read<PvhRange>(info.map + i * sizeof(PvhRange));
            add_range(out, range.start, range.bytes, kind_of(range.type));
        }
    for (u32 i = 0; i < info.module_count && i < BootInfo::max_modules; ++i) {
        const auto module = memory.read<PvhModule>(info.modules + i * sizeof(PvhModule));
        add_module(out, module.start, module.bytes, pool.keep(memory.text(module.text)));
    }
    return true;
}

namespace {
/// How unusable a kind is: where ranges overlap, the higher one counts.
unsigned weight(MemoryRange::Kind kind) {
    switch (kind) {
    case MemoryRange::Kind::Ram: return 0;
    case MemoryRange::Kind::AcpiReclaim: return 1;
    case MemoryRange::Kind::AcpiNvs: return 2;
    case MemoryRange::Kind::Reserved: return 3;
    case MemoryRange::Kind::Unusable: return 4;
    }
    return 4;
}

u64 end_of(const MemoryRange& r) { return r.start.raw() + r.bytes; }
} // namespace

void normalise(BootInfo& info) {
    static MemoryRange sorted[BootInfo::max_ranges];
    static u64 edges[2 * BootInfo::max_ranges];
    const std::span<const MemoryRange> in = info.memory_map();
    std::size_t edge_count = 0, count = 0;
    for (const auto& r : in) {
        edges[edge_count++] = r.start.raw();
        edges[edge_count++] = end_of(r);
    }
    std::sort(edges, edges + edge_count);
    for (std::size_t i = 0; i + 1 < edge_count; ++i) {
        const u64 from = edges[i], to = edges[i + 1];
        if (from == to) continue;
        const MemoryRange* best = nullptr;
        for (const auto& r : in)
            if (r.start.raw() <= from && end_of(r) >= to && (!best || weight(r.kind) > weight(best->kind))) best = &r;
        if (!best) continue;
        if (count && sorted[count - 1].kind == best->kind && end_of(sorted[count - 1]) == from)
            sorted[count - 1].bytes += to - from;
        else if (count < BootInfo::max_ranges) sorted[count++] = {Paddr(from), to - from, best->kind};
    }
    std::copy(sorted, sorted + count, info.ranges);
    info.range_count = count;
}

} // namespace px::x86::boot
