// SPDX-License-Identifier: Apache-2.0
// Changing a table's version, and exchanging two references.
#include "domain/grant/internal.hpp"
#include "memory/shared_page.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

namespace px::grant {
namespace {

constexpr u32 reserved = abi::gnttab_nr_reserved_entries;

constexpr u16 marks = abi::gtf_reading | abi::gtf_writing;

/// A use that keeps the table's version: of any entry but the reserved ones, which the tools keep mapped all of the
/// domain's life (console, store).
bool any_active(GrantTable& table) PX_REQUIRES(table.lock) {
    for (u32 ref = reserved; ref < table.entry_count(); ++ref)
        if (table.active_entry(GrantRef(ref))->in_use()) return true;
    return false;
}

using Reserved = abi::GrantEntryV1[reserved];

/// The reserved entries of version 2 as version 1 has them: an access grant with its marks; anything else is no grant.
/// Errors: Range: version 1 has no form for it.
Result<> read_reserved_v2(GrantTable& table, Reserved& out) PX_REQUIRES(table.lock) {
    for (u32 i = 0; i < reserved; ++i) {
        // Once, by value: the owner writes it at any time.
        const auto header = std::bit_cast<abi::GrantEntryHeader>(
            header_word(&table.entry_v2(GrantRef(i))).load(std::memory_order_acquire));
        const u64 frame =
            std::atomic_ref<u64>(table.entry_v2(GrantRef(i)).full_page.frame).load(std::memory_order_relaxed);
        const u16 type = header.flags & abi::gtf_type_mask;
        if (type == abi::gtf_transitive || (type == abi::gtf_permit_access && frame > ~u32{0}))
            return fail(Error::Range);
        if (type != abi::gtf_permit_access) continue;
        const u16 used = table.status_of(GrantRef(i)) & marks;
        out[i] = {static_cast<u16>((header.flags & ~marks) | used), header.domid, static_cast<u32>(frame)};
    }
    return {};
}

/// An empty table of the other version, but for the reserved entries. The marks of those in use go where that version
/// has them: into the entry, or into its status word.
void rewrite(GrantTable& table, u32 to, const Reserved& kept) PX_REQUIRES(table.lock) {
    for (u32 i = 0; i < table.frame_count; ++i) std::memset(table.shared[i], 0, page_size);
    for (u32 i = 0; i < table.status_count; ++i) std::memset(table.status[i], 0, page_size);
    table.version = to;
    for (u32 i = 0; i < reserved; ++i) {
        if (to == 1) {
            table.entry_v1(GrantRef(i)) = kept[i];
            continue;
        }
        abi::GrantEntryV2& v2 = table.entry_v2(GrantRef(i));
        v2.full_page.frame = kept[i].frame;
        v2.hdr = {static_cast<u16>(kept[i].flags & ~marks), kept[i].domid};
        table.status_of(GrantRef(i)) = kept[i].flags & marks;
    }
}

/// To version 2, which has status frames; they come first: then nothing can fail half way.
Result<> leave_version_1(GrantTable& table) PX_REQUIRES(table.lock) {
    table.version = 2; // they are sized for its entries
    const Result<> grown = table.grow_status();
    table.version = 1;
    TRY(grown);
    Reserved kept;
    std::memcpy(kept, &table.entry_v1(GrantRef(0)), sizeof kept);
    rewrite(table, 2, kept);
    return {};
}

/// Back to version 1, which has no status frames: they go, all or none. Busy while the domain maps one, as in Xen: a
/// mapping must not outlive what it shows.
Result<> leave_version_2(GrantTable& table) PX_REQUIRES(table.lock) {
    Reserved kept{};
    TRY(read_reserved_v2(table, kept));
    u32 withdrawn = 0;
    while (withdrawn < table.status_count && withdraw_shared_page(table.status[withdrawn])) ++withdrawn;
    Result<> result = fail(Error::Busy);
    if (withdrawn == table.status_count) rewrite(table, 1, kept), result = {};
    for (u32 i = 0; i < withdrawn; ++i) {
        if (result) discard_shared_page(table.status[i]);
        else return_shared_page(table.status[i], table.domain.id);
    }
    if (result) table.status_count = 0;
    return result;
}

} // namespace

Result<> set_version(abi::GnttabSetVersion& op) {
    GrantTable& table = *current_domain().grants;
    Guard guard(table.lock);
    const u32 wanted = std::exchange(op.version, table.version);
    if (wanted != 1 && wanted != 2) return fail(Error::Invalid);
    if (wanted > table.max_version) return fail(Error::NoSys); // as where the call is not known
    if (wanted == table.version) return {};
    if (table.frame_count == 0) TRY(table.grow(1));
    if (any_active(table)) return fail(Error::Busy);
    TRY(wanted == 1 ? leave_version_2(table) : leave_version_1(table));
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
