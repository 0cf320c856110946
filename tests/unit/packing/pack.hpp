// SPDX-License-Identifier: Apache-2.0
// Packed kernels, made by the programs that Linux's build uses (scripts/Makefile.lib).
#pragma once

#include "packing/packing.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace packing {

using Data = std::vector<std::uint8_t>;

inline constexpr Packing packings[] = {Packing::Gzip, Packing::Bzip2, Packing::Xz, Packing::Lzma,
                                       Packing::Lz4,  Packing::Zstd,  Packing::Lzo};

/// Packed, with the size behind it as Linux's build appends it. Empty when the program is not there.
Data pack(Packing packing, std::span<const std::uint8_t> in);
/// A bzImage of boot protocol 2.15 around it.
Data bzimage(std::span<const std::uint8_t> payload);

} // namespace packing
