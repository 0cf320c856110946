// SPDX-License-Identifier: Apache-2.0
// Message signalled interrupts, programmed on behalf of dom0 (PCI 3.0, 6.8; SDM volume 3, 11.11).
#pragma once

#include "x86/machine/interrupt/irq.hpp"
#include "x86/machine/pci/pci.hpp"

namespace px::x86::msi {

/// One message of a device.
struct Entry : ListLink<> {
    pci::Device* device = nullptr;
    irq::Descriptor* descriptor = nullptr;
    volatile u32* table_entry = nullptr; ///< MSI-X: its 16 bytes; null: MSI
    u16 index = 0;                       ///< MSI-X: number in the table
    u16 capability = 0;                  ///< offset in configuration space
    bool is_64bit = false, is_maskable = true;
};

/// Sets up the function's MSI, or message `index` of its MSI-X table, masked where that is possible. dom0 enables the
/// capability. table_base: machine address of the table's BAR, as dom0 knows it (virtual functions have none of their
/// own). Errors: NoDevice (not announced), Invalid, Busy or Exists (in use), NoSpace, NoMemory.
Result<irq::Descriptor*> map(pci::Address address, bool is_msix, u32 index, u64 table_base);
/// Takes a message down and frees its descriptor's vectors. The descriptor has no guests.
void unmap(irq::Descriptor& descriptor);
/// True if the descriptor is of a message.
[[nodiscard]] bool is_message(const irq::Descriptor& descriptor);
/// Programs all messages of a function again, after a reset or sleep. Errors: NoDevice.
Result<> restore(pci::Address address);
/// PHYSDEVOP_prepare_msix and _release_msix: the function has MSI-X and no message of it is in use. Errors: NoDevice,
/// Busy.
Result<> check_unused(pci::Address address);

/// A write of 1, 2 or 4 bytes at a multiple of that by a domain that has the hardware: dropped where the register is
/// the hypervisor's (config_rules.hpp). Interrupts on.
void write_config_for_domain(pci::Register where, u32 bytes, u32 value);

} // namespace px::x86::msi
