// SPDX-License-Identifier: Apache-2.0
// The ACPI tables of a guest without a chipset: processors, and that there is no legacy hardware (ACPI 6.4).
#pragma once

#include <cstdint>
#include <vector>

namespace image {

/// One processor: the numbers by which ACPI and the interrupt controllers know it, and whether it runs at the start.
struct AcpiProcessor {
    std::uint32_t uid = 0, apic_id = 0;
    bool enabled = true;
};

/// RSDP, XSDT, FADT (hardware-reduced), MADT and DSDT side by side, to be placed at guest physical `address`, where the
/// RSDP comes to lie. APIC ids above 254 get x2APIC entries.
std::vector<std::uint8_t> make_acpi_tables(std::uint64_t address, std::uint32_t lapic_address,
                                           const std::vector<AcpiProcessor>& processors);

} // namespace image
