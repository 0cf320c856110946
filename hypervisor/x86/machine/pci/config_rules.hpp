// SPDX-License-Identifier: Apache-2.0
// What of configuration space a domain may write. Pure.
#pragma once

#include "x86/machine/firmware/acpi.hpp"
#include "x86/machine/pci/pci.hpp"

#include <optional>

namespace px::x86::pci {

/// Where in a function's configuration space an address of a memory window is (PCI Express 4.0, 7.2.2).
[[nodiscard]] constexpr std::optional<Register> register_in(const acpi::PciSegment& window, Paddr address) {
    if (address.raw() < window.address) return std::nullopt;
    const u64 offset = address.raw() - window.address, bus = offset >> 20;
    if (bus < window.first_bus || bus > window.last_bus) return std::nullopt;
    return Register{{window.segment, static_cast<u8>(bus), static_cast<u8>(offset >> 12)},
                    static_cast<u32>(offset & (page_size - 1))};
}

/// What is known of a function's messages. Offsets of capabilities; 0: none.
struct Messages {
    u32 msix = 0;
    u32 msi = 0;      ///< set up by the hypervisor, and
    u32 msi_mask = 0; ///< its mask bits
};

/// True if a write of so many bytes may pass. What says where messages go, and which, is the hypervisor's: of MSI-X's
/// capability and of an MSI that is in use and can be masked, only the control word is for writing, by itself, as in
/// Xen 4.17 (which also takes mask bits; paravirtual kernels leave them alone). The table of MSI-X and the address of
/// an MSI without mask bits are dom0's to write there, and here: it is trusted with what its devices do.
[[nodiscard]] constexpr bool may_write(const Messages& messages, u32 offset, u32 bytes) {
    constexpr u32 control = 2, msix_bytes = 12, mask_bytes = 8;
    const auto is_control = [&](u32 capability) { return offset == capability + control && bytes == 2; };
    const auto is_in = [&](u32 first, u32 end) { return offset < end && offset + bytes > first; };
    if (messages.msix && is_in(messages.msix, messages.msix + msix_bytes)) return is_control(messages.msix);
    if (messages.msi && is_in(messages.msi, messages.msi_mask + mask_bytes)) return is_control(messages.msi);
    return true;
}

} // namespace px::x86::pci
