// SPDX-License-Identifier: Apache-2.0
// Programming MSI and MSI-X.
#include "x86/machine/pci/msi.hpp"

#include "base/log.hpp"
#include "boot/options.hpp"
#include "memory/heap.hpp"
#include "x86/machine/interrupt/apic.hpp"
#include "x86/machine/paging/paging.hpp"
#include "x86/machine/pci/config_rules.hpp"

namespace px::x86::msi {
namespace {

constinit bool is_allowed = true;
PX_OPTION(msi, "msi", [](std::string_view v) {
    const auto on = options::boolean(v);
    is_allowed = on.value_or(true);
    return on.has_value();
});

/// Offsets in the capabilities.
constexpr u32 control = 2, msi_address = 4, msi_address_high = 8, msix_table = 4;
constexpr u32 msi_enable = 1, msi_multiple = 7 << 4, msi_64bit = 1 << 7, msi_maskable = 1 << 8;
constexpr u32 msix_last = 0x7ff;
/// Words of a table entry.
enum TableWord : u32 { AddressLow, AddressHigh, Data, VectorControl, EntryWords };

constexpr u32 message_address = 0xfee00000;

Entry& entry_of(irq::Descriptor& d) { return *static_cast<Entry*>(d.chip_data); }
u32 data_offset(const Entry& e) { return e.capability + (e.is_64bit ? 12u : 8u); }
u32 mask_offset(const Entry& e) { return e.capability + (e.is_64bit ? 16u : 12u); }

void set_mask(Entry& e, bool is_masked) {
    if (e.table_entry) {
        e.table_entry[VectorControl] = (e.table_entry[VectorControl] & ~1u) | (is_masked ? 1 : 0);
        (void)e.table_entry[VectorControl]; // the write has arrived before what follows
    } else if (e.is_maskable) {
        const pci::Address a = e.device->address;
        const u32 bits = pci::read_config(a, mask_offset(e), 4);
        pci::write_config(a, mask_offset(e), 4, is_masked ? bits | 1 : bits & ~1u);
    }
}

bool is_masked(const Entry& e) {
    if (e.table_entry) return (e.table_entry[VectorControl] & 1) != 0;
    return e.is_maskable && (pci::read_config(e.device->address, mask_offset(e), 4) & 1) != 0;
}

void mask(irq::Descriptor& d) { set_mask(entry_of(d), true); }
void unmask(irq::Descriptor& d) { set_mask(entry_of(d), false); }

/// Writes address and data; the entry is masked, or cannot send yet.
void program(Entry& e, u32 apic_id, u8 vector) {
    const u32 low = message_address | (apic_id & 0xff) << 12;
    if (e.table_entry) {
        e.table_entry[AddressLow] = low;
        e.table_entry[AddressHigh] = 0;
        e.table_entry[Data] = vector;
        return;
    }
    const pci::Address a = e.device->address;
    pci::write_config(a, e.capability + msi_address, 4, low);
    if (e.is_64bit) pci::write_config(a, e.capability + msi_address_high, 4, 0);
    pci::write_config(a, data_offset(e), 2, vector);
}

bool set_target(irq::Descriptor& d, CpuId cpu, u8 vector) {
    const u32 id = apic::id_of(cpu);
    if (id > 0xff) return false; // needs interrupt remapping
    Entry& e = entry_of(d);
    // Address and data are two writes. What cannot be masked in between must not change both.
    const bool was_masked = is_masked(e);
    if (!was_masked && !e.is_maskable && vector != d.place.vector) return false;
    if (!was_masked) set_mask(e, true);
    program(e, id, vector);
    if (!was_masked) set_mask(e, false);
    return true;
}

constexpr irq::Chip msi_chip = {"PCI-MSI", mask, unmask, set_target};
constexpr irq::Chip msix_chip = {"PCI-MSI-X", mask, unmask, set_target};

Entry* find_entry(pci::Device& device, bool is_msix, u32 index) PX_REQUIRES(pci::devices_lock) {
    for (Entry& e : device.entries)
        if ((e.table_entry != nullptr) == is_msix && e.index == index) return &e;
    return nullptr;
}

/// Machine address of a memory BAR; 0 if it has none.
u64 bar_address(pci::Address a, u32 number) {
    constexpr u32 first_bar = 0x10;
    if (number > 5) return 0;
    const u32 low = pci::read_config(a, first_bar + number * 4, 4);
    if (low & 1) return 0; // I/O
    const bool is_64bit = (low >> 1 & 3) == 2 && number < 5;
    const u64 high = is_64bit ? pci::read_config(a, first_bar + number * 4 + 4, 4) : 0;
    return high << 32 | (low & ~0xfu);
}

Result<> map_table(pci::Device& device, u32 capability, u64 table_base) PX_REQUIRES(pci::devices_lock) {
    constexpr u32 command = 4, memory_enable = 2;
    if (device.msix_table) return {};
    if (!(pci::read_config(device.address, command, 2) & memory_enable)) return fail(Error::NoDeviceOrAddress);
    const u32 size = (pci::read_config(device.address, capability + control, 2) & msix_last) + 1;
    const u32 where = pci::read_config(device.address, capability + msix_table, 4);
    const u64 own = bar_address(device.address, where & 7);
    const u64 base = own != 0 ? own : table_base;
    if (base == 0) return fail(Error::Invalid);
    auto* table = static_cast<volatile u32*>(map_device(Paddr(base + (where & ~7u)), u64{size} * EntryWords * 4));
    if (!table) return fail(Error::NoMemory);
    device.msix_table = table;
    device.msix_size = size;
    return {};
}

/// Fills in what the kind of capability decides.
Result<> prepare(Entry& e, bool is_msix, u32 index, u64 table_base) PX_REQUIRES(pci::devices_lock) {
    pci::Device& device = *e.device;
    const u32 at = pci::find_capability(device.address, is_msix ? pci::capability_msix : pci::capability_msi);
    if (at == 0) return fail(Error::NoDevice);
    e.capability = static_cast<u16>(at);
    e.index = static_cast<u16>(index);
    const u32 bits = pci::read_config(device.address, at + control, 2);
    if (!is_msix) {
        e.is_64bit = (bits & msi_64bit) != 0;
        e.is_maskable = (bits & msi_maskable) != 0;
        pci::write_config(device.address, at + control, 2, bits & ~(msi_enable | msi_multiple));
        return {};
    }
    if (index > (bits & msix_last)) return fail(Error::Invalid);
    TRY(map_table(device, at, table_base));
    e.table_entry = device.msix_table + std::size_t{index} * EntryWords;
    return {};
}

Result<irq::Descriptor*> set_up(Entry& e, bool is_msix) {
    irq::Descriptor* d = TRY(irq::create_msi(is_msix ? msix_chip : msi_chip, &e));
    IrqGuard guard(d->lock);
    set_mask(e, true);
    program(e, apic::id_of(CpuId(d->place.cpu)), d->place.vector);
    return d;
}

} // namespace

Result<irq::Descriptor*> map(pci::Address address, bool is_msix, u32 index, u64 table_base) {
    if (!is_allowed) return fail(Error::Perm);
    Guard guard(pci::devices_lock);
    pci::Device* device = pci::find_device(address);
    if (!device) return fail(Error::NoDevice);
    if (find_entry(*device, is_msix, index)) return fail(Error::Exists);
    Entry* e = make<Entry>();
    if (!e) return fail(Error::NoMemory);
    e->device = device;
    Result<> prepared = prepare(*e, is_msix, index, table_base);
    Result<irq::Descriptor*> d = prepared ? set_up(*e, is_msix) : fail(prepared.error());
    if (!d) {
        destroy(e);
        return d;
    }
    e->descriptor = *d;
    device->entries.push_back(*e);
    return d;
}

bool is_message(const irq::Descriptor& d) { return d.chip == &msi_chip || d.chip == &msix_chip; }

void unmap(irq::Descriptor& d) {
    Guard guard(pci::devices_lock);
    if (!is_message(d)) return;
    Entry& e = entry_of(d);
    if (!e.table_entry) { // what cannot be masked is switched off
        const u32 bits = pci::read_config(e.device->address, e.capability + control, 2);
        pci::write_config(e.device->address, e.capability + control, 2, bits & ~msi_enable);
    }
    irq::shut_down(d);
    List<Entry>::remove(e);
    destroy(&e);
}

Result<> restore(pci::Address address) {
    Guard guard(pci::devices_lock);
    pci::Device* device = pci::find_device(address);
    if (!device) return fail(Error::NoDevice);
    for (Entry& e : device->entries) {
        IrqGuard entry_guard(e.descriptor->lock);
        set_mask(e, true);
        program(e, apic::id_of(CpuId(e.descriptor->place.cpu)), e.descriptor->place.vector);
        if (e.descriptor->guest_count != 0) set_mask(e, false);
    }
    return {};
}

void write_config_for_domain(pci::Register where, u32 bytes, u32 value) {
    Guard guard(pci::devices_lock);
    pci::Messages messages;
    if (pci::Device* device = pci::find_device(where.device)) {
        messages.msix = device->msix_capability;
        if (const Entry* e = find_entry(*device, false, 0); e && e->is_maskable) {
            messages.msi = e->capability;
            messages.msi_mask = mask_offset(*e);
        }
    }
    if (pci::may_write(messages, where.offset, bytes)) pci::write_config(where.device, where.offset, bytes, value);
}

Result<> check_unused(pci::Address address) {
    Guard guard(pci::devices_lock);
    pci::Device* device = pci::find_device(address);
    if (!device || pci::find_capability(address, pci::capability_msix) == 0) return fail(Error::NoDevice);
    for (Entry& e : device->entries)
        if (e.table_entry) return fail(Error::Busy);
    return {};
}

} // namespace px::x86::msi
