// SPDX-License-Identifier: Apache-2.0
// increase_reservation, decrease_reservation, populate_physmap: frames in and out of a domain, extent by extent.
#include "base/log.hpp"
#include "hypercall/memory/memory_op.hpp"
#include "memory/heap.hpp"

#include <algorithm>

namespace px::hypercall::memory {

namespace {

using Extents = GuestPointer<abi::xen_pfn_t>;

/// Frames of the heap for what was promised. Errors: NoMemory; Restart, before anything has been done.
Result<Frame*> allocate(const abi::MemoryReservation& r, const Domain::Promise& promise) {
    const u32 bits = r.mem_flags & abi::memf_address_bits_mask;
    return heap::allocate_preemptibly(
        {.order = r.extent_order, .address_bits = bits ? bits : 64, .claim = promise.claimed}, should_preempt);
}

/// Frames for the domain, owned by it. Its limits come first: no memory is taken and cleared for what cannot be.
/// Errors: NoMemory; Invalid; Restart, before anything has been done.
Result<Mfn> allocate_for(Domain& domain, const abi::MemoryReservation& r) {
    const Domain::Promise promise = TRY(domain.promise_frames(u64{1} << r.extent_order));
    const Result<Frame*> first = allocate(r, promise);
    Result<> assigned = first ? domain.assign_frames(**first, promise) : fail(first.error());
    if (assigned) return mfn_of(**first);
    if (first) heap::free_unused(**first, r.extent_order);
    domain.cancel(promise);
    return fail(assigned.error());
}

Result<> populate(Domain& domain, const abi::MemoryReservation& r, u64 i) {
    const Extents list(r.extent_start);
    const Gfn gfn(TRY(list.read(i)));
    const Mfn mfn = TRY(allocate_for(domain, r));
    TRY(domain.map_frame(gfn, mfn, r.extent_order));
    return list.write(mfn.raw(), i);
}

Result<> increase(Domain& domain, const abi::MemoryReservation& r, u64 i) {
    const Mfn mfn = TRY(allocate_for(domain, r));
    const Extents list(r.extent_start);
    if (list.is_null()) return {};
    return list.write(mfn.raw(), i);
}

Result<> remove_page(Domain& domain, Gfn gfn) {
    const Mfn mfn = TRY(domain.translate(gfn));
    if (!is_valid(mfn)) return fail(Error::Invalid);
    Frame& frame = frame_of(mfn);
    if (!acquire_frame(frame, domain.id)) return fail(Error::Invalid);
    // Only the domain's own hold goes; mappings that are left keep the frame until they are gone.
    if (!frame.load().has(FrameState::hypervisor)) {
        (void)domain.unmap_frame(gfn, mfn, 0);
        (void)give_up_frame(frame);
    }
    release_frame(frame);
    return {};
}

Result<> decrease(Domain& domain, const abi::MemoryReservation& r, u64 i) {
    const Gfn gfn(TRY(Extents(r.extent_start).read(i)));
    for (u64 j = 0; j < u64{1} << r.extent_order; ++j) TRY(remove_page(domain, gfn + j));
    return {};
}

Result<> one_extent(abi::MemoryOp command, Domain& domain, const abi::MemoryReservation& r, u64 i) {
    switch (command) {
    case abi::MemoryOp::PopulatePhysmap: return populate(domain, r, i);
    case abi::MemoryOp::IncreaseReservation: return increase(domain, r, i);
    default: return decrease(domain, r, i);
    }
}

} // namespace

Outcome reservation(const Operation& op) {
    // A failure anywhere answers with the number of extents done so far: that is how callers learn of it.
    const auto done = [](u64 count) { return Outcome::of(static_cast<s64>(count)); };
    const Result<abi::MemoryReservation> r = GuestPointer<abi::MemoryReservation>(op.address).read();
    if (!r || r->nr_extents > ~u64{0} >> abi::memory_op_extent_shift || op.start >= r->nr_extents)
        return done(op.start);
    const Result<DomainRef> domain = find_domain_or_self(r->domid);
    if (!domain) return done(op.start);
    if (domain->get() != &current_domain() && !current_domain().is_privileged) return Outcome::error(Error::Perm);
    if (r->extent_order > largest_order()) return done(op.start);
    if ((r->mem_flags & abi::memf_populate_on_demand) && op.command == abi::MemoryOp::PopulatePhysmap)
        return done(op.start); // paravirtual domains have none
    for (u64 i = op.start; i < r->nr_extents; ++i) {
        if (i != op.start && should_preempt()) return op.restart_at(i);
        const Result<> extent = one_extent(op.command, **domain, *r, i);
        if (!extent) return extent.error() == Error::Restart ? op.restart_at(i) : done(i);
    }
    return done(r->nr_extents);
}

} // namespace px::hypercall::memory
