// SPDX-License-Identifier: Apache-2.0
// Multiboot 2 (specification 2.0): a list of tags, from BIOS or EFI.
#include "x86/machine/boot/multiboot.hpp"

namespace px::x86::boot {
namespace {

struct Tag {
    u32 type, size;
};
enum TagType : u32 {
    End = 0,
    CommandLine = 1,
    LoaderName = 2,
    Module = 3,
    MemoryMap = 6,
    Framebuffer = 8,
    EfiSystemTable64 = 12,
    AcpiOld = 14,
    AcpiNew = 15,
    EfiMemoryMap = 17
};
struct Range {
    u64 start, bytes;
    u32 type, reserved;
};
struct EfiDescriptor {
    u32 type, pad;
    u64 physical, virtual_, pages, attributes;
};

/// UEFI 2.10 table 7.10: what remains usable after boot services are gone.
MemoryRange::Kind kind_of_efi(const EfiDescriptor& d) {
    constexpr u64 write_back = 8;
    switch (d.type) {
    case 1:
    case 2:
    case 3:
    case 4:
    case 7: // loader and boot services code and data, conventional
        return d.attributes & write_back ? MemoryRange::Kind::Ram : MemoryRange::Kind::Reserved;
    case 8: return MemoryRange::Kind::Unusable;
    case 9: return MemoryRange::Kind::AcpiReclaim;
    case 10: return MemoryRange::Kind::AcpiNvs;
    default: return MemoryRange::Kind::Reserved;
    }
}

void read_map(const PhysicalMemory& memory, u64 tag, u32 size, BootInfo& out) {
    const u32 entry_size = memory.read<u32>(tag + 8);
    if (entry_size < sizeof(Range)) return;
    for (u64 at = 16; at + entry_size <= size; at += entry_size) {
        const auto range = memory.read<Range>(tag + at);
        const u32 type = range.type >= 1 && range.type <= 5 ? range.type : 2;
        add_range(out, range.start, range.bytes, static_cast<MemoryRange::Kind>(type));
    }
}

void keep_region(EfiMap& map, const EfiDescriptor& d) {
    if (map.region_count == EfiMap::max_regions) map.is_complete = false;
    else map.region[map.region_count++] = {d.physical, d.pages, d.attributes, d.type};
}

void read_efi_map(const PhysicalMemory& memory, u64 tag, u32 size, BootInfo& out) {
    const u32 entry_size = memory.read<u32>(tag + 8);
    if (entry_size < sizeof(EfiDescriptor)) return;
    for (u64 at = 16; at + entry_size <= size; at += entry_size) {
        const auto d = memory.read<EfiDescriptor>(tag + at);
        if (d.pages >= u64{1} << 40) continue;
        if (out.efi_map) keep_region(*out.efi_map, d);
        const auto kind = kind_of_efi(d);
        // Neighbours are joined at once: firmware lists hundreds of small ones.
        if (out.range_count) {
            MemoryRange& last = out.ranges[out.range_count - 1];
            if (last.kind == kind && last.start.raw() + last.bytes == d.physical) {
                last.bytes += d.pages << page_shift;
                continue;
            }
        }
        add_range(out, d.physical, d.pages << page_shift, kind);
    }
}

void read_framebuffer(const PhysicalMemory& memory, u64 tag, BootInfo& out) {
    struct [[gnu::packed]] Data {
        u64 address;
        u32 pitch, width, height;
        u8 bits, type;
    };
    const auto d = memory.read<Data>(tag + 8);
    if (d.type != 1) return; // RGB; 2 is text
    out.framebuffer = {
        true, static_cast<u16>(d.width), static_cast<u16>(d.height), static_cast<u16>(d.pitch), d.bits, d.address};
}

} // namespace

bool read_multiboot2(const PhysicalMemory& memory, u64 address, StringPool& pool, BootInfo& out) {
    const u64 end = address + memory.read<u32>(address);
    u64 efi_map = 0;
    for (u64 at = address + 8; at + sizeof(Tag) <= end;) {
        const auto tag = memory.read<Tag>(at);
        if (tag.type == End || tag.size < sizeof(Tag) || tag.size > end - at) break;
        switch (tag.type) {
        case CommandLine: out.command_line = pool.keep(without_image_path(memory.text(at + 8), false)); break;
        case LoaderName: out.loader = pool.keep(memory.text(at + 8)); break;
        case Module: {
            const u32 start = memory.read<u32>(at + 8), stop = memory.read<u32>(at + 12);
            if (stop < start || out.module_count == BootInfo::max_modules) return false;
            const char* text = pool.keep(without_image_path(memory.text(at + 16), false));
            out.modules[out.module_count++] = {Paddr(start), stop - start, text};
            break;
        }
        case MemoryMap:
            if (!efi_map) read_map(memory, at, tag.size, out);
            break;
        case EfiMemoryMap:
            efi_map = at;
            out.range_count = 0; // it says more than the E820 form
            read_efi_map(memory, at, tag.size, out);
            break;
        case Framebuffer: read_framebuffer(memory, at, out); break;
        case EfiSystemTable64: out.efi_system_table = memory.read<u64>(at + 8); break;
        // A copy of the root pointer stands in the tag itself; ACPI 2.0's wins. It is found by what it points to.
        case AcpiOld:
            if (!out.rsdp.is_valid()) out.rsdp = Paddr(at + 8);
            break;
        case AcpiNew: out.rsdp = Paddr(at + 8); break;
        default: break;
        }
        at += (u64{tag.size} + 7) & ~u64{7};
    }
    if (out.efi_map && out.efi_system_table) read_efi_rights(memory, out.efi_system_table, *out.efi_map);
    return out.range_count != 0;
}

} // namespace px::x86::boot
