// SPDX-License-Identifier: Apache-2.0
// Mapping and unmapping grants, and the handles that name mappings.
#include "base/log.hpp"
#include "domain/grant/internal.hpp"
#include "schedule/softirq.hpp"

namespace px {

Maptrack* GrantTable::handle(u32 h) {
    if (h >= maptrack_pages * maptrack_per_page) return nullptr;
    const u64 page = bounded(h / maptrack_per_page, maptrack_pages);
    return &maptrack[page][h % maptrack_per_page];
}

Result<u32> GrantTable::new_handle(Domain& granter, GrantRef ref, u16 flags) {
    Guard guard(maptrack_lock);
    if (free_handle == 0) {
        if (maptrack_pages >= max_maptrack_pages) return fail(Error::NoSpace);
        auto* page = static_cast<Maptrack*>(heap::allocate_page());
        if (!page) return fail(Error::NoSpace);
        const u32 first = maptrack_pages * maptrack_per_page;
        for (u32 i = 0; i < maptrack_per_page; ++i) {
            new (&page[i]) Maptrack;
            page[i].next_free = i + 1 < maptrack_per_page ? first + i + 2 : 0;
        }
        maptrack[maptrack_pages++] = page;
        free_handle = first + 1;
    }
    const u32 h = free_handle - 1;
    Maptrack& entry = *handle(h);
    free_handle = entry.next_free;
    granter.references.fetch_add(1, std::memory_order_relaxed);
    entry = {.granter = &granter, .ref = ref, .flags = flags, .busy = true};
    return h;
}

void GrantTable::free_handle_entry(u32 h) {
    Maptrack& entry = *handle(h);
    entry = {};
    entry.next_free = free_handle;
    free_handle = h + 1;
}

namespace grant {
namespace {

using abi::GrantStatus;

constexpr u16 kept_flags = abi::gntmap_host_map | abi::gntmap_device_map | abi::gntmap_readonly |
                           abi::gntmap_application_map | abi::gntmap_contains_pte;

constexpr Access access_of(u32 flags) { return flags & abi::gntmap_readonly ? Access::Read : Access::Write; }

/// The mapping that a new handle names is there: from now on it can be unmapped.
void make_known(GrantTable& table, u32 handle) {
    Guard guard(table.maptrack_lock);
    table.handle(handle)->busy = false;
}

/// Frees a handle from outside its lock and drops its hold on the granter.
void drop_handle(GrantTable& table, u32 handle) {
    DomainRef granter;
    Guard guard(table.maptrack_lock);
    granter = DomainRef(table.handle(handle)->granter);
    table.free_handle_entry(handle);
}

/// Enters the pinned frame into the current domain.
GrantStatus enter(Domain& local, Domain& granter, const abi::GnttabMapGrantRef& op, Mfn frame, Access access) {
    if (!(op.flags & abi::gntmap_host_map)) return GrantStatus::Okay;
    if (!acquire_granted(frame, granter, access)) return GrantStatus::GeneralError;
    if (local.map_grant(op.host_addr, frame, op.flags, 0)) return GrantStatus::Okay;
    release_granted(frame, access);
    return GrantStatus::GeneralError;
}

GrantStatus map_pinned(Domain& local, Domain& granter, abi::GnttabMapGrantRef& op, Mfn frame, Access access) {
    GrantTable& table = *local.grants;
    // A device mapping holds the frame too, beside the host mapping's entry.
    const bool device = (op.flags & abi::gntmap_device_map) != 0;
    if (device && !acquire_granted(frame, granter, access)) return GrantStatus::GeneralError;
    Result<u32> handle = table.new_handle(granter, GrantRef(op.ref), static_cast<u16>(op.flags & kept_flags));
    GrantStatus status = handle ? enter(local, granter, op, frame, access) : GrantStatus::NoDeviceSpace;
    if (status == GrantStatus::Okay) {
        make_known(table, *handle);
        op.handle = *handle;
        op.dev_bus_addr = paddr_of(frame).raw();
        return status;
    }
    if (handle) drop_handle(table, *handle);
    if (device) release_granted(frame, access);
    return status;
}

} // namespace

void map(abi::GnttabMapGrantRef& op) {
    Domain& local = current_domain();
    if (!(op.flags & (abi::gntmap_host_map | abi::gntmap_device_map))) {
        op.status = raw(GrantStatus::BadGntref);
        return;
    }
    DomainRef granter = find_domain(DomId(op.dom));
    if (!granter || !granter->grants) {
        op.status = raw(GrantStatus::BadDomain);
        return;
    }
    const Access access = access_of(op.flags);
    auto pinned = pin(*granter, GrantRef(op.ref), local, access, Purpose::Map);
    if (!pinned) {
        op.status = raw(pinned.error());
        return;
    }
    const GrantStatus status = map_pinned(local, *granter, op, pinned->frame, access);
    if (status != GrantStatus::Okay) unpin(*granter, GrantRef(op.ref), access);
    op.status = raw(status);
}

namespace {

/// Claims a handle for one unmap, so that a second one at the same time finds nothing.
GrantStatus claim(GrantTable& table, const abi::GnttabUnmapGrantRef& op, Maptrack& out) {
    Guard guard(table.maptrack_lock);
    Maptrack* entry = table.handle(op.handle);
    if (!entry || !entry->granter || entry->busy || !(entry->flags & (abi::gntmap_host_map | abi::gntmap_device_map)))
        return GrantStatus::BadHandle;
    entry->busy = true;
    out = *entry;
    return GrantStatus::Okay;
}

Mfn frame_of_grant(Domain& granter, GrantRef ref) {
    GrantTable& table = *granter.grants;
    Guard guard(table.lock);
    const ActiveGrant* active = table.active_entry(ref);
    return active ? active->frame : Mfn::invalid();
}

/// Ends a claim with the parts that are still mapped; the last part frees the handle.
void finish_claim(GrantTable& table, u32 handle, u16 flags_left) {
    DomainRef granter;
    Guard guard(table.maptrack_lock);
    Maptrack& entry = *table.handle(handle);
    entry.busy = false;
    entry.flags = flags_left;
    if (flags_left & (abi::gntmap_host_map | abi::gntmap_device_map)) return;
    granter = DomainRef(entry.granter);
    table.free_handle_entry(handle);
}

} // namespace

void unmap(abi::GnttabUnmapGrantRef& op, Unmapped& out) {
    Domain& local = current_domain();
    GrantTable& table = *local.grants;
    Maptrack entry;
    GrantStatus status = claim(table, op, entry);
    if (status != GrantStatus::Okay) {
        op.status = raw(status);
        return;
    }
    const Mfn frame = frame_of_grant(*entry.granter, entry.ref);
    const bool host = op.host_addr != 0 && (entry.flags & abi::gntmap_host_map);
    const bool device = op.dev_bus_addr != 0 && (entry.flags & abi::gntmap_device_map);
    if (op.dev_bus_addr != 0 && op.dev_bus_addr != paddr_of(frame).raw()) status = GrantStatus::GeneralError;
    if (status == GrantStatus::Okay && host && !local.unmap_grant(op.host_addr, frame, entry.flags, 0))
        status = GrantStatus::GeneralError;
    if (status != GrantStatus::Okay) {
        finish_claim(table, op.handle, entry.flags);
        op.status = raw(status);
        return;
    }
    const u16 removed = static_cast<u16>((host ? abi::gntmap_host_map : 0) | (device ? abi::gntmap_device_map : 0));
    out = {.granter = entry.granter,
           .frame = frame,
           .ref = entry.ref,
           .flags = entry.flags,
           .handle = op.handle,
           .removed = removed,
           .done = true};
    op.status = raw(GrantStatus::Okay);
}

void unmap_complete(Unmapped& unmapped) {
    if (!unmapped.done) return;
    const Access access = access_of(unmapped.flags);
    if (unmapped.removed & abi::gntmap_host_map) release_granted(unmapped.frame, access);
    if (unmapped.removed & abi::gntmap_device_map) release_granted(unmapped.frame, access);
    const u16 left = static_cast<u16>(unmapped.flags & ~unmapped.removed);
    if (!(left & (abi::gntmap_host_map | abi::gntmap_device_map))) unpin(*unmapped.granter, unmapped.ref, access);
    finish_claim(*current_domain().grants, unmapped.handle, left);
    unmapped.done = false;
}

Result<> release_mappings(Domain& domain) PX_NO_THREAD_SAFETY {
    GrantTable* table = domain.grants;
    if (!table) return {};
    for (u32& h = table->release_position; h < table->maptrack_pages * GrantTable::maptrack_per_page; ++h) {
        // No vCPU of the domain runs any more: nobody else touches its handles.
        Maptrack& entry = *table->handle(h);
        if (!entry.granter) continue;
        const Access access = access_of(entry.flags);
        // The reference of a host mapping belongs to its page-table entry and goes with the page tables.
        if (entry.flags & abi::gntmap_device_map) release_granted(frame_of_grant(*entry.granter, entry.ref), access);
        unpin(*entry.granter, entry.ref, access);
        drop_handle(*table, h);
        if (softirq::is_pending()) {
            ++h;
            return fail(Error::Restart);
        }
    }
    return {};
}

void dump(Domain& domain) PX_NO_THREAD_SAFETY {
    GrantTable& table = *domain.grants;
    Guard guard(table.lock);
    log::info("Grant table of domain {}: version {}, {} frames (limit {}), {} maptrack pages", domain.id, table.version,
              table.frame_count, table.max_frames, table.maptrack_pages);
    for (u32 ref = 0; ref < table.entry_count(); ++ref) {
        const ActiveGrant* active = table.active_entry(GrantRef(ref));
        if (active->in_use())
            log::info("  ref {} frame {:x} used by domain {}: {} readers, {} writers", ref, active->frame,
                      active->grantee, active->readers, active->writers);
    }
}

} // namespace grant
} // namespace px
