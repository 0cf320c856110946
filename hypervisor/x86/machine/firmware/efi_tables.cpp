// SPDX-License-Identifier: Apache-2.0
// Reading the EFI system table.
#include "x86/machine/firmware/efi_tables.hpp"

#include "base/lock.hpp"
#include "boot/boot_info.hpp"
#include "x86/machine/firmware/efi_layout.hpp"
#include "x86/machine/paging/paging.hpp"

namespace px::x86::efi {
namespace {

enum class Tried : u8 { No, Absent, Present };
Tried tried = Tried::No;
Firmware found;
SpinLock<LockRank::Domain> lock;

Tried read() {
    if (boot_info.efi_system_table == 0) return Tried::Absent;
    const auto* table =
        static_cast<const SystemTable*>(map_memory(Paddr(boot_info.efi_system_table), sizeof(SystemTable)));
    if (!table || table->header.signature != SystemTable::expected_signature) return Tried::Absent;
    found.version = table->header.revision;
    found.revision = table->firmware_revision;
    found.tables = table->tables;
    found.table_count = static_cast<u32>(table->table_count);
    const auto* vendor =
        static_cast<const u16*>(map_memory(Paddr(table->vendor), Firmware::most_characters * sizeof(u16)));
    for (unsigned i = 0; vendor && i < Firmware::most_characters && vendor[i] != 0; ++i) found.vendor[i] = vendor[i];
    return Tried::Present;
}

} // namespace

const Firmware* firmware() {
    Guard guard(lock);
    if (tried == Tried::No) tried = read();
    return tried == Tried::Present ? &found : nullptr;
}

} // namespace px::x86::efi
