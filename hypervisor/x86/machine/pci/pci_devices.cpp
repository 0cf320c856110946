// SPDX-License-Identifier: Apache-2.0
// The PCI functions that dom0 has announced.
#include "base/log.hpp"
#include "memory/heap.hpp"
#include "x86/machine/pci/msi.hpp"
#include "x86/machine/pci/pci.hpp"

namespace px::x86::pci {
namespace {

List<Device> devices PX_GUARDED_BY(devices_lock);

} // namespace

SpinLock<LockRank::PciDevices> devices_lock;

Device* find_device(Address address) {
    for (Device& d : devices)
        if (d.address == address) return &d;
    return nullptr;
}

Result<> add_device(Address address) {
    Guard guard(devices_lock);
    if (find_device(address)) return {};
    Device* device = make<Device>(address);
    if (!device) return fail(Error::NoMemory);
    device->msix_capability = find_capability(address, capability_msix);
    devices.push_back(*device);
    log::debug("PCI add device {:04x}:{:02x}:{:02x}.{}", address.segment, address.bus, address.devfn >> 3,
               address.devfn & 7);
    return {};
}

Result<> remove_device(Address address) {
    Guard guard(devices_lock);
    Device* device = find_device(address);
    if (!device) return fail(Error::NoDevice);
    if (!device->entries.empty()) return fail(Error::Busy);
    List<Device>::remove(*device);
    destroy(device);
    log::debug("PCI remove device {:04x}:{:02x}:{:02x}.{}", address.segment, address.bus, address.devfn >> 3,
               address.devfn & 7);
    return {};
}

} // namespace px::x86::pci
