// SPDX-License-Identifier: Apache-2.0
// Grants in paravirtual address spaces: entering a granted frame into a page-table entry, and taking it out.
#include "abi/grant_table.hpp"
#include "x86/pv/paging/pagetable.hpp"

namespace px::pv {

namespace {

/// Bits 9 to 11 of an entry belong to the guest; it says in the flags what it wants there.
constexpr unsigned available_shift = 9;
constexpr u64 available_mask = u64{7} << available_shift;

Entry grant_entry(Mfn frame, u32 flags, u64 cache_attributes) {
    Entry e = Entry::of(frame, Entry::present | Entry::accessed | Entry::dirty | cache_attributes);
    if ((flags & abi::gntmap_readonly) == 0) e.raw |= Entry::writable;
    e.raw |= u64{flags >> abi::gntmap_guest_avail0_shift} << available_shift & available_mask;
    return adjusted(e);
}

/// The entry that a grant operation names. Null: there is none, or the guest may not name it.
u64* find_entry(PvDomain& domain, u64 host_addr, u32 flags) PX_REQUIRES(domain.page_table_lock) {
    if ((flags & abi::gntmap_contains_pte) == 0)
        return find_l1_entry(domain, current_pv().kernel_l4, GuestVaddr(host_addr));
    const Mfn mfn(host_addr >> page_shift);
    if (host_addr % sizeof(u64) != 0 || !is_valid(mfn)) return nullptr;
    const Frame& table = frame_of(mfn);
    if (table.owner.load(std::memory_order_relaxed) != domain.id.raw() || !is_table(table, 1)) return nullptr;
    return to_virtual<u64>(Paddr(host_addr));
}

/// True if the entry is one that map_grant made with these flags: it holds the reference the grant gave it.
bool maps_grant(Entry e, Mfn frame, u32 flags) {
    const bool wants_writable = (flags & abi::gntmap_readonly) == 0;
    return e.is_present() && e.frame() == frame && e.is_writable() == wants_writable;
}

} // namespace

Result<> PvDomain::map_grant(u64 host_addr, Mfn frame, u32 gntmap_flags, u64 cache_attributes) {
    Guard guard(page_table_lock);
    u64* const entry = find_entry(*this, host_addr, gntmap_flags);
    if (!entry) return fail(Error::Invalid);
    const Entry next = grant_entry(frame, gntmap_flags, cache_attributes);
    note_mapping(frame_of(frame), next, *this);
    const Entry old{__atomic_exchange_n(entry, next.raw, __ATOMIC_SEQ_CST)};
    release_mapping(old, *this);
    return {};
}

Result<> PvDomain::unmap_grant(u64 host_addr, Mfn frame, u32 gntmap_flags, u64 new_addr) {
    Guard guard(page_table_lock);
    u64* const entry = find_entry(*this, host_addr, gntmap_flags);
    if (!entry || !maps_grant(Entry{__atomic_load_n(entry, __ATOMIC_RELAXED)}, frame, gntmap_flags))
        return fail(Error::Invalid);
    u64 next = 0;
    if (new_addr != 0) {
        // The entry at new_addr moves here, with its reference. By machine address that is not defined.
        if (gntmap_flags & abi::gntmap_contains_pte) return fail(Error::Invalid);
        u64* const source = find_l1_entry(*this, current_pv().kernel_l4, GuestVaddr(new_addr));
        if (!source || source == entry) return fail(Error::Invalid);
        next = __atomic_exchange_n(source, 0, __ATOMIC_SEQ_CST);
    }
    __atomic_exchange_n(entry, next, __ATOMIC_SEQ_CST);
    return {};
}

} // namespace px::pv
