// SPDX-License-Identifier: Apache-2.0
// PCI configuration space by ports CF8/CFC and by memory windows (PCI 3.0, 3.2.2.3; PCI Express 4.0, 7.2.2).
#include "x86/machine/pci/pci.hpp"

#include "memory/heap.hpp"
#include "x86/instructions.hpp"
#include "x86/machine/firmware/acpi.hpp"
#include "x86/machine/paging/paging.hpp"
#include "x86/machine/pci/config_rules.hpp"
#include "x86/machine/pci/port_lock.hpp"

#include <atomic>

namespace px::x86::pci {
namespace {

constexpr u16 address_port = 0xcf8, data_port = 0xcfc;
constexpr u32 address_enable = 1u << 31;
constexpr u64 bus_bytes = 1 << 20;
constexpr u32 max_segments = 16;

/// Windows are mapped bus by bus when they are first needed: 256 pointers per segment.
std::atomic<std::atomic<u8*>*> windows[max_segments];

template <class T> T* publish(std::atomic<T*>& slot, T* made) {
    T* expected = nullptr;
    return slot.compare_exchange_strong(expected, made, std::memory_order_acq_rel) ? made : expected;
}

/// The function's 4 KiB in memory; null if there is no window.
u8* window(Address device) {
    const auto segments = acpi::pci_segments();
    for (u32 i = 0; i < segments.size() && i < max_segments; ++i) {
        const acpi::PciSegment& s = segments[i];
        if (s.segment != device.segment || device.bus < s.first_bus || device.bus > s.last_bus) continue;
        std::atomic<u8*>* buses = windows[i].load(std::memory_order_acquire);
        if (!buses) {
            auto* made = static_cast<std::atomic<u8*>*>(heap::allocate_bytes(256 * sizeof(std::atomic<u8*>)));
            if (!made) return nullptr;
            buses = publish(windows[i], made);
            if (buses != made) heap::free_bytes(made);
        }
        u8* bus = buses[device.bus].load(std::memory_order_acquire);
        if (!bus)
            bus = publish(buses[device.bus],
                          static_cast<u8*>(map_device(Paddr(s.address + device.bus * bus_bytes), bus_bytes)));
        return bus ? bus + device.devfn * page_size : nullptr;
    }
    return nullptr;
}

bool uses_ports(Address device, u32 offset) { return device.segment == 0 && offset < 256; }
void select(Address device, u32 offset) PX_REQUIRES(port_pair_lock) {
    out32(address_port, address_enable | u32{device.bus} << 16 | u32{device.devfn} << 8 | (offset & 0xfc));
}

} // namespace

u32 read_config(Address device, u32 offset, u32 bytes) {
    const u16 port = static_cast<u16>(data_port + (offset & 3));
    if (uses_ports(device, offset)) {
        IrqGuard guard(port_pair_lock);
        select(device, offset);
        return bytes == 1 ? in8(port) : bytes == 2 ? in16(port) : in32(port);
    }
    const volatile u8* at = offset < page_size ? window(device) : nullptr;
    if (!at) return bytes == 4 ? ~0u : (1u << bytes * 8) - 1;
    at += offset;
    if (bytes == 1) return *at;
    if (bytes == 2) return *reinterpret_cast<const volatile u16*>(at);
    return *reinterpret_cast<const volatile u32*>(at);
}

void write_config(Address device, u32 offset, u32 bytes, u32 value) {
    const u16 port = static_cast<u16>(data_port + (offset & 3));
    if (uses_ports(device, offset)) {
        IrqGuard guard(port_pair_lock);
        select(device, offset);
        if (bytes == 1) out8(port, static_cast<u8>(value));
        else if (bytes == 2) out16(port, static_cast<u16>(value));
        else out32(port, value);
        return;
    }
    volatile u8* at = offset < page_size ? window(device) : nullptr;
    if (!at) return;
    at += offset;
    if (bytes == 1) *at = static_cast<u8>(value);
    else if (bytes == 2) *reinterpret_cast<volatile u16*>(at) = static_cast<u16>(value);
    else *reinterpret_cast<volatile u32*>(at) = value;
}

u32 find_capability(Address device, u8 id) {
    constexpr u32 status = 6, first_pointer = 0x34, has_list = 1 << 4, most = 48;
    if (!(read_config(device, status, 2) & has_list)) return 0;
    u32 at = read_config(device, first_pointer, 1) & 0xfc;
    for (u32 i = 0; i < most && at >= 0x40; ++i) {
        const u32 header = read_config(device, at, 2);
        if ((header & 0xff) == id) return at;
        at = header >> 8 & 0xfc;
    }
    return 0;
}

std::optional<Register> find_register(Paddr address) {
    for (const acpi::PciSegment& s : acpi::pci_segments())
        if (const auto found = register_in(s, address)) return found;
    return std::nullopt;
}

bool is_config_window(u64 address, u16 segment, u8 first_bus, u8 last_bus) {
    for (const acpi::PciSegment& s : acpi::pci_segments())
        if (s.address == address && s.segment == segment && s.first_bus == first_bus && last_bus <= s.last_bus)
            return true;
    return false;
}

} // namespace px::x86::pci
