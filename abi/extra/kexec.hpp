// SPDX-License-Identifier: Apache-2.0
// Crash and replacement kernels, hypercall kexec_op (public/kexec.h).
#pragma once

#include "abi/types.hpp"

namespace abi {

/// First argument of hypercall kexec_op.
enum class KexecOp : uint32_t {
    Kexec = 0,
    LoadV1 = 1,
    UnloadV1 = 2,
    GetRange = 3,
    Load = 4,
    Unload = 5,
    Status = 6,
};

/// Which of the two images.
enum class KexecType : uint8_t { Default = 0, Crash = 1 };

/// KexecRange::range.
enum class KexecRangeId : int32_t {
    Crash = 0,
    Xen = 1,
    Cpu = 2,
    Xenheap = 3,
    BootParam = 4,
    EfiMemmap = 5,
    Vmcoreinfo = 6,
};

/// Machine memory range that a crash kernel or its tools need.
struct KexecRange {
    int32_t range;
    int32_t nr;
    uint64_t size;
    uint64_t start; ///< machine address
};
static_assert(sizeof(KexecRange) == 24);
static_assert(offsetof(KexecRange, start) == 16);

/// Piece of an image: caller buffer and machine destination.
struct KexecSegment {
    GuestHandle<const void> buf;
    uint64_t buf_size;
    uint64_t dest_maddr;
    uint64_t dest_size;
};
static_assert(sizeof(KexecSegment) == 32);
static_assert(offsetof(KexecSegment, dest_size) == 24);

/// Image to load.
struct KexecLoad {
    uint8_t type;
    uint8_t _pad;
    uint16_t arch;
    uint32_t nr_segments;
    GuestHandle<KexecSegment> segments;
    uint64_t entry_maddr;
};
static_assert(sizeof(KexecLoad) == 24);
static_assert(offsetof(KexecLoad, arch) == 2);
static_assert(offsetof(KexecLoad, entry_maddr) == 16);

} // namespace abi
