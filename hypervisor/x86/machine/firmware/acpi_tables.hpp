// SPDX-License-Identifier: Apache-2.0
// ACPI tables as the firmware lays them out: packed, unaligned (ACPI 6.5, chapter 5). Read by value only.
#pragma once

#include "base/number.hpp"

#include <cstring>

namespace px::x86::acpi {

struct [[gnu::packed]] RootPointer {
    char signature[8]; ///< "RSD PTR "
    u8 checksum;
    char oem[6];
    u8 revision;
    u32 rsdt;
    u32 length; ///< from revision 2 on
    u64 xsdt;
    u8 extended_checksum;
    u8 reserved[3];
};
static_assert(sizeof(RootPointer) == 36);

struct [[gnu::packed]] Header {
    char signature[4];
    u32 length;
    u8 revision, checksum;
    char oem[6], oem_table[8];
    u32 oem_revision, creator, creator_revision;
};
static_assert(sizeof(Header) == 36);

struct [[gnu::packed]] GenericAddress {
    u8 space; ///< 0 memory, 1 I/O
    u8 bits, offset, access;
    u64 address;
};
static_assert(sizeof(GenericAddress) == 12);

struct [[gnu::packed]] Fadt {
    Header header;
    u32 facs, dsdt;
    u8 reserved0, profile;
    u16 sci;
    u32 smi_command;
    u8 acpi_enable, acpi_disable, s4bios, pstate;
    u32 pm1a_event, pm1b_event, pm1a_control, pm1b_control, pm2_control, pm_timer, gpe0, gpe1;
    u8 pm1_event_length, pm1_control_length, pm2_control_length, pm_timer_length, gpe0_length, gpe1_length, gpe1_base,
        cst;
    u16 c2_latency, c3_latency, flush_size, flush_stride;
    u8 duty_offset, duty_width, day_alarm, month_alarm, century;
    u16 boot_flags;
    u8 reserved1;
    u32 flags;
    GenericAddress reset;
    u8 reset_value;
    u16 arm_flags;
    u8 minor;
    u64 x_facs, x_dsdt;
    GenericAddress x_pm1a_event, x_pm1b_event, x_pm1a_control, x_pm1b_control, x_pm2_control, x_pm_timer, x_gpe0,
        x_gpe1;
};
static_assert(sizeof(Fadt) == 244);
inline constexpr u32 fadt_reset_supported = 1u << 10;
inline constexpr u32 fadt_pm_timer_32bit = 1u << 8;

struct [[gnu::packed]] Madt {
    Header header;
    u32 local_apic, flags;
};
struct [[gnu::packed]] Hpet {
    Header header;
    u32 block_id;
    GenericAddress address;
    u8 number;
    u16 minimum_tick;
    u8 protection;
};
struct [[gnu::packed]] McfgEntry {
    u64 address;
    u16 segment;
    u8 first_bus, last_bus;
    u32 reserved;
};

/// A T at an unaligned place; zero-filled where the table is shorter than T.
template <class T> T read_at(const u8* table, u32 offset, u32 length) {
    T value{};
    if (offset < length) std::memcpy(&value, table + offset, length - offset < sizeof(T) ? length - offset : sizeof(T));
    return value;
}

/// Sum of bytes is zero.
inline bool checksum_ok(const u8* bytes, u32 length) {
    u8 sum = 0;
    for (u32 i = 0; i < length; ++i) sum = static_cast<u8>(sum + bytes[i]);
    return sum == 0;
}

} // namespace px::x86::acpi
