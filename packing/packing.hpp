// SPDX-License-Identifier: Apache-2.0
// Unpacking of kernels, by the decoder of each format: all packings that Linux's build has. Freestanding, for the
// hypervisor (dom0's kernel) and for the toolstack (guests' kernels): no allocation but the decoders' own, no
// exceptions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string_view>

namespace packing {

using View = std::span<const std::uint8_t>;

enum class Packing : std::uint8_t { Gzip, Bzip2, Xz, Lzma, Lz4, Zstd, Lzo };

/// Why packed data gave nothing.
enum class Trouble : std::uint8_t {
    Damaged,  ///< bad or short data
    TooLarge, ///< more than the output has room for
    NoMemory, ///< for the decoder's tables
};

using Unpacked = std::expected<std::size_t, Trouble>;

/// What the first bytes announce, if any.
std::optional<Packing> packing_of(View packed);

/// For messages.
std::string_view name(Packing packing);
std::string_view text(Trouble trouble);

/// Unpacks into `out`; returns the bytes written. What follows the packed stream is ignored (the kernel's build appends
/// the unpacked size). Any input is safe. Memory beside `out`: at most that of an xz or lzma dictionary (512 MiB are
/// the limit; Linux packs with 32 and 64), 4 MiB for bzip2, less for the others.
Unpacked unpack(View packed, Packing packing, std::span<std::uint8_t> out);

/// The kernel in a bzImage. Errors: what is wrong with it, for a message.
std::expected<View, std::string_view> bzimage_payload(View image);
[[nodiscard]] bool is_bzimage(View image);

/// Little-endian number at `at`; 0 where it lies outside.
template <class T> constexpr T read_le(View bytes, std::size_t at) {
    T value = 0;
    if (at > bytes.size() || bytes.size() - at < sizeof(T)) return 0;
    for (std::size_t i = sizeof(T); i-- > 0;) value = static_cast<T>(value << 8 | bytes[at + i]);
    return value;
}

} // namespace packing
