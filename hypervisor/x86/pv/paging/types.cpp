// SPDX-License-Identifier: Apache-2.0
// Page-type rules: taking, checking, tearing down and dropping page tables, each of it interruptible.
#include "x86/pv/paging/types.hpp"

#include "hypercall/call.hpp"
#include "x86/pv/paging/descriptor.hpp"
#include "x86/pv/paging/pagetable.hpp"

namespace px::pv {

namespace {

// Frame::aux of a partial table: number of first entries that hold references; and whether the next one holds a
// reference on a partial table.
constexpr u32 partial_child = 1u << 16;
constexpr u32 position_mask = partial_child - 1;

enum class Taken { No, First, More };

/// Takes a typed reference without looking at the contents. First: of a frame that was not used as anything.
Taken take(Frame& frame, const PvDomain& owner, FrameType type) {
    if (frame.owner.load(std::memory_order_relaxed) != owner.id.raw()) return Taken::No;
    u64 word = frame.state.load(std::memory_order_relaxed);
    u64 next = 0;
    FrameType before = type;
    do {
        const FrameState state{word};
        // The hypervisor writes to its own pages without references: they are never tables.
        if (!state.is_referenced() || state.has(FrameState::hypervisor)) return Taken::No;
        before = state.type_count() == 0 ? state.type() : FrameType::None;
        if (state.type_count() == 0) {
            next = (word & ~(FrameState::type_mask | FrameState::validated | FrameState::partial)) |
                   static_cast<u64>(type) << FrameState::type_shift;
        } else {
            if (state.type() != type || state.type_count() == FrameState::type_count_mask) return Taken::No;
            next = word;
        }
        next += FrameState::type_count_one;
    } while (!frame.state.compare_exchange_weak(word, next, std::memory_order_acquire, std::memory_order_relaxed));
    // Only now the owner cannot change any more.
    if (frame.owner.load(std::memory_order_relaxed) != owner.id.raw()) [[unlikely]] {
        release_writable(frame);
        return Taken::No;
    }
    if ((next & FrameState::type_count_mask) != FrameState::type_count_one) return Taken::More;
    // Its new contents count from here on: no CPU may still write to it, or walk it as another table.
    if (before != type && before != FrameType::None) end_former_use(frame);
    frame.aux.store(0, std::memory_order_relaxed);
    return Taken::First;
}

void set_partial(Frame& table, unsigned position, bool with_child) {
    table.aux.store(position | (with_child ? partial_child : 0), std::memory_order_relaxed);
    table.state.fetch_or(FrameState::partial, std::memory_order_relaxed);
}

void set_validated(Frame& table) {
    if (table.load().has(FrameState::partial)) table.state.fetch_and(~FrameState::partial, std::memory_order_relaxed);
    // Release pairs with the acquire of is_table() without the lock: who sees it valid sees its entries.
    table.state.fetch_or(FrameState::validated, std::memory_order_release);
}

/// An entry of a table that points to the table itself (linear page tables): only for reading, without a reference.
bool is_linear(const Frame& table, PageEntry e) { return e.frame() == mfn_of(table); }

Result<> check_table(Frame& table, PvDomain& owner, unsigned level) PX_REQUIRES(owner.page_table_lock);

/// True if an absent entry of a table points to memory where it must not (L1TF). Nobody writes to the table.
bool has_refused_entry(const Frame& table, const PvDomain& owner, unsigned level) {
    const PageTable& entries = *to_virtual<PageTable>(table);
    for (unsigned i = 0; i < entries_per_table; ++i)
        if ((level != 4 || is_guest_slot(i)) && owner.absent_entries.refuse(entries[i].load())) return true;
    return false;
}

Result<> complete(Frame& table, PvDomain& owner, unsigned level) PX_REQUIRES(owner.page_table_lock) {
    if (table.load().has(FrameState::validated)) return {};
    if (owner.absent_entries.memory_end != 0 && has_refused_entry(table, owner, level)) {
        if (!table.load().has(FrameState::partial)) set_partial(table, 0, false);
        return fail(Error::Perm);
    }
    return check_table(table, owner, level);
}

Result<> check_l1(Frame& table, PvDomain& owner) {
    PageTable& entries = *to_virtual<PageTable>(table);
    for (unsigned i = table.aux.load(std::memory_order_relaxed) & position_mask; i < entries_per_table; ++i) {
        PageEntry e = entries[i].load();
        if (!e.is_present()) continue;
        if (const auto r = acquire_mapping(e, owner, owner); !r) {
            set_partial(table, i, false);
            return r;
        }
        if (const PageEntry a = adjusted(e); a != entries[i].load()) entries[i].store(a);
    }
    set_validated(table);
    return {};
}

/// One entry of a table above level 1: takes a reference on the table it points to, or on a partial one goes on.
/// @param held  the entry holds a reference on a partial table already; set if it does when this fails.
Result<> check_entry(Frame& table, PageEntry e, PvDomain& owner, unsigned level, bool& held)
    PX_REQUIRES(owner.page_table_lock) {
    if (!held) {
        if (e.has_any(refused_in_tables) || !is_valid(e.frame())) return fail(Error::Invalid);
        if (is_linear(table, e)) return may_be_linear(e, owner, level) ? Result<>{} : Result<>{fail(Error::Invalid)};
        const Taken taken = take(frame_of(e.frame()), owner, table_type(level - 1));
        if (taken == Taken::No) return fail(Error::Invalid);
        held = true;
    }
    TRY(complete(frame_of(e.frame()), owner, level - 1));
    held = false;
    return {};
}

Result<> check_table(Frame& table, PvDomain& owner, unsigned level) {
    if (level == 1) return check_l1(table, owner);
    PageTable& entries = *to_virtual<PageTable>(table);
    const u32 progress = table.aux.load(std::memory_order_relaxed);
    bool held = (progress & partial_child) != 0;
    for (unsigned i = progress & position_mask; i < entries_per_table; ++i) {
        if (level == 4 && !is_guest_slot(i)) continue;
        const PageEntry e = entries[i].load();
        if (!e.is_present()) continue;
        if (const auto r = check_entry(table, e, owner, level, held); !r) {
            set_partial(table, i, held);
            return r;
        }
        if (const PageEntry a = adjusted_table(e); a != entries[i].load()) entries[i].store(a);
        if (hypercall::should_preempt()) {
            set_partial(table, i + 1, false);
            return fail(Error::Restart);
        }
    }
    if (level == 4) fill_hypervisor_slots(table, owner);
    set_validated(table);
    return {};
}

Result<> drop(Frame& table, PvDomain& owner, unsigned level) PX_REQUIRES(owner.page_table_lock);

/// Drops what the entries below the table's position hold. Errors: Restart; the table is partial then.
Result<> tear_down(Frame& table, PvDomain& owner, unsigned level) PX_REQUIRES(owner.page_table_lock) {
    const PageTable& entries = *to_virtual<PageTable>(table);
    const u32 progress = table.aux.load(std::memory_order_relaxed);
    unsigned i = progress & position_mask;
    if (level == 1) {
        while (i-- > 0) release_mapping(entries[i].load(), owner);
        return {};
    }
    if (progress & partial_child) ++i; // that entry too
    while (i-- > 0) {
        const PageEntry e = entries[i].load();
        if (!e.is_present() || (level == 4 && !is_guest_slot(i)) || is_linear(table, e)) continue;
        if (const auto r = drop(frame_of(e.frame()), owner, level - 1); !r) {
            set_partial(table, i, true);
            return r;
        }
        if (i > 0 && hypercall::should_preempt()) {
            set_partial(table, i, false);
            return fail(Error::Restart);
        }
    }
    return {};
}

/// Drops one typed reference. Errors: Restart: the reference is still there, the frame partial.
Result<> drop(Frame& table, PvDomain& owner, unsigned level) {
    u64 word = table.state.load(std::memory_order_relaxed);
    while ((word & FrameState::type_count_mask) > FrameState::type_count_one)
        if (table.state.compare_exchange_weak(word, word - FrameState::type_count_one, std::memory_order_release,
                                              std::memory_order_relaxed))
            return {};
    // The last one, and under the lock nobody takes another.
    if (word & FrameState::validated) {
        set_partial(table, entries_per_table, false);
        table.state.fetch_and(~FrameState::validated, std::memory_order_relaxed);
    }
    TRY(tear_down(table, owner, level));
    if (level == 4) clear_hypervisor_slots(table);
    table.state.fetch_and(~FrameState::partial, std::memory_order_relaxed);
    release_writable(table);
    return {};
}

} // namespace

bool is_table(const Frame& frame, unsigned level) {
    const FrameState state = frame.load();
    const unsigned actual = table_level(state.type());
    return state.has(FrameState::validated) && state.type_count() != 0 && actual != 0 &&
           (level == 0 || level == actual);
}

Result<> acquire_table(Frame& frame, PvDomain& owner, unsigned level, TableHold& hold) {
    if (hold.has(frame, level)) {
        hold = {};
    } else {
        TRY(settle(owner, hold));
        if (take(frame, owner, table_type(level)) == Taken::No) return fail(Error::Invalid);
    }
    const auto r = complete(frame, owner, level);
    if (r) return r;
    hold = {&frame, &owner, static_cast<u8>(level)};
    if (r.error() != Error::Restart) (void)settle(owner, hold); // if that is interrupted, the next call goes on
    return r;
}

void release_table(Frame& frame, PvDomain& owner, unsigned level, TableHold& hold) {
    if (!drop(frame, owner, level)) hold = {&frame, &owner, static_cast<u8>(level)};
}

Result<> settle(PvDomain& owner, TableHold& hold) {
    if (!hold.frame) return {};
    TRY(drop(*hold.frame, owner, hold.level));
    hold = {};
    return {};
}

Result<> acquire_descriptors(Frame& frame, PvDomain& owner) {
    const Taken taken = take(frame, owner, FrameType::Descriptors);
    if (taken == Taken::No) return fail(Error::Invalid);
    if (taken == Taken::More && frame.load().has(FrameState::validated)) return {};
    if (!sanitise_page(*to_virtual<x86::DescriptorPage>(frame))) {
        release_writable(frame);
        return fail(Error::Invalid);
    }
    frame.state.fetch_or(FrameState::validated, std::memory_order_release);
    return {};
}

void release_descriptors(Frame& frame) { release_writable(frame); }

} // namespace px::pv
