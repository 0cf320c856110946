// SPDX-License-Identifier: Apache-2.0
// Reading the CMOS real-time clock by its ports.
#include "x86/machine/clock/rtc.hpp"

#include "x86/instructions.hpp"
#include "x86/machine/firmware/acpi.hpp"

namespace px::x86::rtc {
namespace {

constexpr u16 index_port = 0x70, data_port = 0x71;
constexpr u8 nmi_disable = 0x80;
constexpr u8 update_in_progress = 0x80, binary_mode = 4, mode_24_hours = 2;

u8 read(u8 index) {
    out8(index_port, static_cast<u8>(index | nmi_disable));
    return in8(data_port);
}

Raw read_all() {
    const u8 status_b = read(0xb);
    const u8 century = acpi::fixed_hardware().century_register;
    return {read(0),
            read(2),
            read(4),
            read(7),
            read(8),
            read(9),
            century != 0 ? read(century) : u8{0},
            (status_b & binary_mode) != 0,
            (status_b & mode_24_hours) != 0};
}

} // namespace

u64 read_epoch() {
    u64 value = 0;
    // Two equal readings outside of an update; a machine without the clock ends after some tries.
    for (unsigned i = 0, equal = 0; i < 20'000 && equal < 2; ++i) {
        if (read(0xa) & update_in_progress) continue;
        const u64 again = to_epoch(read_all());
        equal = again == value ? equal + 1 : 1;
        value = again;
    }
    out8(index_port, 0xd); // NMIs on again
    return value;
}

} // namespace px::x86::rtc
