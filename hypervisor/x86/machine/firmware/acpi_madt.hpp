// SPDX-License-Identifier: Apache-2.0
// Reading the MADT: pure, so that host tests and fuzzers run it.
#pragma once

#include "base/bitmap.hpp"
#include "x86/machine/firmware/acpi.hpp"

namespace px::x86::acpi {

/// What the MADT lists; entries beyond the limits are dropped (and counted).
struct Topology {
    static constexpr unsigned max_io_apics = 128;
    static constexpr unsigned max_overrides = 16;
    Cpu cpus[max_cpus];
    unsigned cpu_count = 0;
    IoApic io_apics[max_io_apics];
    unsigned io_apic_count = 0;
    InterruptOverride overrides[max_overrides];
    unsigned override_count = 0;
    u64 local_apic = 0xfee00000;
    unsigned dropped = 0;
};

/// Fills out from a MADT of `length` bytes (header included). Malformed entries end the walk.
void read_madt(const u8* table, u32 length, Topology& out);

} // namespace px::x86::acpi
