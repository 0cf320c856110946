// SPDX-License-Identifier: Apache-2.0
// The I/O APICs (Intel 82093AA): pins, their mode, target and mask.
#pragma once

#include "x86/machine/interrupt/irq.hpp"

namespace px::x86::ioapic {

/// Finds all I/O APICs and masks their pins; ISA pins get the mode that the MADT's overrides say.
void init();
/// One past the highest GSI (at least 16).
[[nodiscard]] u32 gsi_count();
[[nodiscard]] bool exists(u32 gsi);
[[nodiscard]] bool is_level(u32 gsi);
/// Trigger mode and polarity, as dom0 learnt from ACPI. The first call decides. Errors: Invalid, Exists (decided
/// before).
Result<> set_mode(u32 gsi, bool is_level, bool is_active_low);
/// A register as dom0 sees it, by the machine address of an I/O APIC. Errors: Invalid.
Result<u32> read_register(u64 address, u32 index);
/// A write by dom0: of a redirection entry's low word only the mode counts, and only while the pin is not in use;
/// vector, target and mask stay the hypervisor's. Errors: Invalid.
Result<> write_register(u64 address, u32 index, u32 value);

extern const irq::Chip chip;

} // namespace px::x86::ioapic
