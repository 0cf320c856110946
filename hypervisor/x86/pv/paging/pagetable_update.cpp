// SPDX-License-Identifier: Apache-2.0
// Updates of single page-table entries, and walks to them.
#include "x86/arch/address.hpp"
#include "x86/layout.hpp"
#include "x86/pv/paging/pagetable.hpp"
#include "x86/pv/xpti/xpti.hpp"

namespace px::pv {

namespace {

/// Stores an entry whose predecessor is known but for the bits that the CPU sets meanwhile. Returns what it replaced.
PageEntry store_entry(PageSlot& slot, PageEntry next, AccessBits bits) {
    PageEntry old = slot.load();
    if (bits == AccessBits::Overwrite) {
        slot.store(next);
        return old;
    }
    constexpr auto kept = page::accessed | page::dirty;
    while (!slot.compare_exchange(old, next.with(old.bits() & kept))) {}
    return old;
}

Result<> update_data_word(Frame& frame, u64* word, u64 value, const PvDomain& owner) {
    if (!acquire_writable(frame, owner.id)) return fail(Error::Invalid);
    std::atomic_ref(*word).store(value, std::memory_order_release);
    release_writable(frame);
    return {};
}

/// Replaces entry `index` of a checked table of level 2 to 4. Preemptible like acquire_table; the hold is empty, or has
/// what this goes on with. Errors: Restart, Invalid, Perm (a slot of the hypervisor).
Result<> update_table_entry(Frame& table, unsigned level, unsigned index, PageEntry next, PvDomain& owner,
                            AccessBits bits, TableHold& hold) PX_REQUIRES(owner.page_table_lock) {
    if (level == x86::top_level && !is_guest_slot(index)) return fail(Error::Perm);
    PageSlot& slot = (*to_virtual<PageTable>(table))[index];
    const PageEntry old = slot.load();
    const auto is_linear = [&](PageEntry e) { return e.frame() == mfn_of(table); };
    next = adjusted_table(next);
    if (!next.is_present() && owner.absent_entries.refuse(next)) return fail(Error::Perm);
    if (next.is_present()) {
        if (next.has_any(refused_in_tables) || !is_valid(next.frame())) return fail(Error::Invalid);
        if (is_linear(next) && !may_be_linear(next, owner, level)) return fail(Error::Invalid);
        if (old.is_present() && old.frame() == next.frame()) {
            store_entry(slot, next, bits);
            if (level == x86::top_level) xpti::entry_changed(owner);
            return {};
        }
        if (!is_linear(next)) TRY(acquire_table(frame_of(next.frame()), owner, level - 1, hold));
    }
    store_entry(slot, next, bits);
    if (level == x86::top_level) xpti::entry_changed(owner); // before the table it pointed to may become something else
    if (old.is_present() && !is_linear(old)) release_table(frame_of(old.frame()), owner, level - 1, hold);
    return {};
}

/// Level 2 to 4 of a checked table, else 0.
unsigned upper_level(const Frame& frame) {
    const unsigned level = table_level(frame.load().type());
    return level > 1 && is_table(frame, level) ? level : 0;
}

/// True if what is held is the check of a table that writing this entry to `frame` has begun, and goes on with.
bool goes_on(const TableHold& hold, const Frame& frame, PageEntry next) {
    const unsigned level = upper_level(frame);
    return level != 0 && next.is_present() && is_valid(next.frame()) && hold.has(frame_of(next.frame()), level - 1);
}

} // namespace

Result<> update_l1_entry(PageSlot& slot, PageEntry next, PvDomain& table_owner, const Domain& frame_owner,
                         AccessBits bits) {
    const PageEntry old = slot.load();
    next = adjusted(next);
    if (next.is_present() && old.is_present() && same_reference(old, next)) {
        store_entry(slot, next, bits);
        return {};
    }
    if (!next.is_present() && table_owner.absent_entries.refuse(next)) return fail(Error::Perm);
    TRY(acquire_mapping(next, table_owner, frame_owner));
    store_entry(slot, next, bits);
    release_mapping(old, table_owner);
    return {};
}

Result<> update_machine_word(Paddr address, u64 value, PvDomain& owner, const Domain& frame_owner, AccessBits bits,
                             TableHold& hold) {
    if (address.raw() % 8 != 0 || !is_valid(mfn_of(address))) return fail(Error::Invalid);
    Frame& frame = frame_of(mfn_of(address));
    const PageEntry next(value);
    // A release that was interrupted goes first: the word may be in, or map, a frame that is still a table by it, and
    // when it is done the frame may be another's. So nothing that is found out about the frame before counts after it.
    if (hold.frame && !goes_on(hold, frame, next)) TRY(settle(owner, hold));
    // Under the lock a page table stays one. Of anything else the owner is checked with the reference.
    if (frame.owner.load(std::memory_order_relaxed) != owner.id.raw()) return fail(Error::Invalid);
    const FrameState state = frame.load();
    const unsigned level = state.type_count() == 0 ? 0 : table_level(state.type());
    // By the frame, not by the address: under speculation, too, it is a word of a frame's (frame_index).
    const unsigned index = static_cast<unsigned>(address.raw() % page_size / sizeof(PageSlot));
    if (level == 0) return update_data_word(frame, to_virtual<u64>(frame) + index, value, owner);
    if (!state.has(FrameState::validated)) return fail(Error::Invalid);
    if (level == 1) return update_l1_entry((*to_virtual<PageTable>(frame))[index], next, owner, frame_owner, bits);
    return update_table_entry(frame, level, index, next, owner, bits, hold);
}

PageSlot* find_l1_entry(const PvDomain&, Mfn l4, GuestVaddr address) {
    if (!x86::is_canonical(address) || !l4.is_valid() || !is_guest_slot(table_index(address, 4))) return nullptr;
    Mfn table = l4;
    for (unsigned level = x86::top_level; level > 1; --level) {
        const PageEntry e = (*to_virtual<PageTable>(table))[table_index(address, level)].load();
        // Not through a table that maps itself: the hypervisor's slots would be reached as tables of a lower level.
        if (!e.is_present() || e.frame() == table) return nullptr;
        table = e.frame();
    }
    return &(*to_virtual<PageTable>(table))[table_index(address, 1)];
}

} // namespace px::pv
