// SPDX-License-Identifier: Apache-2.0
// Unpacking of kernels by the libraries for each format: gzip, bzip2, xz, lzma, lz4 (legacy frames), zstd.
#pragma once

#include "image/bytes.hpp"

#include <optional>

namespace image {

enum class Packing : std::uint8_t { gzip, bzip2, xz, lzma, lz4, zstd, lzo };

/// The packing that the first bytes announce, if any.
std::optional<Packing> packing_of(View packed);

/// Name for messages.
std::string_view name(Packing packing);

/// Unpacks into `capacity` bytes at most; what follows the packed stream is ignored. An output that does not fit,
/// a damaged or a truncated stream is an error.
toolstack::Result<Bytes> unpack(View packed, Packing packing, std::size_t capacity);

} // namespace image
