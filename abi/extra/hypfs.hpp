// SPDX-License-Identifier: Apache-2.0
// Hypervisor file system, hypercall hypfs_op (public/hypfs.h).
#pragma once

#include "abi/types.hpp"

namespace abi {

/// First argument of hypercall hypfs_op.
enum class HypfsOp : uint32_t { GetVersion = 0, Read = 1, WriteContents = 2 };

/// HypfsDirentry::type.
enum class HypfsType : uint8_t { Dir = 0, Blob = 1, String = 2, Uint = 3, Int = 4, Bool = 5 };

/// HypfsDirentry::encoding.
enum class HypfsEncoding : uint8_t { Plain = 0, Gzip = 1 };
inline constexpr uint32_t hypfs_version = 1;
inline constexpr size_t hypfs_max_pathlen = 1024;

/// Ahead of a node's content in the answer of Read.
struct HypfsDirentry {
    uint8_t type;
    uint8_t encoding;
    uint16_t pad;
    uint32_t content_len;
    uint32_t max_write_len;
};
static_assert(sizeof(HypfsDirentry) == 12);
static_assert(offsetof(HypfsDirentry, max_write_len) == 8);

/// Element of a directory's content; a NUL-ended name follows at hypfs_name_offset.
struct HypfsDirlistentry {
    HypfsDirentry e;
    uint16_t off_next;
};
static_assert(sizeof(HypfsDirlistentry) == 16);
static_assert(offsetof(HypfsDirlistentry, off_next) == 12);
inline constexpr size_t hypfs_name_offset = 14;

} // namespace abi
