// SPDX-License-Identifier: Apache-2.0
// Reading the EFI system table.
#include "x86/machine/firmware/efi_tables.hpp"

#include "base/lock.hpp"
#include "start/boot_info.hpp"
#include "x86/machine/paging/paging.hpp"

namespace px::x86::efi {
namespace {

struct SystemTable {
    u64 signature;
    u32 revision, header_bytes, crc, reserved;
    u64 vendor; ///< machine addresses, before anybody calls SetVirtualAddressMap
    u32 firmware_revision, padding;
    u64 console_in_handle, console_in, console_out_handle, console_out, error_handle, error;
    u64 runtime_services, boot_services;
    u64 table_count;
    u64 tables;
};
static_assert(sizeof(SystemTable) == 120);
constexpr u64 system_table_signature = 0x5453595320494249; // "IBI SYST"

enum class Tried : u8 { No, Absent, Present };
Tried tried = Tried::No;
Firmware found;
SpinLock<LockRank::Domain> lock;

Tried read() {
    if (boot_info.efi_system_table == 0) return Tried::Absent;
    const auto* table = static_cast<const SystemTable*>(map_memory(Paddr(boot_info.efi_system_table), sizeof(SystemTable)));
    if (!table || table->signature != system_table_signature) return Tried::Absent;
    found.version = table->revision;
    found.revision = table->firmware_revision;
    found.tables = table->tables;
    found.table_count = static_cast<u32>(table->table_count);
    const auto* vendor = static_cast<const u16*>(map_memory(Paddr(table->vendor), Firmware::most_characters * 2));
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
