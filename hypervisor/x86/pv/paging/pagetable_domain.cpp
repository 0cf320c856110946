// SPDX-License-Identifier: Apache-2.0
// The hypervisor's slots of guests' address spaces: the common ones, and the domain's own with GDT and LDT windows.
#include "memory/heap.hpp"
#include "x86/instructions.hpp"
#include "x86/layout.hpp"
#include "x86/machine/paging/paging.hpp"
#include "x86/pv/paging/pagetable.hpp"

namespace px::pv {

namespace {

namespace layout = x86::layout;

/// Window of a vCPU in the level 1 tables of the per-domain area: 32 entries.
constexpr unsigned entries_per_window = layout::vcpu_descriptor_bytes / page_size;

/// A page of zeros, mapped where a guest has no descriptors: selectors there give an empty descriptor.
PageEntry zero_page_entry() {
    static Mfn copy = Mfn::invalid(); // under DomctlGlobal, like all creation
    if (!copy.is_valid()) {
        void* page = heap::allocate_page();
        if (!page) return {};
        copy = mfn_of(to_physical(page));
    }
    return {copy, page::present | page::accessed | page::no_execute};
}

PageTable& table_at(const PageSlot& slot) { return *to_virtual<PageTable>(slot.load().frame()); }

/// The table that an entry points to, made if it is not there. Null: no memory.
PageTable* table_below(PageSlot& slot) {
    if (slot.load().is_empty()) {
        void* page = heap::allocate_page();
        if (!page) return nullptr;
        slot.store({to_physical(page), x86::mapping::table});
    }
    return &table_at(slot);
}

unsigned window_start(const PvVcpu& vcpu) { return table_index(layout::gdt_address(vcpu.id), 1); }

} // namespace

void fill_hypervisor_slots(Frame& l4, const PvDomain& owner) {
    PageTable& table = *to_virtual<PageTable>(l4);
    const PageTable& ours = x86::hypervisor_l4();
    for (unsigned i = layout::first_hypervisor_slot; i <= layout::last_hypervisor_slot; ++i)
        table[i].store(ours[i].load());
    table[layout::per_domain_slot].store({owner.per_domain_l3, x86::mapping::table});
}

void clear_hypervisor_slots(Frame& l4) {
    PageTable& table = *to_virtual<PageTable>(l4);
    for (unsigned i = layout::first_hypervisor_slot; i <= layout::last_hypervisor_slot; ++i) table[i].store({});
}

u64 physical_frame_limit() {
    static u64 limit = 0;
    if (limit == 0) {
        unsigned bits = 36;
        if (x86::cpuid(0x80000000).eax >= 0x80000008)
            bits = x86::extended_8a::PhysicalBits::of(x86::cpuid_word<x86::Extended8A>());
        limit = u64{1} << (bits - page_shift);
    }
    return limit;
}

Result<> create_per_domain_area(PvDomain& domain) {
    void* page = heap::allocate_page();
    if (!page) return fail(Error::NoMemory);
    domain.per_domain_l3 = to_physical(page);
    return {};
}

void destroy_per_domain_area(PvDomain& domain) {
    if (!domain.per_domain_l3.is_valid()) return;
    const PageTable& l3 = *to_virtual<PageTable>(domain.per_domain_l3);
    // All windows are in the first gigabyte: one level 2 table.
    if (!l3[0].load().is_empty()) {
        const PageTable& l2 = table_at(l3[0]);
        for (unsigned i = 0; i < entries_per_table; ++i)
            if (const PageEntry e = l2[i].load(); !e.is_empty()) heap::free(frame_of(e.frame()), 0, true);
        heap::free(frame_of_virtual(&l2), 0, true);
    }
    heap::free(frame_of_virtual(&l3), 0, true);
    domain.per_domain_l3 = Paddr::invalid();
}

Result<> create_descriptor_window(PvVcpu& vcpu) {
    const u64 address = layout::gdt_address(vcpu.id);
    PageTable& l3 = *to_virtual<PageTable>(vcpu.pv_domain().per_domain_l3);
    PageTable* const l2 = table_below(l3[table_index(address, 3)]);
    if (!l2) return fail(Error::NoMemory);
    PageTable* const l1 = table_below((*l2)[table_index(address, 2)]);
    const PageEntry zeros = zero_page_entry();
    if (!l1 || zeros.is_empty()) return fail(Error::NoMemory);
    // GDT pages that are not there read as zeros; LDT pages are mapped when they are needed.
    for (unsigned i = 0; i < entries_per_window / 2; ++i) (*l1)[window_start(vcpu) + i].store(zeros);
    return {};
}

PageSlot* descriptor_window(const PvVcpu& vcpu) {
    const u64 address = layout::gdt_address(vcpu.id);
    const PageTable& l3 = *to_virtual<PageTable>(vcpu.pv_domain().per_domain_l3);
    const PageTable& l2 = table_at(l3[table_index(address, 3)]);
    return &table_at(l2[table_index(address, 2)])[window_start(vcpu)];
}

void map_cpu_descriptors(PvVcpu& vcpu, Mfn page) {
    descriptor_window(vcpu)[abi::first_reserved_gdt_page].store({page, descriptor_bits});
}

} // namespace px::pv
