// SPDX-License-Identifier: Apache-2.0
// The table of interrupt descriptors, storms, and what the debug key shows.
#include "base/bounded.hpp"
#include "base/log.hpp"
#include "boot/options.hpp"
#include "domain/domain.hpp"
#include "machine/machine.hpp"
#include "memory/heap.hpp"
#include "x86/machine/interrupt/apic.hpp"
#include "x86/machine/interrupt/ioapic.hpp"
#include "x86/machine/interrupt/irq_internal.hpp"

namespace px::x86::irq {
namespace {

constexpr u32 per_chunk = 16;
static_assert(sizeof(Descriptor) * per_chunk <= 8192);

/// Descriptors come in chunks that are never freed: an interrupt may look at one at any time.
std::atomic<Descriptor*> chunks[max_irqs / per_chunk];
/// Guards the choice of a free descriptor.
SpinLock<LockRank::Irq> free_lock;

Result<Descriptor*> get(Irq irq) {
    std::atomic<Descriptor*>& slot = chunks[irq.raw() / per_chunk];
    if (!slot.load(std::memory_order_acquire)) {
        auto* fresh = static_cast<Descriptor*>(heap::allocate_bytes(sizeof(Descriptor) * per_chunk));
        if (!fresh) return fail(Error::NoMemory);
        for (u32 i = 0; i < per_chunk; ++i)
            (new (fresh + i) Descriptor{})->number = Irq(irq.raw() / per_chunk * per_chunk + i);
        Descriptor* expected = nullptr;
        if (!slot.compare_exchange_strong(expected, fresh)) heap::free_bytes(fresh); // another CPU was faster
    }
    return &slot.load(std::memory_order_acquire)[irq.raw() % per_chunk];
}

// -- storms --

constexpr Nanoseconds storm_window = 10'000'000;
u32 storm_limit = 10'000; // per window

bool parse_limit(std::string_view value) {
    const auto limit = options::number(value);
    if (limit) storm_limit = static_cast<u32>(*limit);
    return limit.has_value();
}
PX_OPTION(irq_ratelimit, "irq_ratelimit", parse_limit);

void end_storms(void*) {
    for (auto& slot : chunks) {
        Descriptor* chunk = slot.load(std::memory_order_acquire);
        for (u32 i = 0; chunk && i < per_chunk; ++i) {
            IrqGuard guard(chunk[i].lock);
            if (!chunk[i].is_storming) continue;
            chunk[i].is_storming = false;
            if (chunk[i].chip && chunk[i].guest_count != 0) chunk[i].chip->unmask(chunk[i]);
        }
    }
}
Timer storm_timer{end_storms, nullptr};

} // namespace

bool is_storm(Descriptor& d) {
    if (storm_limit == 0) return false;
    if (++d.window_count < storm_limit) return false;
    const Nanoseconds now = machine::now();
    const bool too_fast = now - d.window_start < storm_window;
    d.window_start = now;
    d.window_count = 0;
    return too_fast;
}

void end_storm_later(Descriptor& d) {
    log::warning("IRQ{}: storm, masked for a while", d.number);
    storm_timer.set(machine::now() + storm_window);
}

u32 gsi_count() { return ioapic::gsi_count(); }

Descriptor* find(Irq irq) {
    if (irq.raw() >= max_irqs) return nullptr;
    Descriptor* chunk = chunks[bounded(irq.raw() / per_chunk, std::size(chunks))].load(std::memory_order_acquire);
    return chunk ? &chunk[irq.raw() % per_chunk] : nullptr;
}

Result<Descriptor*> set_up_gsi(u32 gsi) {
    if (!ioapic::exists(gsi)) return fail(Error::Invalid);
    Descriptor* d = TRY(get(Irq(gsi)));
    IrqGuard guard(d->lock);
    if (d->chip) return d;
    const Descriptor::Place place = take_vector(d->number, this_cpu());
    if (place.vector == 0) return fail(Error::NoSpace);
    d->place = place;
    d->is_level = ioapic::is_level(gsi);
    d->chip = &ioapic::chip;
    ioapic::chip.set_target(*d, CpuId(place.cpu), place.vector);
    return d;
}

Result<Descriptor*> create_msi(const Chip& chip, void* chip_data) {
    for (u32 i = gsi_count(); i < max_irqs; ++i) {
        Descriptor* d = TRY(get(Irq(i)));
        Guard choice(free_lock);
        if (d->chip) continue;
        const Descriptor::Place place = take_vector(d->number, this_cpu());
        if (place.vector == 0) return fail(Error::NoSpace);
        d->place = place;
        d->is_level = false;
        d->chip_data = chip_data;
        d->guest_count = d->in_flight = 0;
        d->chip = &chip;
        return d;
    }
    return fail(Error::NoSpace);
}

void dump() {
    for (u32 i = 0; i < max_irqs; ++i) {
        Descriptor* d = find(Irq(i));
        if (!d || !d->chip) continue;
        IrqGuard guard(d->lock);
        if (!d->chip) continue;
        log::info("   IRQ:{} vec:{:02x} CPU{} {} {} count {} in-flight {}{}", d->number, d->place.vector, d->place.cpu,
                  d->chip->name, d->is_level ? "level" : "edge", d->count, d->in_flight,
                  d->is_storming ? " storm" : "");
        for (u32 g = 0; g < d->guest_count; ++g)
            log::info("      d{} pirq {}{}", d->guests[g].domain->id, d->guests[g].pirq,
                      d->guests[g].awaits_eoi ? " not ended" : "");
    }
}

void init() { ioapic::init(); }

} // namespace px::x86::irq
