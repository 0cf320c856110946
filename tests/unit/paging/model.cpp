// SPDX-License-Identifier: Apache-2.0
// The simple oracle of the page-type rules.
#include "paging/model.hpp"

#include "abi/types.hpp"
#include "domain/rangeset.hpp"

#include <gtest/gtest.h>

namespace px::model {

using pv::PageEntry;
namespace page = x86::page;

namespace {

const u64* entries_of(u64 mfn) { return to_virtual<u64>(Mfn(mfn)); }
bool is_owned(const fake::Guest& guest, u64 mfn) {
    return is_valid(Mfn(mfn)) && frame_of(Mfn(mfn)).owner == guest.domain.id.raw();
}
bool is_device(u64 mfn) { return !is_valid(Mfn(mfn)) || frame_of(Mfn(mfn)).owner == abi::domid_io; }

void use_typed(Uses& uses, u64 mfn, FrameType type) {
    Use& use = uses[mfn];
    EXPECT_TRUE(use.typed == 0 || use.type == type) << "frame " << mfn << " has two types";
    use.type = type;
    ++use.typed;
}

/// What one live entry of a table holds.
void count_entry(const fake::Guest& guest, Uses& uses, u64 table, unsigned level, PageEntry e) {
    if (!e.is_present()) return;
    const u64 target = e.frame().raw();
    if (level > 1) {
        EXPECT_FALSE(e.has_any(pv::refused_in_tables));
        if (target == table) {
            EXPECT_FALSE(e.is_writable());
            EXPECT_TRUE(level < 4 || guest.domain.is_hardware_domain);
            return;
        }
        use_typed(uses, target, pv::table_type(level - 1));
    } else if (is_device(target)) {
        EXPECT_TRUE(guest.domain.io_memory->contains(target));
    } else {
        EXPECT_TRUE(is_owned(guest, target)) << "maps a foreign frame";
        if (e.is_writable()) use_typed(uses, target, FrameType::Writable);
        else ++uses[target].plain;
        if (e.has_any(page::memory_type)) {
            EXPECT_TRUE(frame_of(Mfn(target)).flags & frame_flag::uncached) << "frame " << target;
            if (e.is_writable()) fake::write_past_caches(frame_of(Mfn(target)));
        }
    }
}

/// All entries of a checked table hold references; of a partial one the first ones, and maybe one child.
void count_table(const fake::Guest& guest, Uses& uses, const Frame& frame, unsigned level) {
    const u64 mfn = mfn_of(frame).raw();
    const FrameState state = frame.load();
    EXPECT_NE(state.has(FrameState::validated), state.has(FrameState::partial)) << "frame " << mfn;
    const u32 aux = frame.aux;
    EXPECT_FALSE(fake::differs_from_memory(frame)) << "frame " << mfn << " is not walked as it was checked";
    const unsigned live = state.has(FrameState::partial) ? (aux & 0xffff) + (aux >> 16 & 1) : pv::entries_per_table;
    for (unsigned i = 0; i < live; ++i) {
        if (level == 4 && !pv::is_guest_slot(i)) continue;
        const PageEntry e{entries_of(mfn)[i]};
        if (e.is_present() && state.has(FrameState::validated)) EXPECT_TRUE(e.has(page::user) && !e.has(page::global));
        count_entry(guest, uses, mfn, level, e);
    }
}

bool can_map(const fake::Guest& guest, Uses& uses, PageEntry e) {
    const u64 target = e.frame().raw();
    if (is_device(target)) return target < pv::physical_frame_limit() && guest.domain.io_memory->contains(target);
    if (!is_owned(guest, target)) return false;
    Use& use = uses[target];
    if (!e.is_writable()) {
        ++use.plain;
        return true;
    }
    if (use.typed != 0 && use.type != FrameType::Writable) return false;
    use.type = FrameType::Writable;
    ++use.typed;
    return true;
}

bool can_point(const fake::Guest& guest, Uses& uses, u64 table, unsigned level, PageEntry e) {
    const u64 target = e.frame().raw();
    if (e.has_any(pv::refused_in_tables) || !is_valid(Mfn(target))) return false;
    if (target == table) return !e.is_writable() && (level < 4 || guest.domain.is_hardware_domain);
    return can_be_table(guest, uses, target, level - 1);
}

} // namespace

bool can_be_table(const fake::Guest& guest, Uses& uses, u64 mfn, unsigned level) {
    if (!is_owned(guest, mfn)) return false;
    Use& use = uses[mfn];
    if (use.typed != 0) {
        if (use.type != pv::table_type(level)) return false;
        ++use.typed;
        return true;
    }
    use.type = pv::table_type(level);
    use.typed = 1;
    for (unsigned i = 0; i < pv::entries_per_table; ++i) {
        const PageEntry e{entries_of(mfn)[i]};
        if (!e.is_present() || (level == 4 && !pv::is_guest_slot(i))) continue;
        if (!(level == 1 ? can_map(guest, uses, e) : can_point(guest, uses, mfn, level, e))) return false;
    }
    return true;
}

bool can_write(const fake::Guest& guest, Uses uses, u64 mfn, unsigned index, PageEntry next) {
    if (!is_owned(guest, mfn)) return false;
    const Use use = uses[mfn];
    const unsigned level = use.typed ? pv::table_level(use.type) : 0;
    if (level == 0) return use.typed == 0 || use.type == FrameType::Writable;
    if (level == 4 && !pv::is_guest_slot(index)) return false;
    if (!next.is_present()) return true;
    const PageEntry old{entries_of(mfn)[index]};
    if (level == 1) {
        const bool same = old.is_present() && old.frame() == next.frame() && old.is_writable() == next.is_writable();
        return same || can_map(guest, uses, next);
    }
    return can_point(guest, uses, mfn, level, next);
}

Uses count_uses(fake::Guest& guest, const Roots& roots, const std::vector<Frame*>& frames) {
    Uses uses;
    for (auto [mfn, level] : roots.pins) use_typed(uses, mfn, pv::table_type(level));
    for (u64 mfn : roots.writable) use_typed(uses, mfn, FrameType::Writable);
    for (u64 mfn : roots.plain) ++uses[mfn].plain;
    for (unsigned i = 0; i < guest.domain.max_vcpus; ++i) {
        const pv::PvVcpu& vcpu = guest.vcpu(i);
        if (vcpu.kernel_l4.is_valid()) use_typed(uses, vcpu.kernel_l4.raw(), FrameType::PageTable4);
        if (vcpu.user_l4.is_valid()) use_typed(uses, vcpu.user_l4.raw(), FrameType::PageTable4);
        if (const auto& hold = vcpu.table_hold; hold.frame)
            use_typed(uses, mfn_of(*hold.frame).raw(), pv::table_type(hold.level));
    }
    for (const Frame* frame : frames) {
        const FrameState state = frame->load();
        if (const unsigned level = pv::table_level(state.type()); level != 0 && state.type_count() != 0)
            count_table(guest, uses, *frame, level);
    }
    return uses;
}

void check(fake::Guest& guest, const Roots& roots, const std::vector<Frame*>& frames) {
    Uses uses = count_uses(guest, roots, frames);
    for (const Frame* frame : frames) {
        const u64 mfn = mfn_of(*frame).raw();
        const FrameState state = frame->load();
        const Use& use = uses[mfn];
        ASSERT_EQ(state.type_count(), use.typed) << "frame " << mfn;
        ASSERT_EQ(state.count(), use.plain) << "frame " << mfn;
        if (use.typed != 0) ASSERT_EQ(state.type(), use.type) << "frame " << mfn;
        ASSERT_EQ(state.has(FrameState::pinned), roots.pins.contains(mfn)) << "frame " << mfn;
    }
}

} // namespace px::model
