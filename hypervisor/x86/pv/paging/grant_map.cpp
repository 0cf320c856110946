// SPDX-License-Identifier: Apache-2.0
// Grants in paravirtual address spaces: entering a granted frame into a page-table entry, and taking it out.
#include "abi/grant_table.hpp"
#include "x86/pv/paging/pagetable.hpp"

namespace px::pv {

namespace {

/// The guest says in the flags what it wants in the bits that belong to it.
PageEntry grant_entry(Mfn frame, u32 flags, u64 cache_attributes) {
    PageBits bits = page::present | page::accessed | page::dirty | PageBits(cache_attributes);
    if ((flags & abi::gntmap_readonly) == 0) bits |= page::writable;
    bits |= page::Available::make(flags >> abi::gntmap_guest_avail0_shift);
    return adjusted({frame, bits});
}

/// The entry that a grant operation names. Null: there is none, or the guest may not name it.
PageSlot* find_entry(PvDomain& domain, u64 host_addr, u32 flags) PX_REQUIRES(domain.page_table_lock) {
    if ((flags & abi::gntmap_contains_pte) == 0)
        return find_l1_entry(domain, current_pv().kernel_l4, GuestVaddr(host_addr));
    const Mfn mfn(host_addr >> page_shift);
    if (host_addr % sizeof(u64) != 0 || !is_valid(mfn)) return nullptr;
    const Frame& table = frame_of(mfn);
    if (table.owner.load(std::memory_order_relaxed) != domain.id.raw() || !is_table(table, 1)) return nullptr;
    return &(*to_virtual<PageTable>(table))[host_addr % page_size / sizeof(PageSlot)];
}

/// True if the entry is one that map_grant made with these flags: it holds the reference the grant gave it.
bool maps_grant(PageEntry e, Mfn frame, u32 flags) {
    const bool wants_writable = (flags & abi::gntmap_readonly) == 0;
    return e.is_present() && e.frame() == frame && e.is_writable() == wants_writable;
}

} // namespace

Result<> PvDomain::map_grant(u64 host_addr, Mfn frame, u32 gntmap_flags, u64 cache_attributes) {
    Guard guard(page_table_lock);
    PageSlot* const slot = find_entry(*this, host_addr, gntmap_flags);
    if (!slot) return fail(Error::Invalid);
    const PageEntry next = grant_entry(frame, gntmap_flags, cache_attributes);
    note_mapping(frame_of(frame), next, *this);
    release_mapping(slot->exchange(next), *this);
    return {};
}

Result<> PvDomain::unmap_grant(u64 host_addr, Mfn frame, u32 gntmap_flags, u64 new_addr) {
    Guard guard(page_table_lock);
    PageSlot* const slot = find_entry(*this, host_addr, gntmap_flags);
    if (!slot || !maps_grant(slot->load(), frame, gntmap_flags)) return fail(Error::Invalid);
    PageEntry next;
    if (new_addr != 0) {
        // The entry at new_addr moves here, with its reference. By machine address that is not defined.
        if (gntmap_flags & abi::gntmap_contains_pte) return fail(Error::Invalid);
        PageSlot* const source = find_l1_entry(*this, current_pv().kernel_l4, GuestVaddr(new_addr));
        if (!source || source == slot) return fail(Error::Invalid);
        next = source->exchange({});
    }
    slot->exchange(next);
    return {};
}

} // namespace px::pv
