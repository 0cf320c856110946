// SPDX-License-Identifier: Apache-2.0
// Base pointers of vCPUs, pins, and the release of all page tables of a domain.
#include "domain/domain_list.hpp"
#include "hypercall/call.hpp"
#include "x86/pv/paging/descriptor.hpp"
#include "x86/pv/paging/pagetable.hpp"
#include "x86/pv/paging/tlb.hpp"
#include "x86/pv/xpti/xpti.hpp"

namespace px::pv {

namespace {

void release_base(Mfn& l4, PvVcpu& vcpu) PX_REQUIRES(vcpu.pv_domain().page_table_lock) {
    const Mfn old = l4;
    l4 = Mfn::invalid();
    if (old.is_valid()) release_table(frame_of(old), vcpu.pv_domain(), 4, vcpu.table_hold);
}

/// One vCPU's tables, for release_page_tables. Errors: Restart.
Result<> release_vcpu(PvVcpu& vcpu) {
    TRY(settle_foreign_hold(vcpu.table_hold, vcpu.pv_domain()));
    Guard guard(vcpu.pv_domain().page_table_lock);
    release_descriptor_tables(vcpu);
    TRY(settle(vcpu.pv_domain(), vcpu.table_hold));
    release_base(vcpu.kernel_l4, vcpu);
    TRY(settle(vcpu.pv_domain(), vcpu.table_hold));
    release_base(vcpu.user_l4, vcpu);
    return settle(vcpu.pv_domain(), vcpu.table_hold);
}

bool is_pinned(const Frame& frame, const PvDomain& owner) {
    constexpr u64 flags = FrameState::pinned | FrameState::free;
    return frame.owner.load(std::memory_order_relaxed) == owner.id.raw() &&
           (frame.state.load(std::memory_order_relaxed) & flags) == FrameState::pinned;
}

/// Takes the pins of the frames from relinquish_position on away. Errors: Restart.
Result<> release_pins(PvDomain& domain) {
    TableHold& hold = domain.relinquish_hold;
    u64& mfn = domain.relinquish_position;
    Guard guard(domain.page_table_lock);
    TRY(settle(domain, hold));
    while (domain.pinned_tables != 0) {
        const MfnRange piece = domain.owned_piece(Mfn(mfn));
        if (piece.first == piece.end) return {};
        for (mfn = piece.first.raw(); mfn < piece.end.raw();) {
            Frame& frame = frame_of(Mfn(mfn++));
            if (!is_pinned(frame, domain)) continue;
            (void)unpin_table(frame, domain, hold);
            TRY(settle(domain, hold));
        }
        if (hypercall::should_preempt()) return fail(Error::Restart);
    }
    return {};
}

} // namespace

Result<> settle_foreign_hold(TableHold& hold, const PvDomain& owner) {
    if (!hold.frame || hold.owner == &owner) [[likely]]
        return {};
    return settle_all(hold);
}

Result<> settle_all(TableHold& hold) {
    if (!hold.frame) [[likely]]
        return {};
    // The frame may be the last thing that keeps its domain: that must not go while its lock is held.
    PvDomain& other = *hold.owner;
    other.references.fetch_add(1, std::memory_order_relaxed);
    const DomainRef reference(&other);
    Guard guard(other.page_table_lock);
    return settle(other, hold);
}

Result<> set_kernel_table(PvVcpu& vcpu, Mfn l4) {
    if (!is_valid(l4)) return fail(Error::Invalid);
    const bool is_current = &vcpu == current_or_null();
    if (vcpu.kernel_l4 == l4) {
        if (is_current) load_cr3(l4); // the guest means a flush
        return {};
    }
    TRY(acquire_table(frame_of(l4), vcpu.pv_domain(), 4, vcpu.table_hold));
    const Mfn old = vcpu.kernel_l4;
    vcpu.kernel_l4 = l4;
    if (is_current && vcpu.in_kernel_mode) load_cr3(l4);
    if (old.is_valid()) release_table(frame_of(old), vcpu.pv_domain(), 4, vcpu.table_hold);
    return {};
}

Result<> set_user_table(PvVcpu& vcpu, Mfn l4) {
    if (vcpu.user_l4 == l4) return {};
    if (l4.raw() != 0) {
        if (!is_valid(l4)) return fail(Error::Invalid);
        TRY(acquire_table(frame_of(l4), vcpu.pv_domain(), 4, vcpu.table_hold));
    } else {
        TRY(settle(vcpu.pv_domain(), vcpu.table_hold));
    }
    const Mfn old = vcpu.user_l4;
    vcpu.user_l4 = l4.raw() != 0 ? l4 : Mfn::invalid();
    if (&vcpu == current_or_null()) xpti::forget_copies();
    if (old.is_valid()) release_table(frame_of(old), vcpu.pv_domain(), 4, vcpu.table_hold);
    return {};
}

Result<> pin_table(Frame& frame, PvDomain& owner, unsigned level, TableHold& hold) {
    // A dying domain's pins are being taken away: none may come after that.
    if (owner.is_dying()) return fail(Error::Invalid);
    if (frame.owner.load(std::memory_order_relaxed) != owner.id.raw()) return fail(Error::Invalid);
    if (frame.load().has(FrameState::pinned)) return fail(Error::Invalid);
    TRY(acquire_table(frame, owner, level, hold));
    frame.state.fetch_or(FrameState::pinned, std::memory_order_relaxed);
    ++owner.pinned_tables;
    return {};
}

Result<> unpin_table(Frame& frame, PvDomain& owner, TableHold& hold) {
    TRY(settle(owner, hold));
    if (frame.owner.load(std::memory_order_relaxed) != owner.id.raw()) return fail(Error::Invalid);
    const FrameState state = frame.load();
    if (!state.has(FrameState::pinned) || state.has(FrameState::free)) return fail(Error::Invalid);
    // The pin's reference keeps the type.
    frame.state.fetch_and(~FrameState::pinned, std::memory_order_relaxed);
    --owner.pinned_tables;
    release_table(frame, owner, table_level(state.type()), hold);
    return {};
}

Result<> release_page_tables(PvDomain& domain) {
    for (u32 i = 0; i < domain.max_vcpus; ++i)
        if (PvVcpu* vcpu = vcpu_of(domain, i)) TRY(release_vcpu(*vcpu));
    return release_pins(domain);
}

} // namespace px::pv
