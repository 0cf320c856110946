// SPDX-License-Identifier: Apache-2.0
// bzip2, by libbz2.
#include "packing/decoders.hpp"

#include <algorithm>

#define BZ_NO_STDIO // what of it needs a C library's files
#include <bzlib.h>

namespace packing {

namespace {
/// The library's sizes are 32-bit.
unsigned clip(std::size_t size) { return static_cast<unsigned>(std::min<std::size_t>(size, 1u << 31)); }
} // namespace

Unpacked unpack_bzip2(View packed, std::span<std::uint8_t> out) {
    bz_stream stream{};
    if (BZ2_bzDecompressInit(&stream, 0, 0) != BZ_OK) return std::unexpected(Trouble::NoMemory);
    stream.next_in = reinterpret_cast<char*>(const_cast<std::uint8_t*>(packed.data()));
    stream.avail_in = clip(packed.size());
    stream.next_out = reinterpret_cast<char*>(out.data());
    stream.avail_out = clip(out.size());
    const int code = BZ2_bzDecompress(&stream);
    const std::size_t produced = clip(out.size()) - stream.avail_out;
    BZ2_bzDecompressEnd(&stream);
    if (code == BZ_STREAM_END) return produced;
    return std::unexpected(code == BZ_MEM_ERROR                            ? Trouble::NoMemory
                           : code == BZ_OK && produced == clip(out.size()) ? Trouble::TooLarge
                                                                           : Trouble::Damaged);
}

} // namespace packing
