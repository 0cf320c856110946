// SPDX-License-Identifier: Apache-2.0
// Tables of physical interrupts, one per domain that has any.
#include "x86/machine/interrupt/pirq.hpp"

#include "base/bounded.hpp"
#include "domain/pirqs.hpp"
#include "memory/heap.hpp"
#include "x86/machine/interrupt/irq.hpp"
#include "x86/machine/pci/msi.hpp"

namespace px {
namespace x86::pirq {
namespace {

constexpr u32 per_page = page_size / sizeof(std::atomic<u32>);

/// Changed under `lock`; numbers are looked up without it.
struct Table {
    SpinLock<LockRank::Pirqs> lock;
    std::atomic<std::atomic<u32>*> pages[count / per_page]; ///< Irq + 1; 0: none
    std::atomic<std::atomic<u64>*> eoi_bits;
    bool eoi_unmasks;

    [[nodiscard]] std::atomic<u32>* slot(Pirq pirq) const {
        if (pirq.raw() >= count) return nullptr;
        std::atomic<u32>* page =
            pages[bounded(pirq.raw() / per_page, count / per_page)].load(std::memory_order_acquire);
        return page ? &page[pirq.raw() % per_page] : nullptr;
    }
    Result<std::atomic<u32>*> make_slot(Pirq pirq) PX_REQUIRES(lock) {
        if (pirq.raw() >= count) return fail(Error::Invalid);
        if (auto* s = slot(pirq)) return s;
        auto* page = static_cast<std::atomic<u32>*>(heap::allocate_page());
        if (!page) return fail(Error::NoMemory);
        pages[pirq.raw() / per_page].store(page, std::memory_order_release);
        return &page[pirq.raw() % per_page];
    }
    [[nodiscard]] u32 value(Pirq pirq) const {
        auto* s = slot(pirq);
        return s ? s->load(std::memory_order_acquire) : 0;
    }
};

Table* table_of(const Domain& domain) {
    return static_cast<Table*>(__atomic_load_n(&domain.pirq_data, __ATOMIC_ACQUIRE));
}

Result<Table*> make_table(Domain& domain) {
    if (Table* t = table_of(domain)) return t;
    Table* made = make<Table>();
    if (!made) return fail(Error::NoMemory);
    void* expected = nullptr;
    if (__atomic_compare_exchange_n(&domain.pirq_data, &expected, made, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return made;
    destroy(made);
    return static_cast<Table*>(expected);
}

irq::Descriptor* descriptor(const Domain& domain, Pirq pirq) {
    const Irq irq = find_irq(domain, pirq);
    return irq.is_valid() ? irq::find(irq) : nullptr;
}

Result<Pirq> choose(Table& table, bool is_msi) PX_REQUIRES(table.lock) {
    const u32 gsis = irq::gsi_count();
    if (is_msi) {
        for (u32 p = count; p-- > gsis;)
            if (table.value(Pirq(p)) == 0) return Pirq(p);
    } else {
        for (u32 p = 16; p < gsis; ++p)
            if (table.value(Pirq(p)) == 0) return Pirq(p);
    }
    return fail(Error::NoSpace);
}

/// Enters irq under the wanted number or a free one.
Result<Pirq> enter(Table& table, Irq irq, bool is_msi, Wanted wanted) PX_REQUIRES(table.lock) {
    const Pirq pirq = wanted >= 0 ? Pirq(static_cast<u32>(wanted)) : TRY(choose(table, is_msi));
    std::atomic<u32>* slot = TRY(table.make_slot(pirq));
    const u32 there = slot->load(std::memory_order_relaxed);
    if (there != 0 && there != irq.raw() + 1) return fail(Error::Exists);
    slot->store(irq.raw() + 1, std::memory_order_release);
    return pirq;
}

void set_eoi_bit(const Domain& domain, Pirq pirq, bool value) {
    Table* table = table_of(domain);
    std::atomic<u64>* bits = table ? table->eoi_bits.load(std::memory_order_acquire) : nullptr;
    if (!bits) return;
    const u64 bit = u64{1} << (pirq.raw() % 64);
    if (value) bits[pirq.raw() / 64].fetch_or(bit);
    else bits[pirq.raw() / 64].fetch_and(~bit);
}

bool is_bound(irq::Descriptor& d, const Domain& domain, Pirq pirq) {
    IrqGuard guard(d.lock);
    for (u32 i = 0; i < d.guest_count; ++i)
        if (d.guests[i].domain == &domain && d.guests[i].pirq == pirq) return true;
    return false;
}

} // namespace

Irq find_irq(const Domain& domain, Pirq pirq) {
    const Table* table = table_of(domain);
    const u32 value = table ? table->value(pirq) : 0;
    return value == 0 ? Irq::invalid() : Irq(value - 1);
}

Result<Pirq> map_gsi(Domain& domain, u32 gsi, Wanted wanted) {
    if (gsi >= irq::gsi_count()) return fail(Error::Invalid);
    Table* table = TRY(make_table(domain));
    irq::Descriptor* d = TRY(irq::set_up_gsi(gsi));
    Guard guard(table->lock);
    if (wanted < 0) { // the number it has already, else its own
        for (u32 p = 0; p < irq::gsi_count(); ++p)
            if (table->value(Pirq(p)) == d->number.raw() + 1) return Pirq(p);
        if (table->value(Pirq(gsi)) == 0) wanted = static_cast<Wanted>(gsi);
    }
    return enter(*table, d->number, false, wanted);
}

Result<Pirq> map_msi(Domain& domain, pci::Address device, bool is_msix, u32 index, u64 table_base, Wanted wanted) {
    Table* table = TRY(make_table(domain));
    irq::Descriptor* d = TRY(msi::map(device, is_msix, index, table_base));
    Result<Pirq> result = [&]() -> Result<Pirq> {
        Guard guard(table->lock);
        if (wanted >= 0 && table->value(Pirq(static_cast<u32>(wanted))) != 0) return fail(Error::Exists);
        return enter(*table, d->number, true, wanted);
    }();
    if (!result) msi::unmap(*d);
    return result;
}

Result<> unmap(Domain& domain, Pirq pirq) {
    Table* table = table_of(domain);
    if (!table) return fail(Error::Invalid);
    irq::Descriptor* d = nullptr;
    {
        Guard guard(table->lock);
        d = descriptor(domain, pirq);
        if (!d) return fail(Error::Invalid);
        if (is_bound(*d, domain, pirq)) return fail(Error::Busy);
        table->slot(pirq)->store(0, std::memory_order_release);
        set_eoi_bit(domain, pirq, false); // under the lock, the page does not go away
    }
    if (msi::is_message(*d)) msi::unmap(*d);
    return {};
}

Result<Pirq> find_free(Domain& domain, bool is_msi) {
    Table* table = TRY(make_table(domain));
    Guard guard(table->lock);
    return choose(*table, is_msi);
}

bool is_shared(const Domain& domain, Pirq pirq) {
    irq::Descriptor* d = descriptor(domain, pirq);
    return d && irq::is_shared(*d);
}

Result<> set_eoi_page(Domain& domain, Gfn page, bool unmasks) {
    Table* table = TRY(make_table(domain));
    const Mfn mfn = TRY(domain.translate(page));
    if (!is_valid(mfn) || !acquire_writable(frame_of(mfn), domain.id)) return fail(Error::Invalid);
    auto* bits = to_virtual<std::atomic<u64>>(mfn);
    std::atomic<u64>* expected = nullptr;
    if (!table->eoi_bits.compare_exchange_strong(expected, bits)) {
        release_writable(frame_of(mfn));
        return fail(Error::Busy);
    }
    for (u32 p = 0; p < count; ++p)
        if (irq::Descriptor* d = descriptor(domain, Pirq(p)); d && d->is_level) set_eoi_bit(domain, Pirq(p), true);
    table->eoi_unmasks = unmasks;
    return {};
}

bool eoi_unmasks(const Domain& domain) {
    const Table* table = table_of(domain);
    return table && table->eoi_unmasks;
}

} // namespace x86::pirq

namespace machine {

using namespace x86;

Result<> bind_pirq(Vcpu& vcpu, Pirq pirq, bool shareable) {
    Domain& domain = vcpu.domain;
    auto* table = pirq::table_of(domain);
    if (!table) return fail(Error::Invalid);
    Guard guard(table->lock); // unmap does not come between
    irq::Descriptor* d = pirq::descriptor(domain, pirq);
    if (!d) return fail(Error::Invalid);
    pirq::set_eoi_bit(domain, pirq, d->is_level); // before the first interrupt
    return irq::bind(*d, domain, pirq, shareable, CpuId(vcpu.processor.load(std::memory_order_relaxed)));
}

void unbind_pirq(Domain& domain, Pirq pirq) {
    if (irq::Descriptor* d = pirq::descriptor(domain, pirq)) irq::unbind(*d, domain, pirq);
}

void eoi_pirq(Domain& domain, Pirq pirq) {
    if (irq::Descriptor* d = pirq::descriptor(domain, pirq)) irq::end(*d, domain, pirq);
}

void set_pirq_affinity(Domain& domain, Pirq pirq, CpuId cpu) {
    if (irq::Descriptor* d = pirq::descriptor(domain, pirq)) irq::move(*d, cpu);
}

void release_pirqs(Domain& domain) {
    auto* table = pirq::table_of(domain);
    if (!table) return;
    std::atomic<u64>* bits;
    {
        Guard guard(table->lock);
        bits = table->eoi_bits.exchange(nullptr);
    }
    if (bits) release_writable(frame_of_virtual(bits));
    for (u32 p = 0; p < pirq::count; ++p)
        if (table->value(Pirq(p)) != 0) (void)pirq::unmap(domain, Pirq(p));
}

void free_pirqs(Domain& domain) {
    auto* table = pirq::table_of(domain);
    if (!table) return;
    release_pirqs(domain);
    for (auto& page : table->pages)
        if (void* p = page.exchange(nullptr)) heap::free_page(p);
    domain.pirq_data = nullptr;
    destroy(table);
}

} // namespace machine
} // namespace px
