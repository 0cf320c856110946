// SPDX-License-Identifier: Apache-2.0
// Placing frames in a domain's physical map, and handing its resources' frames to the tools.
#include "domain/grant/table.hpp"
#include "hypercall/memory/memory_op.hpp"

#include <algorithm>

namespace px::hypercall::memory {

Result<> add_to_physmap(const Operation& op) {
    const auto add = TRY(GuestPointer<abi::AddToPhysmap>(op.address).read());
    // A foreign frame's domain is named elsewhere: only the batch form has a place for it.
    if (add.space == static_cast<u32>(abi::MapSpace::GmfnForeign)) return fail(Error::NoSys);
    DomainRef domain = TRY(find_controlled_domain(add.domid));
    return domain->add_to_physmap(add);
}

Result<> add_to_physmap_batch(const Operation& op) {
    const auto batch = TRY(GuestPointer<abi::AddToPhysmapBatch>(op.address).read());
    if (batch.u.res0 != 0 && batch.space != static_cast<u16>(abi::MapSpace::GmfnForeign)) return fail(Error::Invalid);
    DomainRef domain = TRY(find_controlled_domain(batch.domid));
    // Refuses the whole batch where one alone would be refused.
    return domain->add_to_physmap({.domid = batch.domid, .size = 0, .space = batch.space, .idx = 0, .gpfn = 0});
}

Result<> remove_from_physmap(const Operation& op) {
    const auto remove = TRY(GuestPointer<abi::RemoveFromPhysmap>(op.address).read());
    DomainRef domain = TRY(find_controlled_domain(remove.domid));
    const Result<Mfn> mfn = domain->translate(Gfn(remove.gpfn));
    if (!mfn || !is_valid(*mfn) || !acquire_frame(frame_of(*mfn), domain->id)) return fail(Error::NoEntry);
    const Result<> removed = domain->remove_from_physmap(Gfn(remove.gpfn), *mfn);
    release_frame(frame_of(*mfn));
    return removed;
}

namespace {

/// Frames a resource can have; 0: there is no such resource.
u64 resource_size(const Domain& domain, u16 type, u32 id) {
    if (type != static_cast<u16>(abi::ResourceType::GrantTable) || !domain.grants) return 0;
    if (id == abi::resource_grant_table_id_shared) return grant::max_shared_frames(domain);
    // A status entry has 2 bytes, an entry of version 2 has 16.
    if (id == abi::resource_grant_table_id_status) return (grant::max_shared_frames(domain) + 7) / 8;
    return 0;
}

} // namespace

Outcome acquire_resource(const Operation& op) {
    if (!current_domain().is_privileged) return Outcome::error(Error::Perm);
    const GuestPointer<abi::MemAcquireResource> pointer(op.address);
    Result<abi::MemAcquireResource> r = pointer.read();
    if (!r) return Outcome::error(r.error());
    if (r->pad != 0) return Outcome::error(Error::Invalid);
    const Result<DomainRef> domain = find_domain_or_self(r->domid);
    if (!domain) return Outcome::error(domain.error());
    const u64 size = resource_size(**domain, r->type, r->id);
    if (size == 0) return Outcome::error(Error::Invalid);
    if (r->frame_list.is_null()) {
        if (r->nr_frames != 0 || op.start != 0) return Outcome::error(Error::Invalid);
        r->nr_frames = static_cast<u32>(size);
        return Outcome::of(pointer.write(*r));
    }
    if (op.start >= r->nr_frames || r->frame >= size || r->nr_frames > size - r->frame)
        return Outcome::error(Error::Invalid);
    const bool is_status = r->id == abi::resource_grant_table_id_status;
    for (u64 i = op.start; i < r->nr_frames; ++i) {
        if (i != op.start && should_preempt()) return op.restart_at(i);
        const Result<Mfn> frame = grant::table_frame(**domain, static_cast<u32>(r->frame + i), is_status);
        if (!frame) return Outcome::error(frame.error());
        const Result<> written = GuestPointer<abi::xen_pfn_t>(r->frame_list).write(frame->raw(), i);
        if (!written) return Outcome::error(written.error());
    }
    return Outcome::of(0);
}

} // namespace px::hypercall::memory
