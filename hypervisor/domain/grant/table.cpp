// SPDX-License-Identifier: Apache-2.0
// The shared table itself: growth, versions, look-up (public/grant_table.h).
#include "domain/grant/internal.hpp"
#include "memory/shared_page.hpp"

#include <algorithm>
#include <cstring>

namespace px {

ActiveGrant* GrantTable::active_entry(GrantRef ref) {
    const u32 per_frame = entries_per_frame();
    if (ref.raw() >= entry_count()) return nullptr;
    const u64 frame = bounded(ref.raw() / per_frame, frame_count);
    return &active[frame][ref.raw() % per_frame];
}

abi::GrantEntryV1& GrantTable::entry_v1(GrantRef ref) {
    const u32 per_frame = page_size / sizeof(abi::GrantEntryV1);
    return static_cast<abi::GrantEntryV1*>(shared[bounded(ref.raw() / per_frame, frame_count)])[ref.raw() % per_frame];
}

abi::GrantEntryV2& GrantTable::entry_v2(GrantRef ref) {
    const u32 per_frame = page_size / sizeof(abi::GrantEntryV2);
    return static_cast<abi::GrantEntryV2*>(shared[bounded(ref.raw() / per_frame, frame_count)])[ref.raw() % per_frame];
}

abi::grant_status_t& GrantTable::status_of(GrantRef ref) {
    const u32 per_frame = page_size / sizeof(abi::grant_status_t);
    return status[bounded(ref.raw() / per_frame, status_count)][ref.raw() % per_frame];
}

Result<> GrantTable::grow_status() {
    const u32 per_status = page_size / sizeof(abi::grant_status_t);
    const u32 wanted = (entry_count() + per_status - 1) / per_status;
    while (status_count < wanted) {
        void* page = allocate_shared_page(domain.id);
        if (!page) return fail(Error::NoMemory);
        status[status_count++] = static_cast<abi::grant_status_t*>(page);
    }
    return {};
}

Result<> GrantTable::grow(u32 frames) {
    if (frames > max_frames) return fail(Error::Invalid);
    while (frame_count < frames) {
        Frame* entries = heap::allocate({.order = active_order});
        void* page = entries ? allocate_shared_page(domain.id) : nullptr;
        if (!page) {
            if (entries) heap::free_unused(*entries, active_order);
            return fail(Error::NoMemory);
        }
        active[frame_count] = to_virtual<ActiveGrant>(*entries);
        shared[frame_count++] = page;
    }
    return version == 2 ? grow_status() : Result<>{};
}

void GrantTable::free_memory() {
    for (u32 i = 0; i < frame_count; ++i) {
        free_shared_page(shared[i]);
        heap::free(frame_of_virtual(active[i]), active_order, false);
    }
    for (u32 i = 0; i < status_count; ++i) free_shared_page(status[i]);
    for (u32 i = 0; i < maptrack_pages; ++i) heap::free_page(maptrack[i]);
    frame_count = status_count = maptrack_pages = 0;
    for (void* array : {static_cast<void*>(shared), static_cast<void*>(active), static_cast<void*>(status),
                        static_cast<void*>(maptrack)})
        if (array) heap::free_bytes(array);
}

namespace grant {

Result<> init(Domain& domain, u32 max_grant_frames, u32 max_maptrack_frames, u32 max_version) PX_NO_THREAD_SAFETY {
    max_grant_frames = std::min(max_grant_frames, GrantTable::max_frames_ever);
    max_maptrack_frames = std::min(max_maptrack_frames, GrantTable::max_maptrack_ever);
    auto* table = make<GrantTable>(domain, max_grant_frames, max_maptrack_frames, max_version);
    if (!table) return fail(Error::NoMemory);
    domain.grants = table;
    const u32 places = std::max(max_grant_frames, 1u);
    table->shared = static_cast<void**>(heap::allocate_bytes(places * sizeof(void*)));
    table->active = static_cast<ActiveGrant**>(heap::allocate_bytes(places * sizeof(void*)));
    // A version 2 table of n frames has n * 256 entries and so n / 8 status frames, rounded up.
    table->status = static_cast<abi::grant_status_t**>(heap::allocate_bytes((places / 8 + 1) * sizeof(void*)));
    table->maptrack = static_cast<Maptrack**>(heap::allocate_bytes(std::max(max_maptrack_frames, 1u) * sizeof(void*)));
    if (!table->shared || !table->active || !table->status || !table->maptrack ||
        (max_grant_frames != 0 && !table->grow(1))) {
        free(domain);
        return fail(Error::NoMemory);
    }
    return {};
}

void free(Domain& domain) {
    if (!domain.grants) return;
    domain.grants->free_memory();
    destroy(domain.grants);
    domain.grants = nullptr;
}

namespace {
/// The domain an operation names: itself, or one it controls.
std::expected<DomainRef, abi::GrantStatus> named_domain(u16 id) {
    Result<DomainRef> domain = id == abi::domid_self ? find_domain_or_self(id) : find_controlled_domain(id);
    if (domain) return std::move(*domain);
    return std::unexpected(domain.error() == Error::Perm ? abi::GrantStatus::PermissionDenied
                                                         : abi::GrantStatus::BadDomain);
}

/// The query on the table of the domain that `op` names, under its lock; op.status says what became of it.
template <class Op, class Query> Result<> query_table(Op& op, Query query) {
    auto domain = named_domain(op.dom);
    if (!domain) {
        op.status = raw(domain.error());
        return {};
    }
    GrantTable& table = *(*domain)->grants;
    Guard guard(table.lock);
    op.status = raw(query(table) ? abi::GrantStatus::Okay : abi::GrantStatus::GeneralError);
    return {};
}
} // namespace

Result<> setup_table(abi::GnttabSetupTable& op) {
    return query_table(op, [&](GrantTable& table) PX_NO_THREAD_SAFETY { return table.grow(op.nr_frames).has_value(); });
}

Result<> query_size(abi::GnttabQuerySize& op) {
    return query_table(op, [&](GrantTable& table) PX_NO_THREAD_SAFETY {
        op.nr_frames = table.frame_count;
        op.max_nr_frames = table.max_frames;
        return true;
    });
}

Result<> get_version(abi::GnttabGetVersion& op) {
    DomainRef domain = TRY(op.dom == abi::domid_self ? find_domain_or_self(op.dom) : find_controlled_domain(op.dom));
    Guard guard(domain->grants->lock);
    op.version = domain->grants->version;
    return {};
}

Result<> get_status_frames(abi::GnttabGetStatusFrames& op) {
    return query_table(op, [&](GrantTable& table) PX_NO_THREAD_SAFETY {
        return table.version == 2 && op.nr_frames <= table.status_count;
    });
}

u32 max_shared_frames(const Domain& domain) { return domain.grants ? domain.grants->max_frames : 0; }

Result<Mfn> table_frame(Domain& domain, u32 index, bool status_frame) {
    GrantTable& table = *domain.grants;
    Guard guard(table.lock);
    if (status_frame) {
        if (table.version != 2 || index >= table.status_count) return fail(Error::Invalid);
        return mfn_of(to_physical(table.status[index]));
    }
    if (index >= table.max_frames) return fail(Error::Invalid);
    TRY(table.grow(index + 1));
    return mfn_of(to_physical(table.shared[index]));
}

} // namespace grant
} // namespace px
