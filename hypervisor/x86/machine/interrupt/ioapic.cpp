// SPDX-License-Identifier: Apache-2.0
// Programming the I/O APICs.
#include "x86/machine/interrupt/ioapic.hpp"

#include "base/log.hpp"
#include "memory/heap.hpp"
#include "x86/machine/firmware/acpi.hpp"
#include "x86/machine/firmware/acpi_madt.hpp"
#include "x86/machine/interrupt/apic.hpp"
#include "x86/machine/paging/paging.hpp"

#include <algorithm>

namespace px::x86::ioapic {
namespace {

constexpr u32 max_pins = 240;
constexpr u32 isa_irqs = 16;

enum class Register : u32 { Id = 0, Version = 1, Arbitration = 2, FirstEntry = 0x10 };
/// Low word of a redirection entry.
constexpr u32 active_low = 1 << 13, level_triggered = 1 << 15, masked = 1 << 16;

struct Chip {
    volatile u32* registers;
    u64 address;
    u32 gsi_base, pins;
    u32* low;         ///< what is in each entry's low word: saves reads of the device
    bool* is_decided; ///< mode set by dom0
};

struct {
    Chip chips[acpi::Topology::max_io_apics];
    u32 count = 0;
    u32 gsi_count = isa_irqs;
} state;
SpinLock<LockRank::Machine> lock;

u32 read(const Chip& c, u32 index) PX_REQUIRES(lock) {
    c.registers[0] = index;
    return c.registers[4];
}
void write(const Chip& c, u32 index, u32 value) PX_REQUIRES(lock) {
    c.registers[0] = index;
    c.registers[4] = value;
}
constexpr u32 entry(u32 pin) { return static_cast<u32>(Register::FirstEntry) + 2 * pin; }

Chip* find(u32 gsi) {
    for (u32 i = 0; i < state.count; ++i)
        if (gsi >= state.chips[i].gsi_base && gsi - state.chips[i].gsi_base < state.chips[i].pins)
            return &state.chips[i];
    return nullptr;
}

void write_low(Chip& c, u32 pin, u32 value) PX_REQUIRES(lock) {
    c.low[pin] = value;
    write(c, entry(pin), value);
}

void mask(irq::Descriptor& d) {
    Chip* c = find(d.number.raw());
    IrqGuard guard(lock);
    const u32 pin = d.number.raw() - c->gsi_base;
    if (!(c->low[pin] & masked)) write_low(*c, pin, c->low[pin] | masked);
}

void unmask(irq::Descriptor& d) {
    Chip* c = find(d.number.raw());
    IrqGuard guard(lock);
    const u32 pin = d.number.raw() - c->gsi_base;
    write_low(*c, pin, c->low[pin] & ~masked);
}

bool set_target(irq::Descriptor& d, CpuId cpu, u8 vector) {
    const u32 id = apic::id_of(cpu);
    if (id > 0xff) return false; // the entry has no room for more
    Chip* c = find(d.number.raw());
    IrqGuard guard(lock);
    const u32 pin = d.number.raw() - c->gsi_base;
    const u32 before = c->low[pin];
    write_low(*c, pin, before | masked); // both halves change together
    write(*c, entry(pin) + 1, id << 24);
    write_low(*c, pin, (before & ~0xffu) | vector);
    return true;
}

/// Mode of a GSI that nobody has described: ISA pins edge and high unless overridden, others level and low (PCI).
u32 default_mode(u32 gsi) {
    for (const acpi::InterruptOverride& o : acpi::overrides())
        if (o.gsi == gsi) return (o.is_level ? level_triggered : 0) | (o.is_active_low ? active_low : 0);
    return gsi < isa_irqs ? 0 : level_triggered | active_low;
}

void add(const acpi::IoApic& found) {
    Chip& c = state.chips[state.count];
    c = {static_cast<volatile u32*>(map_device(found.address, page_size)),
         found.address.raw(),
         found.gsi_base,
         0,
         nullptr,
         nullptr};
    const u32 version = [&] {
        IrqGuard guard(lock);
        return read(c, static_cast<u32>(Register::Version));
    }();
    if (version == ~0u) return;
    const u32 pins = std::min((version >> 16 & 0xff) + 1, max_pins);
    if (found.gsi_base > irq::max_irqs - pins) {
        log::warning("IOAPIC at {:#x}: its interrupts from {} on are beyond {}, and left alone", c.address,
                     found.gsi_base, irq::max_irqs);
        return;
    }
    c.low = static_cast<u32*>(heap::allocate_bytes(pins * sizeof(u32)));
    c.is_decided = static_cast<bool*>(heap::allocate_bytes(pins * sizeof(bool)));
    if (!c.low || !c.is_decided) return;
    IrqGuard guard(lock);
    c.pins = pins;
    ++state.count;
    state.gsi_count = std::max(state.gsi_count, c.gsi_base + pins);
    for (u32 pin = 0; pin < pins; ++pin) {
        write_low(c, pin, masked | default_mode(c.gsi_base + pin));
        write(c, entry(pin) + 1, 0);
    }
    log::info("IOAPIC[{}]: apic_id {}, version {}, address {:#x}, GSI {}-{}", state.count - 1, found.id, version & 0xff,
              c.address, c.gsi_base, c.gsi_base + pins - 1);
}

} // namespace

const irq::Chip chip = {"IO-APIC", mask, unmask, set_target};

void init() {
    for (const acpi::IoApic& found : acpi::io_apics()) add(found);
}

u32 gsi_count() { return state.gsi_count; }
bool exists(u32 gsi) { return find(gsi) != nullptr; }

bool is_level(u32 gsi) {
    Chip* c = find(gsi);
    if (!c) return false;
    IrqGuard guard(lock);
    return (c->low[gsi - c->gsi_base] & level_triggered) != 0;
}

Result<> set_mode(u32 gsi, bool is_level, bool is_active_low) {
    Chip* c = find(gsi);
    if (!c) return fail(Error::Invalid);
    irq::Descriptor* d = irq::find(Irq(gsi));
    auto set = [&]() -> Result<> {
        IrqGuard guard(lock);
        const u32 pin = gsi - c->gsi_base;
        if (c->is_decided[pin]) return fail(Error::Exists);
        c->is_decided[pin] = true;
        const u32 mode = (is_level ? level_triggered : 0) | (is_active_low ? active_low : 0);
        write_low(*c, pin, (c->low[pin] & ~(level_triggered | active_low)) | mode);
        return {};
    };
    if (!d) return set();
    IrqGuard guard(d->lock);
    if (d->guest_count != 0) return fail(Error::Exists); // in use as it is
    TRY(set());
    if (d->chip) d->is_level = is_level;
    return {};
}

Result<u32> read_register(u64 address, u32 index) {
    for (u32 i = 0; i < state.count; ++i) {
        if (state.chips[i].address != address) continue;
        if (index >= entry(state.chips[i].pins)) return fail(Error::Invalid);
        IrqGuard guard(lock);
        return read(state.chips[i], index);
    }
    return fail(Error::Invalid);
}

Result<> write_register(u64 address, u32 index, u32 value) {
    for (u32 i = 0; i < state.count; ++i) {
        Chip& c = state.chips[i];
        if (c.address != address) continue;
        if (index >= entry(c.pins)) return fail(Error::Invalid);
        if (index < entry(0) || (index - entry(0)) % 2 != 0) return {};
        const u32 pin = (index - entry(0)) / 2;
        (void)set_mode(c.gsi_base + pin, (value & level_triggered) != 0, (value & active_low) != 0);
        return {};
    }
    return fail(Error::Invalid);
}

} // namespace px::x86::ioapic
