// SPDX-License-Identifier: Apache-2.0
// From the firmware's memory map to the direct map, the frame table, the M2P and the heap.
#include "x86/machine/paging/paging_boot.hpp"

#include "abi/types.hpp"
#include "base/log.hpp"
#include "base/panic.hpp"
#include "boot/boot_info.hpp"
#include "boot/options.hpp"
#include "memory/heap.hpp"
#include "x86/instructions.hpp"
#include "x86/layout.hpp"
#include "x86/machine/boot/image.hpp"
#include "x86/machine/console/console.hpp"
#include "x86/machine/cpu/cpu.hpp"
#include "x86/machine/paging/paging.hpp"

#include <algorithm>
#include <span>

namespace px {

constinit Mfn max_frame{0};

namespace x86 {
namespace {

constexpr u64 mib = u64{1} << 20, four_gib = u64{1} << 32;
constexpr u64 page_2m = u64{2} << 20;
/// Below it lie firmware's data, video memory, ROMs and the page where other CPUs start. It is no heap and nobody's
/// RAM, whatever the map says: kernels of dom0 look there for what firmware left (iBFT, EBDA, SMBIOS, VGA), as on Xen.
constexpr u64 low_end = mib;

struct Extent {
    u64 start, end;
};
/// RAM nobody uses yet. The map's ranges, less what the image and the modules take.
constinit Extent free_ram[BootInfo::max_ranges + 2 * BootInfo::max_modules + 4 + 16] = {};
constinit std::size_t free_count = 0;
constinit bool is_boot_memory_open = false;
/// Until the direct map is complete only the early one's 4 GiB can be used.
constinit u64 reachable = four_gib;
/// What lies higher has no place in the direct map: guests' own addresses begin behind it.
constexpr u64 direct_map_bytes = layout::direct_map_end - direct_map_start;
static_assert(direct_map_bytes >> page_shift <= u64{1} << frame_number_bits);
constinit u64 memory_limit = direct_map_bytes;

PX_OPTION(mem, "mem", [](std::string_view v) {
    const auto bytes = options::size(v, 1024);
    if (!bytes || *bytes < 16 * mib) return false;
    memory_limit = std::min(*bytes & page_mask, direct_map_bytes);
    return true;
});

/// badpage=FIRST-LAST,...: hexadecimal frame numbers that nobody shall get.
struct {
    Extent extents[16]{};
    std::size_t count = 0;
} constinit bad_memory{};

PX_OPTION(badpage, "badpage", [](std::string_view v) {
    return options::list(v, [](std::string_view word) {
        const auto range = options::hex_range(word);
        if (!range || range->last >= u64{1} << 40 || bad_memory.count == std::size(bad_memory.extents)) return false;
        bad_memory.extents[bad_memory.count++] = {range->first << page_shift, (range->last + 1) << page_shift};
        return true;
    });
});

void remove_extent(u64 start, u64 end) {
    for (std::size_t i = 0; i < free_count; ++i) {
        Extent& e = free_ram[i];
        if (end <= e.start || start >= e.end) continue;
        const Extent rest{end, e.end};
        e.end = std::max(e.start, std::min(e.end, start));
        if (rest.start < rest.end) {
            if (e.end == e.start) {
                e = rest;
            } else if (free_count < std::size(free_ram)) {
                std::copy_backward(free_ram + i + 1, free_ram + free_count, free_ram + free_count + 1);
                free_ram[i + 1] = rest;
                ++free_count;
            }
        }
    }
}

void collect_free_ram() {
    for (const auto& r : boot_info.memory_map()) {
        if (r.kind != MemoryRange::Kind::Ram) continue;
        const u64 start = (r.start.raw() + page_size - 1) & page_mask;
        const u64 whole = (r.start.raw() + r.bytes) & page_mask, end = std::min(whole, memory_limit);
        if (start < end) free_ram[free_count++] = {start, end};
        if (whole > std::max(start, direct_map_bytes))
            log::warning("Memory: {} MiB from {:#x} on are not used: they lie beyond the first {} TiB",
                         (whole - std::max(start, direct_map_bytes)) / mib, std::max(start, direct_map_bytes),
                         direct_map_bytes >> 40);
    }
    remove_extent(0, low_end);
    for (const Extent& bad : std::span(bad_memory.extents, bad_memory.count)) remove_extent(bad.start, bad.end);
    remove_extent(image::start().raw() & page_mask, image::end().raw());
    for (std::size_t i = 0; i < boot_info.module_count; ++i) {
        const BootModule& m = boot_info.modules[i];
        remove_extent(m.start.raw() & page_mask, (m.start.raw() + m.bytes + page_size - 1) & page_mask);
    }
}

const char* kind_name(MemoryRange::Kind kind) {
    switch (kind) {
    case MemoryRange::Kind::Ram: return "usable";
    case MemoryRange::Kind::Reserved: return "reserved";
    case MemoryRange::Kind::AcpiReclaim: return "ACPI data";
    case MemoryRange::Kind::AcpiNvs: return "ACPI NVS";
    case MemoryRange::Kind::Unusable: return "unusable";
    }
    return "unknown";
}

void print_map() {
    console::banner("{} RAM map:", boot_info.efi_system_table ? "EFI" : "Xen-e820");
    for (const auto& r : boot_info.memory_map())
        console::banner(" [{:016x}, {:016x}] ({})", r.start, r.start.raw() + r.bytes - 1, kind_name(r.kind));
    for (std::size_t i = 0; i < boot_info.module_count; ++i) {
        const BootModule& m = boot_info.modules[i];
        console::banner("Module {}: [{:016x}, {:016x}] {}", i, m.start, m.start.raw() + m.bytes - 1, m.command_line);
    }
}

/// Is it memory (not registers of devices)? Reserved ranges are when they follow memory: the firmware took them from
/// it.
bool is_memory(std::span<const MemoryRange> map, std::size_t i) {
    if (map[i].kind == MemoryRange::Kind::Unusable) return false;
    if (map[i].kind != MemoryRange::Kind::Reserved) return true;
    return i > 0 && map[i - 1].start.raw() + map[i - 1].bytes == map[i].start.raw() && map[i].bytes < 64 * mib &&
           is_memory(map, i - 1);
}

void must(bool good, const char* what) {
    if (!good) panic("not enough memory for {}", what);
}

/// All memory at direct_map_start; the early map there has what is no memory too.
void make_direct_map() {
    const auto map = boot_info.memory_map();
    static constinit Extent extents[BootInfo::max_ranges + 1] = {};
    std::size_t count = 0;
    extents[count++] = {0, mib};
    for (std::size_t i = 0; i < map.size(); ++i) {
        if (!is_memory(map, i)) continue;
        const u64 start = std::max(map[i].start.raw() & page_mask, mib);
        const u64 end = (map[i].start.raw() + map[i].bytes + page_size - 1) & page_mask;
        if (start >= end) continue;
        if (start <= extents[count - 1].end) extents[count - 1].end = std::max(extents[count - 1].end, end);
        else extents[count++] = {start, end};
    }
    // The first slot is built beside the early map, through which the new tables are written, and then replaces it.
    constexpr unsigned first_slot = 262, building_slot = 271;
    constexpr u64 slot_bytes = bytes_of_entry(top_level),
                  building = direct_map_start + (building_slot - first_slot) * slot_bytes;
    const auto map_part = [&](u64 base, u64 from, u64 to) {
        for (std::size_t i = 0; i < count; ++i) {
            const u64 start = std::max(extents[i].start, from), end = std::min(extents[i].end, to);
            if (start < end) must(map_range(base + start, Paddr(start), end - start, mapping::data), "page tables");
        }
    };
    PageTable& l4 = hypervisor_l4();
    map_part(building, 0, slot_bytes);
    l4[first_slot].store(l4[building_slot].load());
    l4[building_slot].store({});
    write_cr3(read_cr3());
    map_part(direct_map_start, slot_bytes, ~u64{0});
    reachable = ~u64{0};
}

/// Does [start, end) hold any RAM?
bool has_ram(u64 start, u64 end) {
    for (const auto& r : boot_info.memory_map())
        if (r.kind == MemoryRange::Kind::Ram && r.start.raw() < std::min(end, memory_limit) &&
            r.start.raw() + r.bytes > start)
            return true;
    return false;
}

/// Maps a table of `bytes_per_frame` bytes for each frame at `address`, with 2 MiB pages where its frames hold RAM, and
/// with one shared, read-only page elsewhere. `user` is where guests see the same, read-only, or 0.
void map_frame_array(u64 address, u64 bytes_per_frame, const void* pattern, u64 user, const char* what) {
    const u64 total = (max_frame.raw() * bytes_per_frame + page_2m - 1) & ~(page_2m - 1);
    const u64 covered = page_2m / bytes_per_frame * page_size; // bytes of memory per 2 MiB of the table
    const Paddr hole = allocate_table(), hole_table = allocate_table();
    must(hole.is_valid() && hole_table.is_valid(), what);
    const auto fill = [&](Paddr page, u64 bytes) {
        char* to = to_virtual<char>(page);
        for (u64 i = 0; i < bytes; i += bytes_per_frame) __builtin_memcpy(to + i, pattern, bytes_per_frame);
    };
    fill(hole, page_size);
    constexpr auto user_rights = mapping::read_only | page::user;
    for (u64 i = 0; i < entries_per_table; ++i) (*to_virtual<PageTable>(hole_table))[i].store({hole, user_rights});
    for (u64 at = 0; at < total; at += page_2m) {
        const u64 memory = at / page_2m * covered;
        if (has_ram(memory, memory + covered)) {
            const Paddr page = boot_memory::take(page_2m, page_2m);
            must(page.is_valid(), what);
            fill(page, page_2m);
            must(map_range(address + at, page, page_2m, mapping::data), what);
            if (user) must(map_range(user + at, page, page_2m, user_rights), what);
            continue;
        }
        must(share_table(address + at, hole_table), what);
        if (user) must(share_table(user + at, hole_table), what);
    }
}

void set_max_frame() {
    u64 highest = 0;
    for (const auto& r : boot_info.memory_map())
        if (r.kind == MemoryRange::Kind::Ram)
            highest = std::max(highest, std::min(r.start.raw() + r.bytes, memory_limit));
    max_frame = Mfn(highest >> page_shift);
}

/// Everything but what goes to the heap is the hypervisor's own, or no memory: I/O memory, as is the first MiB.
void set_owners() {
    for (const auto& r : boot_info.memory_map()) {
        if (r.kind != MemoryRange::Kind::Ram) continue;
        const u64 end = std::min((r.start.raw() + r.bytes) >> page_shift, max_frame.raw());
        for (u64 f = (std::max(r.start.raw(), low_end) + page_size - 1) >> page_shift; f < end; ++f)
            frame_of(Mfn(f)).owner.store(abi::domid_xen, std::memory_order_relaxed);
    }
}

/// W^X: the image's own mapping in small pages with the rights of each part, and no way around it by the direct map.
void protect_image() {
    using namespace image;
    const auto at = [](const char* p) { return reinterpret_cast<u64>(p); };
    const auto set = [&](const char* from, const char* to, PageBits bits) {
        change_bits(at(from), at(to) - at(from), bits);
    };
    set(px_image_start, px_text_end, mapping::code);
    set(px_rodata_start, px_rodata_end, mapping::read_only);
    set(px_data_start, px_image_end, mapping::data);
    const u64 alias = direct_map_start + start().raw();
    change_bits(alias, at(px_rodata_end) - at(px_image_start), mapping::read_only);
    unmap_around_image();
    protect_boot_stack();
}

void give_to_heap() {
    u64 bytes = 0;
    is_boot_memory_open = false;
    for (std::size_t i = 0; i < free_count; ++i) {
        const Extent& e = free_ram[i];
        if (e.start >= e.end) continue;
        heap::add_region(mfn_of(Paddr(e.start)), mfn_of(Paddr(e.end)));
        bytes += e.end - e.start;
    }
    u64 ram = 0, modules = 0;
    for (const auto& r : boot_info.memory_map()) {
        const u64 end = std::min(r.start.raw() + r.bytes, memory_limit);
        if (r.kind == MemoryRange::Kind::Ram && r.start.raw() < end) ram += end - r.start.raw();
    }
    for (std::size_t i = 0; i < boot_info.module_count; ++i)
        modules += pages_for(boot_info.modules[i].bytes) << page_shift;
    heap::count_hypervisor_frames((ram - std::min(ram, bytes + modules)) >> page_shift); // modules come back later
    console::banner("System RAM: {}MB ({}kB)", ram >> 20, ram >> 10);
    log::info("Heap: {} kB; modules: {} kB; hypervisor: {} kB", bytes >> 10, modules >> 10,
              (ram - bytes - modules) >> 10);
}

} // namespace

bool boot_memory::is_open() { return is_boot_memory_open; }

Paddr boot_memory::take(u64 bytes, u64 align) {
    for (std::size_t i = free_count; i-- > 0;) {
        const Extent e = free_ram[i];
        const u64 end = std::min(e.end, reachable);
        if (end < bytes) continue;
        const u64 start = (end - bytes) & ~(align - 1);
        if (e.start >= end || start < e.start) continue;
        remove_extent(start, start + bytes);
        return Paddr(start);
    }
    return Paddr::invalid();
}

void init_memory() {
    print_map();
    collect_free_ram();
    is_boot_memory_open = true;
    make_direct_map();
    set_max_frame();
    Frame unowned{};
    unowned.owner.store(abi::domid_io, std::memory_order_relaxed);
    map_frame_array(frame_table_start, sizeof(Frame), &unowned, 0, "the frame table");
    constexpr u64 no_pfn = ~u64{0};
    map_frame_array(layout::m2p_start, sizeof(u64), &no_pfn, layout::m2p_guest_start, "the M2P");
    protect_image();
    set_identity_map(false);
    set_owners();
    give_to_heap();
}

} // namespace x86
} // namespace px
