// SPDX-License-Identifier: Apache-2.0
// Pinning: judging a shared entry, which its owner can change at any time, exactly once.
#include "domain/grant/internal.hpp"

#include <bit>

namespace px::grant {
namespace {

using abi::GrantStatus;

using Header = abi::GrantEntryHeader;

std::expected<void, GrantStatus> check(Header header, const Domain& grantee, Access access, bool for_copy) {
    const u16 type = header.flags & abi::gtf_type_mask;
    if (type != abi::gtf_permit_access || header.domid != grantee.id.raw())
        return std::unexpected(GrantStatus::GeneralError);
    if (access == Access::Write && (header.flags & abi::gtf_readonly))
        return std::unexpected(GrantStatus::GeneralError);
    if (!for_copy && (header.flags & abi::gtf_sub_page)) return std::unexpected(GrantStatus::GeneralError);
    return {};
}

constexpr u16 marks(Access access) {
    return access == Access::Write ? abi::gtf_reading | abi::gtf_writing : abi::gtf_reading;
}

/// Version 1: the marks are in the entry, set together with the check.
std::expected<void, GrantStatus> mark_v1(abi::GrantEntryV1& entry, const Domain& grantee, Access access,
                                         bool for_copy) {
    auto word = header_word(&entry);
    u32 old = word.load(std::memory_order_acquire);
    for (int tries = 0; tries < 8; ++tries) {
        const auto header = std::bit_cast<Header>(old);
        if (auto ok = check(header, grantee, access, for_copy); !ok) return ok;
        const u32 marked = std::bit_cast<u32>(Header{static_cast<u16>(header.flags | marks(access)), header.domid});
        if (word.compare_exchange_strong(old, marked, std::memory_order_seq_cst)) return {};
    }
    return std::unexpected(GrantStatus::GeneralError); // the owner keeps changing it: unstable
}

/// Version 2: marks first, then the check: whoever revokes clears the flags and then looks at the marks.
std::expected<void, GrantStatus> mark_v2(GrantTable& table, GrantRef ref, const Domain& grantee, Access access,
                                         bool for_copy) PX_REQUIRES(table.lock) {
    auto word = header_word(&table.entry_v2(ref));
    std::atomic_ref<u16> status(table.status_of(ref));
    if (auto ok = check(std::bit_cast<Header>(word.load(std::memory_order_acquire)), grantee, access, for_copy); !ok)
        return ok;
    const u16 before = status.fetch_or(marks(access), std::memory_order_seq_cst);
    auto ok = check(std::bit_cast<Header>(word.load(std::memory_order_seq_cst)), grantee, access, for_copy);
    if (!ok) status.fetch_and(static_cast<u16>(~(marks(access) & ~before)), std::memory_order_seq_cst);
    return ok;
}

void clear_marks(GrantTable& table, GrantRef ref, u16 bits) PX_REQUIRES(table.lock) {
    if (table.version == 2) {
        std::atomic_ref<u16>(table.status_of(ref)).fetch_and(static_cast<u16>(~bits), std::memory_order_seq_cst);
        return;
    }
    header_word(&table.entry_v1(ref)).fetch_and(~static_cast<u32>(bits), std::memory_order_seq_cst);
}

/// Reads which frame, and which part of it, the entry grants.
std::expected<void, GrantStatus> read_target(GrantTable& table, GrantRef ref, ActiveGrant& active)
    PX_REQUIRES(table.lock) {
    u64 gfn;
    active.is_partial = false;
    if (table.version == 1) {
        gfn = std::atomic_ref<u32>(table.entry_v1(ref).frame).load(std::memory_order_acquire);
    } else {
        abi::GrantEntryV2& entry = table.entry_v2(ref);
        gfn = std::atomic_ref<u64>(entry.full_page.frame).load(std::memory_order_acquire);
        if (std::atomic_ref<u16>(entry.hdr.flags).load(std::memory_order_relaxed) & abi::gtf_sub_page) {
            active.is_partial = true;
            active.start = std::atomic_ref<u16>(entry.sub_page.page_off).load(std::memory_order_relaxed);
            active.length = std::atomic_ref<u16>(entry.sub_page.length).load(std::memory_order_relaxed);
        }
    }
    Result<Mfn> mfn = table.domain.translate(Gfn(gfn));
    if (!mfn || !is_valid(*mfn)) return std::unexpected(GrantStatus::BadPage);
    active.frame = *mfn;
    return {};
}

} // namespace

std::expected<Pinned, GrantStatus> pin(Domain& granter, GrantRef ref, const Domain& grantee, Access access,
                                       bool for_copy) {
    GrantTable& table = *granter.grants;
    Guard guard(table.lock);
    if (granter.is_dying()) return std::unexpected(GrantStatus::GeneralError);
    ActiveGrant* active = table.active_entry(ref);
    if (!active) return std::unexpected(GrantStatus::BadGntref);
    if (active->in_use() && active->grantee != grantee.id) return std::unexpected(GrantStatus::GeneralError);
    if (active->readers == ~0u || active->writers == ~0u) return std::unexpected(GrantStatus::NoSpace);
    // A reader beside readers, or anyone beside a writer, is covered by what was judged before.
    const bool covered = access == Access::Write ? active->writers != 0 : active->in_use();
    if (!covered || active->is_partial != false) {
        auto marked = table.version == 2 ? mark_v2(table, ref, grantee, access, for_copy)
                                         : mark_v1(table.entry_v1(ref), grantee, access, for_copy);
        if (!marked) return std::unexpected(marked.error());
    }
    if (!active->in_use()) {
        if (auto target = read_target(table, ref, *active); !target) {
            clear_marks(table, ref, abi::gtf_reading | abi::gtf_writing);
            return std::unexpected(target.error());
        }
        active->grantee = grantee.id;
    }
    ++(access == Access::Write ? active->writers : active->readers);
    if (!active->is_partial) return Pinned{.frame = active->frame};
    return Pinned{.frame = active->frame, .start = active->start, .length = active->length, .whole = false};
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
    return access == Access::Write ? acquire_writable(frame_of(frame), granter)
                                   : acquire_frame(frame_of(frame), granter);
}

void release_granted(Mfn frame, Access access) {
    if (access == Access::Write) release_writable(frame_of(frame));
    else release_frame(frame_of(frame));
}

} // namespace px::grant
