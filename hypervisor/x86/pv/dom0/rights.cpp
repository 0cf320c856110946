// SPDX-License-Identifier: Apache-2.0
// What hardware dom0 may touch: all but interrupt controllers, the hypervisor's clocks and its serial ports.
#include "x86/pv/dom0/rights.hpp"

#include "boot/options.hpp"
#include "domain/rangeset.hpp"
#include "x86/guest/port.hpp"
#include "x86/machine/console/console.hpp"
#include "x86/machine/firmware/acpi.hpp"
#include "x86/pv/paging/pagetable.hpp"

#include <span>

namespace px::pv::dom0 {

namespace {

constexpr u64 all_frames_end = u64{1} << 40;
constexpr u64 last_interrupt = 4095;

struct PortRange {
    u32 first, count;
};
/// Interrupt controllers, timer, PCI configuration (shared: port_shared.cpp).
constexpr PortRange hypervisor_ports[] = {{0x20, 2}, {0xa0, 2}, {0x4d0, 2}, {0x40, 4}, {0x61, 1}, {0xcf8, 4}};

/// dom0_ioports_disable=FIRST-LAST,...: hexadecimal.
struct {
    PortRange ranges[16]{};
    unsigned count = 0;
} constinit disabled_ports{};

PX_OPTION(dom0_ioports_disable, "dom0_ioports_disable", [](std::string_view v) {
    return options::list(v, [](std::string_view word) {
        const auto range = options::hex_range(word);
        if (!range || range->last > 0xffff || disabled_ports.count == std::size(disabled_ports.ranges)) return false;
        disabled_ports.ranges[disabled_ports.count++] = {static_cast<u32>(range->first),
                                                         static_cast<u32>(range->last - range->first + 1)};
        return true;
    });
});

Result<> remove_bytes(RangeSet& frames, u64 start, u64 bytes) {
    return frames.remove(start >> page_shift, (start + bytes - 1) >> page_shift);
}

} // namespace

Result<> grant_rights(PvDomain& domain) {
    TRY(set_port_permission(domain, 0, 0x10000, true));
    for (const PortRange& p : hypervisor_ports) TRY(set_port_permission(domain, p.first, p.count, false));
    for (const PortRange& p : std::span(disabled_ports.ranges, disabled_ports.count))
        TRY(set_port_permission(domain, p.first, p.count, false));
    for (const unsigned i : {0u, 1u})
        if (const u16 port = console::serial_port_in_use(i)) TRY(set_port_permission(domain, port, 8, false));
    const x86::acpi::Register& pm_timer = x86::acpi::fixed_hardware().pm_timer;
    if (pm_timer.address && !pm_timer.is_memory)
        TRY(set_port_permission(domain, static_cast<u32>(pm_timer.address), 4, false));
    TRY(domain.io_ports->add(0, 0xffff));
    TRY(domain.irqs->add(0, last_interrupt));
    // Frames that are RAM are out of reach by their owners, whatever this set says.
    RangeSet& frames = *domain.io_memory;
    TRY(frames.add(0, all_frames_end - 1));
    TRY(remove_bytes(frames, x86::acpi::local_apic_address().raw(), page_size));
    for (const x86::acpi::IoApic& io_apic : x86::acpi::io_apics())
        TRY(remove_bytes(frames, io_apic.address.raw(), page_size));
    TRY(remove_bytes(frames, 0xfee00000, 0x100000)); // message-signalled interrupts
    // Firmware's methods read the HPET (QEMU's DSDT does); it counts for the hypervisor, so they may not write to it.
    if (const u64 hpet = x86::acpi::fixed_hardware().hpet)
        TRY(make_device_frames_read_only(hpet >> page_shift, hpet >> page_shift));
    // Configuration space: what is written is looked at (pagetable_write.cpp).
    for (const x86::acpi::PciSegment& s : x86::acpi::pci_segments()) {
        const auto bus = [&s](u64 number) { return (s.address + (number << 20)) >> page_shift; };
        TRY(make_device_frames_read_only(bus(s.first_bus), bus(s.last_bus + 1u) - 1));
    }
    return {};
}

} // namespace px::pv::dom0
