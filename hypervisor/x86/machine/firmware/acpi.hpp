// SPDX-License-Identifier: Apache-2.0
// What the firmware's ACPI tables say of CPUs, interrupt controllers, clocks and power (ACPI 6.5, chapter 5).
#pragma once

#include "base/number.hpp"
#include "base/result.hpp"

#include <span>

namespace px::x86 {
/// Boot CPU, with a heap: finds the tables and keeps what is used of them (MADT, HPET, FADT, MCFG).
void init_acpi();
} // namespace px::x86

namespace px::x86::acpi {

/// A processor of the MADT that can be used.
struct Cpu {
    u32 apic_id;
    u32 acpi_id;       ///< processor UID
    u32 proximity = 0; ///< NUMA node's domain (SRAT)
};
/// An I/O APIC of the MADT.
struct IoApic {
    u8 id;
    Paddr address;
    u32 gsi_base;
};
/// An ISA interrupt that is wired to another GSI, or with other polarity or trigger mode.
struct InterruptOverride {
    u8 isa_irq;
    u32 gsi;
    bool is_active_low;
    bool is_level;
};
/// A PCI Express configuration space window (MCFG).
struct PciSegment {
    u64 address;
    u16 segment;
    u8 first_bus, last_bus;
};
/// A register of the fixed hardware.
struct Register {
    u64 address = 0;        ///< 0: absent
    bool is_memory = false; ///< else an I/O port
    u8 bits = 0;
};
/// What FADT, HPET and FACS say.
struct FixedHardware {
    Register pm1a_event, pm1b_event, pm1a_control, pm1b_control, pm_timer, reset;
    u8 reset_value = 0;
    bool has_reset = false;
    bool is_pm_timer_32bit = false;
    u64 facs = 0;
    u64 dsdt = 0; ///< physical address; 0: none
    u64 hpet = 0; ///< physical address; 0: none
    u8 century_register = 0;
    u16 sci_interrupt = 9;
};

/// Boot CPU first, then the others in MADT order.
[[nodiscard]] std::span<const Cpu> cpus();
[[nodiscard]] std::span<const IoApic> io_apics();
[[nodiscard]] std::span<const InterruptOverride> overrides();
[[nodiscard]] std::span<const PciSegment> pci_segments();
[[nodiscard]] const FixedHardware& fixed_hardware();
[[nodiscard]] Paddr local_apic_address();
/// Physical address of the RSDP (dom0 gets it by start_info or its firmware table call); invalid if none.
[[nodiscard]] Paddr rsdp();
/// First table with this signature, mapped, checksum verified; null if there is none.
[[nodiscard]] const void* find_table(const char (&signature)[5]);

} // namespace px::x86::acpi
