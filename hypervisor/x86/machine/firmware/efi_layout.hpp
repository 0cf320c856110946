// SPDX-License-Identifier: Apache-2.0
// EFI's tables in memory (UEFI 2.10, sections 4.3, 4.5 and 4.6), with machine addresses: nobody calls
// SetVirtualAddressMap.
#pragma once

#include "base/number.hpp"

#include <cstddef>

namespace px::x86::efi {

struct TableHeader {
    u64 signature;
    u32 revision; ///< major << 16 | minor
    u32 bytes, crc, reserved;
};

struct SystemTable {
    static constexpr u64 expected_signature = 0x5453595320494249; // "IBI SYST"
    TableHeader header;
    u64 vendor;
    u32 firmware_revision, padding;
    u64 console_in_handle, console_in, console_out_handle, console_out, error_handle, error;
    u64 runtime_services, boot_services;
    u64 table_count;
    u64 tables; ///< of ConfigurationTable
};
static_assert(sizeof(SystemTable) == 120);

struct Guid {
    u32 data1;
    u16 data2, data3;
    u8 data4[8];
    friend bool operator==(const Guid&, const Guid&) = default;
};
struct ConfigurationTable {
    Guid vendor;
    u64 table;
};
static_assert(sizeof(ConfigurationTable) == 24);

/// EFI_MEMORY_ATTRIBUTES_TABLE; its descriptors follow, each descriptor_bytes long.
struct MemoryAttributesTable {
    static constexpr Guid guid = {0xdcfa911d, 0x26eb, 0x469f, {0xa2, 0x20, 0x38, 0xb7, 0xdc, 0x46, 0x12, 0x20}};
    u32 version, count, descriptor_bytes, flags;
};

/// The runtime services' entry points, in the order of their table.
enum class Service : unsigned {
    GetTime,
    SetTime,
    GetWakeupTime,
    SetWakeupTime,
    SetVirtualAddressMap,
    ConvertPointer,
    GetVariable,
    GetNextVariableName,
    SetVariable,
    GetNextHighMonotonicCount,
    ResetSystem,
    UpdateCapsule,
    QueryCapsuleCapabilities,
    QueryVariableInfo
};
struct RuntimeServices {
    static constexpr u64 expected_signature = 0x56524553544e5552; // "RUNTSERV"
    static constexpr unsigned count = 14;
    TableHeader header;
    u64 entry[count];
};
static_assert(sizeof(RuntimeServices) == 136 && offsetof(RuntimeServices, entry) == 24);

/// EFI_TIME.
struct Time {
    u16 year;
    u8 month, day, hour, minute, second, pad1;
    u32 nanosecond;
    s16 time_zone;
    u8 daylight, pad2;
};
static_assert(sizeof(Time) == 16);

struct TimeCapabilities {
    u32 resolution, accuracy;
    bool sets_to_zero;
};

} // namespace px::x86::efi
