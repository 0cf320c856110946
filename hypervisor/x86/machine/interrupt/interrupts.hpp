// SPDX-License-Identifier: Apache-2.0
// Interrupts of the boot CPU, and their way into the hypervisor.
#pragma once

namespace px::x86 {

/// Boot CPU, after init_acpi(): local APIC, I/O APICs, vectors.
void init_interrupts();

} // namespace px::x86
