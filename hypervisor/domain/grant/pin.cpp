// SPDX-License-Identifier: Apache-2.0
// Pinning: judging a shared entry, which its owner can change at any time, exactly once.
#include "domain/grant/internal.hpp"
#include "domain/grant/limits.hpp"

#include <bit>

namespace px::grant {
namespace {

using abi::GrantStatus;

using Header = abi::GrantEntryHeader;

/// The same header if it allows that.
std::expected<Header, GrantStatus> check(u32 word, const Domain& grantee, Access access, Purpose purpose) {
    const auto header = std::bit_cast<Header>(word);
    const u16 type = header.flags & abi::gtf_type_mask;
    const bool has_type = type == abi::gtf_permit_access ||
                          (type == abi::gtf_transitive && purpose == Purpose::Copy && limits().has_transitive);
    const bool has_access = access == Access::Read || !(header.flags & abi::gtf_readonly);
    const bool has_part = purpose != Purpose::Map || !(header.flags & abi::gtf_sub_page);
    if (!has_type || header.domid != grantee.id.raw() || !has_access || !has_part)
        return std::unexpected(GrantStatus::GeneralError);
    return header;
}

constexpr u16 marks(Access access) {
    return access == Access::Write ? abi::gtf_reading | abi::gtf_writing : abi::gtf_reading;
}

/// Version 1: the marks are in the entry, set together with the check.
std::expected<Header, GrantStatus> mark_v1(abi::GrantEntryV1& entry, const Domain& grantee, Access access,
                                           Purpose purpose) {
    // Version 1 has no transitive grants.
    if (purpose == Purpose::Copy) purpose = Purpose::CopyAtSource;
    auto word = header_word(&entry);
    u32 old = word.load(std::memory_order_acquire);
    for (int tries = 0; tries < 8; ++tries) {
        const auto header = check(old, grantee, access, purpose);
        if (!header) return header;
        const u32 marked = std::bit_cast<u32>(Header{static_cast<u16>(header->flags | marks(access)), header->domid});
        if (word.compare_exchange_strong(old, marked, std::memory_order_seq_cst)) return header;
    }
    return std::unexpected(GrantStatus::GeneralError); // the owner keeps changing it: unstable
}

/// Version 2: marks first, then the check: whoever revokes clears the flags and then looks at the marks.
std::expected<Header, GrantStatus> mark_v2(GrantTable& table, GrantRef ref, const Domain& grantee, Access access,
                                           Purpose purpose) PX_REQUIRES(table.lock) {
    auto word = header_word(&table.entry_v2(ref));
    std::atomic_ref<u16> status(table.status_of(ref));
    if (auto header = check(word.load(std::memory_order_acquire), grantee, access, purpose); !header) return header;
    const u16 before = status.fetch_or(marks(access), std::memory_order_seq_cst);
    auto header = check(word.load(std::memory_order_seq_cst), grantee, access, purpose);
    if (!header) status.fetch_and(static_cast<u16>(~(marks(access) & ~before)), std::memory_order_seq_cst);
    return header;
}

void clear_marks(GrantTable& table, GrantRef ref, u16 bits) PX_REQUIRES(table.lock) {
    if (table.version == 2) {
        std::atomic_ref<u16>(table.status_of(ref)).fetch_and(static_cast<u16>(~bits), std::memory_order_seq_cst);
        return;
    }
    header_word(&table.entry_v1(ref)).fetch_and(~static_cast<u32>(bits), std::memory_order_seq_cst);
}

std::expected<void, GrantStatus> read_frame(GrantTable& table, u64 gfn, ActiveGrant& active) {
    const Result<Mfn> mfn = table.domain.translate(Gfn(gfn));
    if (!mfn || !is_valid(*mfn)) return std::unexpected(GrantStatus::BadPage);
    active.frame = *mfn;
    return {};
}

/// Reads what the entry grants: in the kind that was judged, whatever its flags say by now.
std::expected<void, GrantStatus> read_target(GrantTable& table, GrantRef ref, Header judged, ActiveGrant& active)
    PX_REQUIRES(table.lock) {
    active.kind = GrantKind::Whole;
    if (table.version == 1)
        return read_frame(table, std::atomic_ref(table.entry_v1(ref).frame).load(std::memory_order_acquire), active);
    abi::GrantEntryV2& entry = table.entry_v2(ref);
    if ((judged.flags & abi::gtf_type_mask) == abi::gtf_transitive) {
        active.kind = GrantKind::Transitive;
        active.source = DomId(std::atomic_ref(entry.transitive.trans_domid).load(std::memory_order_relaxed));
        active.source_ref = GrantRef(std::atomic_ref(entry.transitive.gref).load(std::memory_order_relaxed));
        return {};
    }
    if (judged.flags & abi::gtf_sub_page) {
        active.kind = GrantKind::Partial;
        active.start = std::atomic_ref(entry.sub_page.page_off).load(std::memory_order_relaxed);
        active.length = std::atomic_ref(entry.sub_page.length).load(std::memory_order_relaxed);
    }
    return read_frame(table, std::atomic_ref(entry.full_page.frame).load(std::memory_order_acquire), active);
}

/// True if a grant in use of that kind may be used so, too.
constexpr bool allows(GrantKind kind, Purpose purpose) {
    return kind == GrantKind::Whole || purpose == Purpose::Copy ||
           (kind == GrantKind::Partial && purpose == Purpose::CopyAtSource);
}

Pinned pinned(const ActiveGrant& active) {
    switch (active.kind) {
    case GrantKind::Partial:
        return {.frame = active.frame, .start = active.start, .length = active.length, .whole = false};
    case GrantKind::Transitive: return {.transitive = true, .source = active.source, .source_ref = active.source_ref};
    case GrantKind::Whole: break;
    }
    return {.frame = active.frame};
}

} // namespace

std::expected<Pinned, GrantStatus> pin(Domain& granter, GrantRef ref, const Domain& grantee, Access access,
                                       Purpose purpose) {
    GrantTable& table = *granter.grants;
    Guard guard(table.lock);
    if (granter.is_dying()) return std::unexpected(GrantStatus::GeneralError);
    ActiveGrant* active = table.active_entry(ref);
    if (!active) return std::unexpected(GrantStatus::BadGntref);
    const bool was_in_use = active->in_use();
    if (was_in_use && (active->grantee != grantee.id || !allows(active->kind, purpose)))
        return std::unexpected(GrantStatus::GeneralError);
    if (active->readers == ~0u || active->writers == ~0u) return std::unexpected(GrantStatus::NoSpace);
    // A reader beside readers, or anyone beside a writer, is covered by what was judged before.
    const bool is_covered = access == Access::Write ? active->writers != 0 : was_in_use;
    if (!is_covered) {
        const auto judged = table.version == 2 ? mark_v2(table, ref, grantee, access, purpose)
                                               : mark_v1(table.entry_v1(ref), grantee, access, purpose);
        if (!judged) return std::unexpected(judged.error());
        if (!was_in_use) {
            if (auto target = read_target(table, ref, *judged, *active); !target) {
                clear_marks(table, ref, abi::gtf_reading | abi::gtf_writing);
                return std::unexpected(target.error());
            }
            active->grantee = grantee.id;
        }
    }
    ++(access == Access::Write ? active->writers : active->readers);
    return pinned(*active);
}

void unpin(Domain& granter, GrantRef ref, Access access) {
    GrantTable& table = *granter.grants;
    Guard guard(table.lock);
    ActiveGrant* active = table.active_entry(ref);
    if (!active) return; // the table never shrinks while references are in use
    --(access == Access::Write ? active->writers : active->readers);
    u16 gone = 0;
    if (active->writers == 0) gone |= abi::gtf_writing;
    if (!active->in_use()) gone |= abi::gtf_reading;
    if (gone) clear_marks(table, ref, gone);
}

bool acquire_granted(Mfn frame, Domain& granter, Access access) {
    return access == Access::Write ? acquire_writable(frame_of(frame), granter.id)
                                   : acquire_frame(frame_of(frame), granter.id);
}

void release_granted(Mfn frame, Access access) {
    if (access == Access::Write) release_writable(frame_of(frame));
    else release_frame(frame_of(frame));
}

} // namespace px::grant
