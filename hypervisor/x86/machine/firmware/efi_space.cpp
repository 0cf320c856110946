// SPDX-License-Identifier: Apache-2.0
// Builds the address space of EFI's runtime services from the firmware's memory map.
#include "x86/machine/firmware/efi_space.hpp"

#include "base/log.hpp"
#include "boot/boot_info.hpp"
#include "boot/options.hpp"
#include "memory/frame.hpp"
#include "x86/machine/paging/paging.hpp"

namespace px::x86::efi {
namespace {

constinit bool wants_services = true;
constinit bool maps_unknown_attributes = false; ///< regions without a cacheability: uncached instead of not at all

bool parse_word(std::string_view word) {
    if (word == "rs") wants_services = true;
    else if (word == "no-rs" || word == "rs=no" || word == "rs=0" || word == "rs=off") wants_services = false;
    else if (word == "attr=uc") maps_unknown_attributes = true;
    else if (word == "attr=no") maps_unknown_attributes = false;
    else return false;
    return true;
}
PX_OPTION(efi, "efi", [](std::string_view value) {
    for (;;) {
        const auto comma = value.find(',');
        if (!parse_word(value.substr(0, comma))) return false;
        if (comma == std::string_view::npos) return true;
        value.remove_prefix(comma + 1);
    }
});

constinit Space the_space;

constexpr u64 lower_half_end = u64{1} << 47;

bool is_runtime(const EfiRegion& r) {
    return (r.attributes & efi_attribute::runtime) && r.type != EfiRegion::DevicePorts;
}

bool is_sane(const EfiRegion& r) {
    return r.start % page_size == 0 && r.pages != 0 && r.start < lower_half_end &&
           r.pages <= (lower_half_end - r.start) >> page_shift;
}

PageBits memory_type(const EfiRegion& r) {
    if (r.attributes & efi_attribute::write_back) return {};
    return r.attributes & efi_attribute::write_through ? page::write_through
                                                       : page::cache_disable | page::write_through;
}

/// Maps one region at its own address. False without memory.
bool map_region(PageTable& l4, const EfiRegion& r) {
    const auto rights = boot_info.efi_map->rights();
    for (u64 at = r.start; at < r.end();) {
        const u64 bytes = same_rights(r, at, rights);
        const Rights allowed = rights_of(r, at, rights);
        PageBits bits = page::present | page::accessed | page::dirty | memory_type(r);
        if (allowed.writable) bits |= page::writable;
        if (!allowed.executable) bits |= page::no_execute;
        if (!map_range_in(l4, at, Paddr(at), bytes, bits, bytes_of_entry(2))) return false;
        at += bytes;
    }
    return true;
}

/// All runtime regions. Null without memory for tables: boot only, what was taken is lost.
PageTable* build() {
    const Paddr root = allocate_table();
    if (!root.is_valid()) return nullptr;
    PageTable* const l4 = to_virtual<PageTable>(root);
    for (const EfiRegion& r : boot_info.efi_map->regions()) {
        if (!is_runtime(r)) continue;
        const bool has_cacheability = r.attributes & (efi_attribute::uncached | efi_attribute::write_combining |
                                                      efi_attribute::write_through | efi_attribute::write_back);
        if (!is_sane(r) || (!has_cacheability && !maps_unknown_attributes)) {
            log::warning("EFI: runtime region {:016x}, {} pages, attributes {:016x}, is not mapped", r.start, r.pages,
                         r.attributes);
            continue;
        }
        if (!map_region(*l4, r)) return nullptr;
    }
    return l4;
}

bool is_code(u64 address) {
    const EfiRegion* r = region_of(address);
    return r && r->type == EfiRegion::RuntimeCode && is_runtime(*r) && is_sane(*r);
}

const RuntimeServices* find_table() {
    const auto* system =
        static_cast<const SystemTable*>(map_memory(Paddr(boot_info.efi_system_table), sizeof(SystemTable)));
    if (!system || system->header.signature != SystemTable::expected_signature || !region_of(system->runtime_services))
        return nullptr;
    const auto* table =
        static_cast<const RuntimeServices*>(map_memory(Paddr(system->runtime_services), sizeof(RuntimeServices)));
    if (!table || table->header.signature != RuntimeServices::expected_signature) return nullptr;
    return table;
}

} // namespace

const Space& space() { return the_space; }

const EfiRegion* region_of(u64 address) {
    if (!boot_info.efi_map) return nullptr;
    for (const EfiRegion& r : boot_info.efi_map->regions())
        if (r.contains(address)) return &r;
    return nullptr;
}

} // namespace px::x86::efi

namespace px::x86 {

void init_efi() {
    using namespace efi;
    if (!boot_info.efi_system_table || !wants_services) return;
    const EfiMap& map = *boot_info.efi_map;
    const RuntimeServices* table = map.is_complete ? find_table() : nullptr;
    if (!table) {
        log::warning("EFI: no runtime services: {}",
                     map.is_complete ? "the firmware's tables make no sense" : "the memory map is too long");
        return;
    }
    the_space.revision = table->header.revision;
    for (unsigned i = 0; i < RuntimeServices::count; ++i)
        the_space.entry[i] = is_code(table->entry[i]) ? table->entry[i] : 0;
    the_space.l4 = build();
    if (!the_space.l4) {
        log::warning("EFI: no runtime services: not enough memory");
        return;
    }
    log::info("EFI: runtime services {}.{}, {} regions in the map, {}; GetVariable at {:016x}",
              the_space.revision >> 16, (the_space.revision & 0xffff) / 10, map.region_count,
              map.right_count ? "code and data told apart" : "no table of memory attributes: code is writable",
              the_space.entry[static_cast<unsigned>(Service::GetVariable)]);
}

} // namespace px::x86
