// SPDX-License-Identifier: Apache-2.0
// Grant tables: shared entries, operations and status values (public/grant_table.h).
#pragma once

#include "abi/types.hpp"

namespace abi {

/// First argument of hypercall grant_table_op.
enum class GrantTableOp : uint32_t {
    MapGrantRef = 0,
    UnmapGrantRef = 1,
    SetupTable = 2,
    DumpTable = 3,
    Transfer = 4,
    Copy = 5,
    QuerySize = 6,
    UnmapAndReplace = 7,
    SetVersion = 8,
    GetStatusFrames = 9,
    GetVersion = 10,
    SwapGrantRef = 11,
    CacheFlush = 12,
};

/// Values of the 16-bit status fields (GNTST_*).
enum class GrantStatus : int16_t {
    Okay = 0,
    GeneralError = -1,
    BadDomain = -2,
    BadGntref = -3,
    BadHandle = -4,
    BadVirtAddr = -5,
    BadDevAddr = -6,
    NoDeviceSpace = -7,
    PermissionDenied = -8,
    BadPage = -9,
    BadCopyArg = -10,
    AddressTooBig = -11,
    Eagain = -12,
    NoSpace = -13,
};

/// Flags of a grant entry (GTF_*). The type is in the low two bits.
inline constexpr uint16_t gtf_invalid = 0;
inline constexpr uint16_t gtf_permit_access = 1;
inline constexpr uint16_t gtf_accept_transfer = 2;
inline constexpr uint16_t gtf_transitive = 3;
inline constexpr uint16_t gtf_type_mask = 3;
inline constexpr uint16_t gtf_readonly = 1u << 2;
inline constexpr uint16_t gtf_reading = 1u << 3;
inline constexpr uint16_t gtf_writing = 1u << 4;
inline constexpr uint16_t gtf_pwt = 1u << 5;
inline constexpr uint16_t gtf_pcd = 1u << 6;
inline constexpr uint16_t gtf_pat = 1u << 7;
inline constexpr uint16_t gtf_sub_page = 1u << 8;
inline constexpr uint16_t gtf_transfer_committed = 1u << 2;
inline constexpr uint16_t gtf_transfer_completed = 1u << 3;

/// References that the domain builder seeds before the guest starts.
inline constexpr grant_ref_t gnttab_reserved_console = 0;
inline constexpr grant_ref_t gnttab_reserved_xenstore = 1;
inline constexpr uint32_t gnttab_nr_reserved_entries = 8;

/// Version 1 entry, in a frame shared with the granting guest; frame is a guest frame.
struct GrantEntryV1 {
    uint16_t flags;
    domid_t domid;
    uint32_t frame;
};
static_assert(sizeof(GrantEntryV1) == 8);
static_assert(offsetof(GrantEntryV1, frame) == 4);

/// First word of a version 2 entry.
struct GrantEntryHeader {
    uint16_t flags;
    domid_t domid;
};
static_assert(sizeof(GrantEntryHeader) == 4);
static_assert(offsetof(GrantEntryHeader, domid) == 2);

/// Version 2 entry; status bits (reading, writing) live in the separate status frames.
union GrantEntryV2 {
    GrantEntryHeader hdr;
    struct {
        GrantEntryHeader hdr;
        uint32_t pad0;
        uint64_t frame;
    } full_page;
    struct {
        GrantEntryHeader hdr;
        uint16_t page_off;
        uint16_t length;
        uint64_t frame;
    } sub_page;
    struct {
        GrantEntryHeader hdr;
        domid_t trans_domid;
        uint16_t pad0;
        grant_ref_t gref;
    } transitive;
    uint32_t spacer[4];
};
static_assert(sizeof(GrantEntryV2) == 16);

/// One word per version 2 reference: gtf_reading and gtf_writing.
using grant_status_t = uint16_t;

/// Flags of map_grant_ref (GNTMAP_*).
inline constexpr uint32_t gntmap_device_map = 1u << 0;
inline constexpr uint32_t gntmap_host_map = 1u << 1;
inline constexpr uint32_t gntmap_readonly = 1u << 2;
inline constexpr uint32_t gntmap_application_map = 1u << 3;
inline constexpr uint32_t gntmap_contains_pte = 1u << 4;
inline constexpr uint32_t gntmap_guest_avail0_shift = 16;
inline constexpr uint32_t gntmap_guest_avail_mask = 0xffff0000;

/// host_addr: PV linear address, or machine address of the L1 entry with gntmap_contains_pte;
/// guest physical address for translated guests.
struct GnttabMapGrantRef {
    uint64_t host_addr;
    uint32_t flags;
    grant_ref_t ref;
    domid_t dom;
    int16_t status;        ///< out
    grant_handle_t handle; ///< out
    uint64_t dev_bus_addr; ///< out
};
static_assert(sizeof(GnttabMapGrantRef) == 32);
static_assert(offsetof(GnttabMapGrantRef, dev_bus_addr) == 24);

/// Undoes a mapping; the addresses must be those that the map returned or 0.
struct GnttabUnmapGrantRef {
    uint64_t host_addr;
    uint64_t dev_bus_addr;
    grant_handle_t handle;
    int16_t status; ///< out
};
static_assert(sizeof(GnttabUnmapGrantRef) == 24);
static_assert(offsetof(GnttabUnmapGrantRef, status) == 20);

/// Grows a domain's table to nr_frames and lists its frames.
struct GnttabSetupTable {
    domid_t dom;
    uint32_t nr_frames;
    int16_t status;                    ///< out
    GuestHandle<xen_pfn_t> frame_list; ///< out: machine frames (PV), guest frames (translated)
};
static_assert(sizeof(GnttabSetupTable) == 24);
static_assert(offsetof(GnttabSetupTable, nr_frames) == 4);
static_assert(offsetof(GnttabSetupTable, frame_list) == 16);

/// Prints a domain's table on the console.
struct GnttabDumpTable {
    domid_t dom;
    int16_t status;
};
static_assert(sizeof(GnttabDumpTable) == 4);
static_assert(offsetof(GnttabDumpTable, status) == 2);

/// Gives a page away.
struct GnttabTransfer {
    xen_pfn_t mfn;
    domid_t domid;
    grant_ref_t ref;
    int16_t status;
};
static_assert(sizeof(GnttabTransfer) == 24);
static_assert(offsetof(GnttabTransfer, ref) == 12);
static_assert(offsetof(GnttabTransfer, status) == 16);

inline constexpr uint16_t gntcopy_source_gref = 1u << 0;
inline constexpr uint16_t gntcopy_dest_gref = 1u << 1;

/// One end of a copy: a grant of domid, or a frame of domid.
struct GnttabCopyPtr {
    union {
        grant_ref_t ref;
        xen_pfn_t gmfn;
    } u;
    domid_t domid;
    uint16_t offset;
};
static_assert(sizeof(GnttabCopyPtr) == 16);
static_assert(offsetof(GnttabCopyPtr, offset) == 10);

/// Copies bytes inside one page; flags say which ends are grants.
struct GnttabCopy {
    GnttabCopyPtr source, dest;
    uint16_t len;
    uint16_t flags;
    int16_t status;
};
static_assert(sizeof(GnttabCopy) == 40);
static_assert(offsetof(GnttabCopy, status) == 36);

/// Present and greatest number of frames.
struct GnttabQuerySize {
    domid_t dom;
    uint32_t nr_frames;
    uint32_t max_nr_frames;
    int16_t status;
};
static_assert(sizeof(GnttabQuerySize) == 16);
static_assert(offsetof(GnttabQuerySize, nr_frames) == 4);
static_assert(offsetof(GnttabQuerySize, status) == 12);

/// Unmaps and moves the entry at new_addr into the place.
struct GnttabUnmapAndReplace {
    uint64_t host_addr;
    uint64_t new_addr;
    grant_handle_t handle;
    int16_t status;
};
static_assert(sizeof(GnttabUnmapAndReplace) == 24);
static_assert(offsetof(GnttabUnmapAndReplace, status) == 20);

/// Version asked for (1 or 2); answers with the one in force.
struct GnttabSetVersion {
    uint32_t version;
};
static_assert(sizeof(GnttabSetVersion) == 4);

/// Frames of the status words of a version 2 table.
struct GnttabGetStatusFrames {
    uint32_t nr_frames;
    domid_t dom;
    int16_t status;
    GuestHandle<uint64_t> frame_list;
};
static_assert(sizeof(GnttabGetStatusFrames) == 16);
static_assert(offsetof(GnttabGetStatusFrames, frame_list) == 8);

/// Version of a domain's table.
struct GnttabGetVersion {
    domid_t dom;
    uint16_t pad;
    uint32_t version;
};
static_assert(sizeof(GnttabGetVersion) == 8);
static_assert(offsetof(GnttabGetVersion, version) == 4);

/// Exchanges two entries.
struct GnttabSwapGrantRef {
    grant_ref_t ref_a;
    grant_ref_t ref_b;
    int16_t status;
};
static_assert(sizeof(GnttabSwapGrantRef) == 12);
static_assert(offsetof(GnttabSwapGrantRef, status) == 8);

/// Arm only.
struct GnttabCacheFlush {
    union {
        uint64_t dev_bus_addr;
        grant_ref_t ref;
    } a;
    uint16_t offset;
    uint16_t length;
    uint32_t op;
};
static_assert(sizeof(GnttabCacheFlush) == 16);
static_assert(offsetof(GnttabCacheFlush, op) == 12);

} // namespace abi
