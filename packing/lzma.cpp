// SPDX-License-Identifier: Apache-2.0
// xz and the older lzma, by liblzma.
#include "packing/decoders.hpp"

#include <algorithm>
#include <lzma.h>

namespace packing {

namespace {

constexpr std::uint64_t memory_limit = std::uint64_t{512} << 20;

/// A decoder that was started: the input, a header of ours before it, into the whole output. Ends the decoder.
Unpacked run(lzma_stream& stream, View header, View packed, std::span<std::uint8_t> out, bool full_is_end) {
    stream.next_out = out.data();
    stream.avail_out = out.size();
    lzma_ret code = LZMA_OK;
    if (!header.empty()) {
        stream.next_in = header.data();
        stream.avail_in = header.size();
        code = lzma_code(&stream, LZMA_RUN);
    }
    if (code == LZMA_OK) {
        stream.next_in = packed.data();
        stream.avail_in = packed.size();
        code = lzma_code(&stream, LZMA_FINISH);
    }
    const std::size_t produced = stream.total_out;
    const bool is_full = stream.avail_out == 0;
    lzma_end(&stream);
    if (code == LZMA_STREAM_END || (full_is_end && is_full && (code == LZMA_OK || code == LZMA_BUF_ERROR)))
        return produced;
    if (code == LZMA_MEM_ERROR || code == LZMA_MEMLIMIT_ERROR) return std::unexpected(Trouble::NoMemory);
    return std::unexpected(is_full ? Trouble::TooLarge : Trouble::Damaged);
}

} // namespace

Unpacked unpack_xz(View packed, std::span<std::uint8_t> out) {
    lzma_stream stream = LZMA_STREAM_INIT;
    if (lzma_stream_decoder(&stream, memory_limit, 0) != LZMA_OK) return std::unexpected(Trouble::NoMemory);
    return run(stream, {}, packed, out, false);
}

Unpacked unpack_lzma(View packed, std::span<std::uint8_t> out) {
    // One byte of properties, the dictionary's size (32 bits), the unpacked size (64 bits).
    constexpr std::size_t header_bytes = 13, at_dictionary = 1;
    if (packed.size() <= header_bytes) return std::unexpected(Trouble::Damaged);
    // A dictionary beyond the output is never looked at: memory is taken for what can be used only.
    std::uint8_t header[header_bytes];
    std::copy_n(packed.begin(), header_bytes, header);
    const auto dictionary = std::min<std::uint64_t>(read_le<std::uint32_t>(packed, at_dictionary),
                                                    std::max<std::uint64_t>(out.size(), 4096));
    for (std::size_t i = 0; i < 4; ++i) header[at_dictionary + i] = static_cast<std::uint8_t>(dictionary >> 8 * i);
    lzma_stream stream = LZMA_STREAM_INIT;
    if (lzma_alone_decoder(&stream, memory_limit) != LZMA_OK) return std::unexpected(Trouble::NoMemory);
    // Kernels' lzma data may lack the end mark: then a full output is the end.
    return run(stream, header, packed.subspan(header_bytes), out, true);
}

} // namespace packing
