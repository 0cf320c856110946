// SPDX-License-Identifier: Apache-2.0
// Device interrupts: from the vector to the guests, and their ends.
#include "x86/machine/interrupt/irq.hpp"

#include "base/log.hpp"
#include "domain/domain.hpp"
#include "domain/event/channels.hpp"
#include "machine/machine.hpp"
#include "x86/instructions.hpp"
#include "x86/machine/interrupt/apic.hpp"
#include "x86/machine/interrupt/ioapic.hpp"
#include "x86/machine/interrupt/irq_internal.hpp"

#include <algorithm>

namespace px::x86::irq {

/// Lock held, interrupts off. Acknowledges to the local APIC and decides who is to be told.
static unsigned take_in(Descriptor& d, u8 vector, Binding (&to)[Descriptor::max_sharers]) {
    ++d.count;
    if (d.old_place.vector != 0 && d.place.vector == vector && d.place.cpu == this_cpu().raw())
        release_vector(d.old_place); // it has arrived at its new place
    if (d.is_level) {
        d.chip->mask(d); // before the end of interrupt, or it comes again at once
    } else if (is_storm(d)) {
        d.is_storming = true;
        d.chip->mask(d);
        end_storm_later(d);
    }
    apic::end_of_interrupt();
    unsigned n = 0;
    for (; n < d.guest_count; ++n) {
        Binding& guest = d.guests[n];
        if (d.is_level && !guest.awaits_eoi) {
            guest.awaits_eoi = true;
            ++d.in_flight;
        }
        to[n] = guest;
    }
    if (n != 0) d.sending.fetch_add(1, std::memory_order_relaxed); // unbind sees it: it takes the lock
    return n;
}

void handle(u8 vector) {
    Descriptor* d = find(vector_owner(vector));
    if (!d) {
        apic::end_of_interrupt(); // came late, after its owner has gone or moved
        return;
    }
    Binding to[Descriptor::max_sharers];
    unsigned n;
    {
        Guard guard(d->lock);
        if (!d->chip) {
            apic::end_of_interrupt();
            return;
        }
        n = take_in(*d, vector, to);
    }
    if (n == 0) return;
    for (unsigned i = 0; i < n; ++i) send_guest_pirq(*to[i].domain, to[i].pirq);
    d->sending.fetch_sub(1, std::memory_order_release); // pairs with unbind's acquire: the domain may go then
}

static Binding* find_guest(Descriptor& d, const Domain& domain, Pirq pirq) {
    for (unsigned i = 0; i < d.guest_count; ++i)
        if (d.guests[i].domain == &domain && d.guests[i].pirq == pirq) return &d.guests[i];
    return nullptr;
}

static void end_locked(Descriptor& d, Binding& guest) {
    if (!guest.awaits_eoi) return;
    guest.awaits_eoi = false;
    if (--d.in_flight == 0) d.chip->unmask(d);
}

Result<> bind(Descriptor& d, Domain& domain, Pirq pirq, bool shareable, CpuId cpu) {
    {
        IrqGuard guard(d.lock);
        if (!d.chip) return fail(Error::Invalid);
        if (d.guest_count != 0 && (!shareable || !d.is_level)) return fail(Error::Busy);
        if (d.guest_count == Descriptor::max_sharers || find_guest(d, domain, pirq)) return fail(Error::Busy);
        d.guests[d.guest_count++] = {&domain, pirq, false};
        if (d.guest_count > 1) return {};
    }
    move(d, cpu);
    IrqGuard guard(d.lock);
    if (d.guest_count != 0 && d.in_flight == 0) d.chip->unmask(d);
    return {};
}

void unbind(Descriptor& d, Domain& domain, Pirq pirq) {
    {
        IrqGuard guard(d.lock);
        Binding* guest = find_guest(d, domain, pirq);
        if (!guest) return;
        const bool is_last = d.guest_count == 1;
        if (guest->awaits_eoi && !is_last) end_locked(d, *guest);
        *guest = d.guests[--d.guest_count];
        if (is_last) {
            d.chip->mask(d);
            d.in_flight = 0;
        }
    }
    while (d.sending.load(std::memory_order_acquire) != 0) pause(); // handlers on other CPUs; never long
}

void end(Descriptor& d, Domain& domain, Pirq pirq) {
    IrqGuard guard(d.lock);
    if (Binding* guest = find_guest(d, domain, pirq)) end_locked(d, *guest);
}

void move(Descriptor& d, CpuId cpu) {
    IrqGuard guard(d.lock);
    if (!d.chip || d.place.cpu == cpu.raw() || d.old_place.vector != 0 || !machine::online_cpus().test(cpu.raw()))
        return;
    Descriptor::Place next = take_vector_on(d.number, cpu, d.place.vector, false);
    if (next.vector == 0) return;
    if (!d.chip->set_target(d, cpu, next.vector)) {
        release_vector(next);
        return;
    }
    d.old_place = d.place; // one may still be on its way there
    d.place = next;
    if (d.guest_count == 0) release_vector(d.old_place);
}

bool is_shared(Descriptor& d) {
    IrqGuard guard(d.lock);
    return d.guest_count > 1;
}

void shut_down(Descriptor& d) {
    IrqGuard guard(d.lock);
    if (!d.chip) return;
    d.chip->mask(d);
    d.chip = nullptr;
    d.chip_data = nullptr;
    release_vector(d.place);
    release_vector(d.old_place);
}

} // namespace px::x86::irq
