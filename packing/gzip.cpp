// SPDX-License-Identifier: Apache-2.0
// gzip, by zlib.
#include "packing/decoders.hpp"

#include <algorithm>
#include <zlib.h>

namespace packing {

namespace {
/// The library's sizes are 32-bit.
uInt clip(std::size_t size) { return static_cast<uInt>(std::min<std::size_t>(size, 1u << 31)); }
} // namespace

Unpacked unpack_gzip(View packed, std::span<std::uint8_t> out) {
    constexpr int window_and_gzip = 15 + 16;
    z_stream stream{};
    if (inflateInit2(&stream, window_and_gzip) != Z_OK) return std::unexpected(Trouble::NoMemory);
    stream.next_in = const_cast<Bytef*>(packed.data());
    stream.avail_in = clip(packed.size());
    stream.next_out = out.data();
    stream.avail_out = clip(out.size());
    const int code = inflate(&stream, Z_FINISH);
    const std::size_t produced = stream.total_out;
    const bool is_full = stream.avail_out == 0 && code != Z_DATA_ERROR;
    inflateEnd(&stream);
    if (code == Z_STREAM_END) return produced;
    return std::unexpected(code == Z_MEM_ERROR ? Trouble::NoMemory : is_full ? Trouble::TooLarge : Trouble::Damaged);
}

} // namespace packing
