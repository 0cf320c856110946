// SPDX-License-Identifier: Apache-2.0
// The decoder of each format; as packing::unpack, for data that begins as the format does.
#pragma once

#include "packing/packing.hpp"

namespace packing {

Unpacked unpack_gzip(View packed, std::span<std::uint8_t> out);
Unpacked unpack_bzip2(View packed, std::span<std::uint8_t> out);
Unpacked unpack_xz(View packed, std::span<std::uint8_t> out);
Unpacked unpack_lzma(View packed, std::span<std::uint8_t> out);
/// The legacy framing, which kernels use: magic, then blocks of 8 MiB unpacked, each after its packed size.
Unpacked unpack_lz4(View packed, std::span<std::uint8_t> out);
Unpacked unpack_zstd(View packed, std::span<std::uint8_t> out);
/// A file of lzop.
Unpacked unpack_lzo(View packed, std::span<std::uint8_t> out);

/// One block of LZO1X, whole: all input is used, and the stream's end comes with it.
Unpacked unpack_lzo1x(View packed, std::span<std::uint8_t> out);

} // namespace packing
