// SPDX-License-Identifier: Apache-2.0
// Changing a table's version, and exchanging two references.
#include "domain/grant/internal.hpp"
#include "memory/shared_page.hpp"

#include <algorithm>
#include <cstring>

namespace px::grant {
namespace {

constexpr u32 reserved = abi::gnttab_nr_reserved_entries;

bool any_active(GrantTable& table) PX_REQUIRES(table.lock) {
    for (u32 ref = 0; ref < table.entry_count(); ++ref)
        if (table.active_entry(GrantRef(ref))->in_use()) return true;
    return false;
}

/// The reserved entries in the other version's form. Only plain access grants can be carried over.
Result<> convert_reserved(GrantTable& table, u32 to) PX_REQUIRES(table.lock) {
    abi::GrantEntryV1 old_v1[reserved];
    for (u32 i = 0; i < reserved; ++i) {
        if (to == 2) {
            old_v1[i] = table.entry_v1(GrantRef(i));
            continue;
        }
        const abi::GrantEntryV2 v2 = table.entry_v2(GrantRef(i));
        if ((v2.hdr.flags & abi::gtf_type_mask) == abi::gtf_permit_access && v2.full_page.frame > ~u32{0})
            return fail(Error::Range);
        old_v1[i] = {static_cast<u16>(v2.hdr.flags | table.status_of(GrantRef(i))), v2.hdr.domid,
                     static_cast<u32>(v2.full_page.frame)};
    }
    for (u32 i = 0; i < table.frame_count; ++i) std::memset(table.shared[i], 0, page_size);
    for (u32 i = 0; i < table.status_count; ++i) std::memset(table.status[i], 0, page_size);
    table.version = to;
    for (u32 i = 0; i < reserved; ++i) {
        if (to == 1) {
            table.entry_v1(GrantRef(i)) = old_v1[i];
            continue;
        }
        abi::GrantEntryV2& v2 = table.entry_v2(GrantRef(i));
        v2.full_page.frame = old_v1[i].frame;
        v2.hdr = {old_v1[i].flags, old_v1[i].domid};
    }
    return {};
}

/// Back to version 1, which has no status frames: they go, all or none. Busy while the domain maps one, as in Xen: a
/// mapping must not outlive what it shows.
Result<> leave_version_2(GrantTable& table) PX_REQUIRES(table.lock) {
    u32 withdrawn = 0;
    while (withdrawn < table.status_count && withdraw_shared_page(table.status[withdrawn])) ++withdrawn;
    Result<> result = fail(Error::Busy);
    if (withdrawn == table.status_count) result = convert_reserved(table, 1);
    for (u32 i = 0; i < withdrawn; ++i) {
        if (result) discard_shared_page(table.status[i]);
        else return_shared_page(table.status[i], table.domain);
    }
    if (result) table.status_count = 0;
    return result;
}

} // namespace

Result<> set_version(abi::GnttabSetVersion& op) {
    Domain& domain = current_domain();
    if (op.version != 1 && op.version != 2) return fail(Error::Invalid);
    GrantTable& table = *domain.grants;
    Guard guard(table.lock);
    const u32 wanted = op.version;
    op.version = table.version;
    if (wanted == table.version) return {};
    if (table.frame_count == 0) TRY(table.grow(1));
    if (any_active(table)) return fail(Error::Busy);
    if (wanted == 2) {
        // Status frames first, sized for the version 2 entries: then nothing can fail half way.
        table.version = 2;
        const Result<> grown = table.grow_status();
        table.version = 1;
        if (!grown) return grown;
    }
    TRY(wanted == 1 ? leave_version_2(table) : convert_reserved(table, 2));
    op.version = wanted;
    return {};
}

Result<> swap(GrantRef a, GrantRef b) {
    GrantTable& table = *current_domain().grants;
    Guard guard(table.lock);
    const ActiveGrant* active_a = table.active_entry(a);
    const ActiveGrant* active_b = table.active_entry(b);
    if (!active_a || !active_b) return fail(Error::NoEntry);
    if (active_a->in_use() || active_b->in_use()) return fail(Error::Busy);
    if (table.version == 1) {
        std::swap(table.entry_v1(a), table.entry_v1(b));
    } else {
        std::swap(table.entry_v2(a), table.entry_v2(b));
        std::swap(table.status_of(a), table.status_of(b));
    }
    return {};
}

} // namespace px::grant
