// SPDX-License-Identifier: Apache-2.0
// PCI configuration space, and the devices that dom0 has announced.
#pragma once

#include "base/list.hpp"
#include "base/lock.hpp"
#include "base/result.hpp"

#include <optional>

namespace px::x86::msi {
struct Entry;
}

namespace px::x86::pci {

/// Where a function is.
struct Address {
    u16 segment = 0;
    u8 bus = 0;
    u8 devfn = 0; ///< device << 3 | function
    friend bool operator==(const Address&, const Address&) = default;
};

/// A register of a function.
struct Register {
    Address device;
    u32 offset = 0;
};

/// Configuration space, `bytes` 1, 2 or 4 at a multiple of that; offset below 4096. All ones where nothing answers.
[[nodiscard]] u32 read_config(Address device, u32 offset, u32 bytes);
void write_config(Address device, u32 offset, u32 bytes, u32 value);

/// Offset of a capability in the first 256 bytes; 0: the function does not have it.
[[nodiscard]] u32 find_capability(Address device, u8 id);
inline constexpr u8 capability_msi = 5, capability_msix = 0x11;

/// The register that a machine address is, where firmware has a window of memory for it.
[[nodiscard]] std::optional<Register> find_register(Paddr address);

/// A function that dom0 has announced (PHYSDEVOP_pci_device_add).
struct Device : ListLink<> {
    explicit Device(Address where) : address(where) {}
    const Address address;
    u32 msix_capability = 0;            ///< offset; 0: none
    List<msi::Entry> entries;           ///< its MSIs
    volatile u32* msix_table = nullptr; ///< mapped at first use, for good
    u32 msix_size = 0;
};

/// Guards the list of devices and their MSIs.
extern SpinLock<LockRank::PciDevices> devices_lock;
/// Null if not announced.
[[nodiscard]] Device* find_device(Address address) PX_REQUIRES(devices_lock);
/// Announces a function; nothing if it is known. Errors: NoMemory.
Result<> add_device(Address address);
/// Errors: NoDevice, Busy while it has MSIs.
Result<> remove_device(Address address);
/// True if firmware describes this window of configuration space.
[[nodiscard]] bool is_config_window(u64 address, u16 segment, u8 first_bus, u8 last_bus);

} // namespace px::x86::pci
