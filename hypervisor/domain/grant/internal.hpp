// SPDX-License-Identifier: Apache-2.0
// A domain's grant table: the state that grant_*.cpp share.
#pragma once

#include "domain/domain_list.hpp"
#include "domain/grant/table.hpp"
#include "memory/heap.hpp"

namespace px {

/// What a reference grants.
enum class GrantKind : u8 {
    Whole,
    Partial,    ///< a part of a frame, for copies (sub-page grants)
    Transitive, ///< what another domain grants to the table's owner, for copies
};

/// What the hypervisor knows of one grant reference in use. The shared entry can change at any time; this cannot: all
/// but the counts is valid, and stays as it was judged, while one of the counts is not zero.
struct ActiveGrant {
    u32 readers = 0; ///< read-only maps and copies under way
    u32 writers = 0; ///< writable ones
    DomId grantee{0};
    u16 start = 0, length = 0; ///< Partial: the part that may be copied
    GrantKind kind = GrantKind::Whole;
    Mfn frame{};            ///< not of Transitive
    DomId source{0};        ///< Transitive: who grants
    GrantRef source_ref{0}; ///< Transitive: by which reference
    [[nodiscard]] bool in_use() const { return readers != 0 || writers != 0; }
};
static_assert(sizeof(ActiveGrant) == 32);

/// One mapping that a domain holds of another's grant.
struct Maptrack {
    Domain* granter = nullptr; ///< counted; null: the handle is free
    GrantRef ref{0};
    u16 flags = 0;     ///< GNTMAP_host_map, device_map, readonly: what is still mapped
    bool busy = false; ///< a map or an unmap is under way: nobody else may name it
    u32 next_free = 0; ///< while free: next free handle + 1, 0 none
};
static_assert(sizeof(Maptrack) == 24);

/// Both sides of a domain's grants: the table it offers, and the handles of what it has mapped.
class GrantTable {
  public:
    static constexpr u32 max_frames_ever = 4096;
    static constexpr u32 max_maptrack_ever = 65536; ///< pages of handles
    static constexpr u32 maptrack_per_page = page_size / sizeof(Maptrack);
    static constexpr unsigned active_order = 2; ///< frames of active entries per shared frame: 512 * 32 bytes

    GrantTable(Domain& owner, u32 frames, u32 maptrack_frames, u32 highest_version)
        : domain(owner), max_frames(frames), max_maptrack_pages(maptrack_frames), max_version(highest_version) {}

    Domain& domain;
    const u32 max_frames;         ///< limit of shared frames
    const u32 max_maptrack_pages; ///< limit of pages of handles
    const u32 max_version;        ///< that the domain may choose

    // -- the table it offers --
    SpinLock<LockRank::GrantTable> lock;
    u32 version PX_GUARDED_BY(lock) = 1;
    u32 frame_count PX_GUARDED_BY(lock) = 0;
    u32 status_count PX_GUARDED_BY(lock) = 0;
    void** shared PX_GUARDED_BY(lock) = nullptr;                ///< shared frames, max_frames places
    ActiveGrant** active PX_GUARDED_BY(lock) = nullptr;         ///< their active entries
    abi::grant_status_t** status PX_GUARDED_BY(lock) = nullptr; ///< version 2: status frames

    // -- what it has mapped --
    SpinLock<LockRank::Maptrack> maptrack_lock;
    Maptrack** maptrack PX_GUARDED_BY(maptrack_lock) = nullptr;
    u32 maptrack_pages PX_GUARDED_BY(maptrack_lock) = 0;
    u32 free_handle PX_GUARDED_BY(maptrack_lock) = 0; ///< head of the free list, handle + 1
    u32 release_position = 0;                         ///< where release_mappings goes on

    [[nodiscard]] u32 entries_per_frame() const PX_REQUIRES(lock) {
        return page_size / (version == 2 ? sizeof(abi::GrantEntryV2) : sizeof(abi::GrantEntryV1));
    }
    [[nodiscard]] u32 entry_count() const PX_REQUIRES(lock) { return frame_count * entries_per_frame(); }
    /// Null when the reference is beyond the table. Holds under speculation, as those below.
    [[nodiscard]] ActiveGrant* active_entry(GrantRef ref) PX_REQUIRES(lock);
    [[nodiscard]] abi::GrantEntryV1& entry_v1(GrantRef ref) PX_REQUIRES(lock);
    [[nodiscard]] abi::GrantEntryV2& entry_v2(GrantRef ref) PX_REQUIRES(lock);
    [[nodiscard]] abi::grant_status_t& status_of(GrantRef ref) PX_REQUIRES(lock);
    /// Makes sure that there are `frames` shared frames (and status frames, for version 2). Errors: Invalid, NoMemory.
    Result<> grow(u32 frames) PX_REQUIRES(lock);
    Result<> grow_status() PX_REQUIRES(lock);

    /// A free handle, filled and busy: the guest may guess its number before it is told. Errors: NoSpace.
    Result<u32> new_handle(Domain& granter, GrantRef ref, u16 flags);
    [[nodiscard]] Maptrack* handle(u32 handle) PX_REQUIRES(maptrack_lock);
    void free_handle_entry(u32 handle) PX_REQUIRES(maptrack_lock);
    void free_memory() PX_NO_THREAD_SAFETY;
};

namespace grant {

/// Which access a pin allows.
enum class Access : u8 { Read, Write };

/// A pinned grant: its frame can be used until unpin.
struct Pinned {
    Mfn frame{};
    u16 start = 0, length = page_size - 1; ///< allowed bytes [start, start + length]; see whole
    bool whole = true;
    bool transitive = false; ///< no frame of the granter's: to be pinned at `source`, with the granter as grantee
    DomId source{0};
    GrantRef source_ref{0};
};

/// What a grant is pinned for. Only copies may use parts of frames, and only their first step grants of others' grants:
/// that ends every chain after one more pin.
enum class Purpose : u8 { Map, Copy, CopyAtSource };

/// Checks the shared entry against grantee and access, marks it in use and counts it. Takes no reference on the frame.
std::expected<Pinned, abi::GrantStatus> pin(Domain& granter, GrantRef ref, const Domain& grantee, Access access,
                                            Purpose purpose);
/// Takes the count back; clears the guest-visible marks with the last one.
void unpin(Domain& granter, GrantRef ref, Access access);

/// flags and domid of a shared entry of either version (abi::GrantEntryHeader), as one atomic word.
[[nodiscard]] inline std::atomic_ref<u32> header_word(void* entry) {
    return std::atomic_ref<u32>(*static_cast<u32*>(entry));
}

[[nodiscard]] constexpr s16 raw(abi::GrantStatus s) { return static_cast<s16>(s); }

/// Takes a reference on a granted frame: Writable for writing. The frame belongs to the granter.
[[nodiscard]] bool acquire_granted(Mfn frame, Domain& granter, Access access);
void release_granted(Mfn frame, Access access);

} // namespace grant
} // namespace px
