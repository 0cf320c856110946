// SPDX-License-Identifier: Apache-2.0
// The firmware's table of memory attributes: which parts of its runtime code are really code.
#include "x86/machine/boot/multiboot.hpp"
#include "x86/machine/firmware/efi_layout.hpp"

#include <algorithm>

namespace px::x86::boot {
namespace {

struct Descriptor {
    u64 type, physical, virtual_, pages, attributes;
};
constexpr u64 most_tables = 256, most_rights_listed = 4096;

u64 find_attributes_table(const PhysicalMemory& memory, u64 system_table) {
    const auto system = memory.read<efi::SystemTable>(system_table);
    if (system.header.signature != efi::SystemTable::expected_signature) return 0;
    const u64 count = std::min(system.table_count, most_tables);
    for (u64 i = 0; i < count; ++i) {
        const auto entry = memory.read<efi::ConfigurationTable>(system.tables + i * sizeof(efi::ConfigurationTable));
        if (entry.vendor == efi::MemoryAttributesTable::guid) return entry.table;
    }
    return 0;
}

} // namespace

void read_efi_rights(const PhysicalMemory& memory, u64 system_table, EfiMap& map) {
    map.right_count = 0;
    const u64 at = find_attributes_table(memory, system_table);
    if (at == 0) return;
    const auto table = memory.read<efi::MemoryAttributesTable>(at);
    if (table.descriptor_bytes < sizeof(Descriptor) || table.count > most_rights_listed) return;
    for (u64 i = 0; i < table.count; ++i) {
        const auto d = memory.read<Descriptor>(at + sizeof table + i * table.descriptor_bytes);
        if (d.pages == 0 || d.pages >= u64{1} << 40 || d.physical % page_size) continue;
        if (map.right_count ==
            EfiMap::max_rights) { // half a table would leave some code writable, some data executable
            map.right_count = 0;
            return;
        }
        map.right[map.right_count++] = {d.physical, d.pages, d.attributes, static_cast<u32>(d.type)};
    }
}

} // namespace px::x86::boot
