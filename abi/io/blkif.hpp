// SPDX-License-Identifier: Apache-2.0
// Block device ring entries (public/io/blkif.h).
#pragma once

#include "abi/io/ring.hpp"

namespace abi {

/// BlkifRequest::operation.
enum class BlkifOp : uint8_t {
    Read = 0,
    Write = 1,
    WriteBarrier = 2,
    FlushDiskcache = 3,
    Discard = 5,
    Indirect = 6,
};

/// BlkifResponse::status.
enum class BlkifStatus : int16_t { NotSupported = -2, Error = -1, Okay = 0 };

inline constexpr uint32_t blkif_max_segments_per_request = 11;
inline constexpr uint32_t blkif_max_indirect_pages_per_request = 8;
inline constexpr uint8_t blkif_discard_secure = 1u << 0;

/// Values of the store key "info".
inline constexpr uint32_t vdisk_cdrom = 1;
inline constexpr uint32_t vdisk_removable = 2;
inline constexpr uint32_t vdisk_readonly = 4;

/// Sectors are 512 bytes, first and last included.
struct BlkifRequestSegment {
    grant_ref_t gref;
    uint8_t first_sect, last_sect;
};
static_assert(sizeof(BlkifRequestSegment) == 8);
static_assert(offsetof(BlkifRequestSegment, last_sect) == 5);

/// Read, write or flush.
struct BlkifRequest {
    uint8_t operation;
    uint8_t nr_segments;
    uint16_t handle;
    uint64_t id;
    uint64_t sector_number;
    BlkifRequestSegment seg[blkif_max_segments_per_request];
};
static_assert(sizeof(BlkifRequest) == 112);
static_assert(offsetof(BlkifRequest, id) == 8);
static_assert(offsetof(BlkifRequest, seg) == 24);

/// Overlay of BlkifRequest for a discard.
struct BlkifRequestDiscard {
    uint8_t operation;
    uint8_t flag;
    uint16_t handle;
    uint64_t id;
    uint64_t sector_number;
    uint64_t nr_sectors;
};
static_assert(sizeof(BlkifRequestDiscard) == 32);
static_assert(offsetof(BlkifRequestDiscard, id) == 8);
static_assert(offsetof(BlkifRequestDiscard, nr_sectors) == 24);

/// Overlay of BlkifRequest whose segments lie in granted pages.
struct BlkifRequestIndirect {
    uint8_t operation;
    uint8_t indirect_op;
    uint16_t nr_segments;
    uint64_t id;
    uint64_t sector_number;
    uint16_t handle;
    grant_ref_t indirect_grefs[blkif_max_indirect_pages_per_request];
};
static_assert(sizeof(BlkifRequestIndirect) == 64);
static_assert(offsetof(BlkifRequestIndirect, id) == 8);
static_assert(offsetof(BlkifRequestIndirect, indirect_grefs) == 28);

/// Answer; id repeats the request's.
struct BlkifResponse {
    uint64_t id;
    uint8_t operation;
    int16_t status;
};
static_assert(sizeof(BlkifResponse) == 16);
static_assert(offsetof(BlkifResponse, status) == 10);
static_assert(ring_entries(page_size, sizeof(BlkifRequest)) == 32);

} // namespace abi
