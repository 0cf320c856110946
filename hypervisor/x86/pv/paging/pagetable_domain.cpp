// SPDX-License-Identifier: Apache-2.0
// The hypervisor's slots of guests' address spaces: the common ones, and the domain's own with GDT and LDT windows.
#include "memory/heap.hpp"
#include "x86/instructions.hpp"
#include "x86/layout.hpp"
#include "x86/machine/paging/paging.hpp"
#include "x86/pv/paging/pagetable.hpp"

#include <algorithm>

namespace px::pv {

namespace {

namespace layout = x86::layout;

constexpr u64 table_flags = x86::entry::table;

/// Window of a vCPU in the level 1 tables of the per-domain area: 32 entries.
constexpr unsigned entries_per_window = layout::vcpu_descriptor_bytes / page_size;

/// A page of zeros, mapped where a guest has no descriptors: selectors there give an empty descriptor.
u64 zero_page_entry() {
    static Mfn copy = Mfn::invalid(); // under DomctlGlobal, like all creation
    if (!copy.is_valid()) {
        void* page = heap::allocate_page();
        if (!page) return 0;
        copy = mfn_of(to_physical(page));
    }
    return Entry::of(copy, Entry::present | Entry::accessed | Entry::no_execute).raw;
}

u64* table_at(u64 entry) { return to_virtual<u64>(Entry{entry}.frame()); }

/// The table that an entry points to, made if it is not there. Null: no memory.
u64* table_below(u64& entry) {
    if (entry == 0) {
        void* page = heap::allocate_page();
        if (!page) return nullptr;
        entry = to_physical(page).raw() | table_flags;
    }
    return table_at(entry);
}

unsigned window_start(const PvVcpu& vcpu) { return table_index(layout::gdt_address(vcpu.id), 1); }

} // namespace

void fill_hypervisor_slots(Frame& l4, const PvDomain& owner) {
    u64* const entries = to_virtual<u64>(l4);
    const u64* const ours = x86::hypervisor_l4();
    for (unsigned i = layout::first_hypervisor_slot; i <= layout::last_hypervisor_slot; ++i) entries[i] = ours[i];
    entries[layout::per_domain_slot] = owner.per_domain_l3.raw() | table_flags;
}

void clear_hypervisor_slots(Frame& l4) {
    u64* const entries = to_virtual<u64>(l4);
    std::fill(entries + layout::first_hypervisor_slot, entries + layout::last_hypervisor_slot + 1, 0);
}

u64 physical_frame_limit() {
    static u64 limit = 0;
    if (limit == 0) {
        unsigned bits = 36;
        if (x86::cpuid(0x80000000).eax >= 0x80000008) bits = x86::cpuid(0x80000008).eax & 0xff;
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
    u64* const l3 = to_virtual<u64>(domain.per_domain_l3);
    // All windows are in the first gigabyte: one level 2 table.
    if (l3[0] != 0) {
        u64* const l2 = table_at(l3[0]);
        for (unsigned i = 0; i < entries_per_table; ++i)
            if (l2[i] != 0) heap::free(frame_of(Entry{l2[i]}.frame()), 0, true);
        heap::free(frame_of_virtual(l2), 0, true);
    }
    heap::free(frame_of_virtual(l3), 0, true);
    domain.per_domain_l3 = Paddr::invalid();
}

Result<> create_descriptor_window(PvVcpu& vcpu) {
    const u64 address = layout::gdt_address(vcpu.id);
    u64* const l3 = to_virtual<u64>(vcpu.pv_domain().per_domain_l3);
    u64* const l2 = table_below(l3[table_index(address, 3)]);
    if (!l2) return fail(Error::NoMemory);
    u64* const l1 = table_below(l2[table_index(address, 2)]);
    const u64 zeros = zero_page_entry();
    if (!l1 || zeros == 0) return fail(Error::NoMemory);
    // GDT pages that are not there read as zeros; LDT pages are mapped when they are needed.
    std::fill_n(l1 + window_start(vcpu), entries_per_window / 2, zeros);
    return {};
}

u64* descriptor_window(const PvVcpu& vcpu) {
    const u64 address = layout::gdt_address(vcpu.id);
    const u64* const l3 = to_virtual<u64>(vcpu.pv_domain().per_domain_l3);
    const u64* const l2 = table_at(l3[table_index(address, 3)]);
    return table_at(l2[table_index(address, 2)]) + window_start(vcpu);
}

void map_cpu_descriptors(PvVcpu& vcpu, Mfn page) {
    constexpr u64 flags = Entry::present | Entry::writable | Entry::accessed | Entry::dirty | Entry::no_execute;
    descriptor_window(vcpu)[abi::first_reserved_gdt_page] = Entry::of(page, flags).raw;
}

} // namespace px::pv
