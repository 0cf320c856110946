// SPDX-License-Identifier: Apache-2.0
// Unpacking of kernels, one small function for each library.
#include "image/decompress.hpp"

#include <algorithm>
#include <bzlib.h>
#include <fmt/format.h>
#include <lz4.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

namespace image {

using toolstack::fail;
using toolstack::Result;

namespace {

std::unexpected<toolstack::Failure> damaged(Packing packing, std::string_view why) {
    return fail(fmt::format("cannot unpack the {} data: {}", name(packing), why),
                "the file may be damaged or truncated");
}

bool begins(View bytes, std::initializer_list<std::uint8_t> magic) {
    return bytes.size() >= magic.size() && std::equal(magic.begin(), magic.end(), bytes.begin());
}

/// Sizes of these libraries are 32-bit.
unsigned clip(std::size_t size) { return static_cast<unsigned>(std::min<std::size_t>(size, 1u << 31)); }

Result<Bytes> unpack_gzip(View packed, std::size_t capacity) {
    Bytes out(capacity);
    z_stream stream{};
    if (inflateInit2(&stream, 15 + 16) != Z_OK) return damaged(Packing::gzip, "out of memory");
    stream.next_in = const_cast<Bytef*>(packed.data());
    stream.avail_in = clip(packed.size());
    stream.next_out = out.data();
    stream.avail_out = clip(capacity);
    int code = inflate(&stream, Z_FINISH);
    out.truncate(stream.total_out);
    bool full = stream.avail_out == 0;
    inflateEnd(&stream);
    if (code != Z_STREAM_END) return damaged(Packing::gzip, full ? "it is larger than announced" : "bad or short data");
    return out;
}

Result<Bytes> unpack_bzip2(View packed, std::size_t capacity) {
    Bytes out(capacity);
    bz_stream stream{};
    if (BZ2_bzDecompressInit(&stream, 0, 0) != BZ_OK) return damaged(Packing::bzip2, "out of memory");
    stream.next_in = reinterpret_cast<char*>(const_cast<std::uint8_t*>(packed.data()));
    stream.avail_in = clip(packed.size());
    stream.next_out = reinterpret_cast<char*>(out.data());
    stream.avail_out = clip(capacity);
    int code = BZ2_bzDecompress(&stream);
    out.truncate(capacity - stream.avail_out);
    BZ2_bzDecompressEnd(&stream);
    if (code != BZ_STREAM_END)
        return damaged(Packing::bzip2, code == BZ_OK ? "short data, or larger than announced" : "bad data");
    return out;
}

Result<Bytes> unpack_lzma(View packed, std::size_t capacity, Packing packing) {
    constexpr std::uint64_t memory_limit = 512u << 20;
    Bytes out(capacity);
    lzma_stream stream = LZMA_STREAM_INIT;
    auto code = packing == Packing::xz ? lzma_stream_decoder(&stream, memory_limit, 0)
                                       : lzma_alone_decoder(&stream, memory_limit);
    if (code != LZMA_OK) return damaged(packing, "out of memory");
    stream.next_in = packed.data();
    stream.avail_in = packed.size();
    stream.next_out = out.data();
    stream.avail_out = capacity;
    code = lzma_code(&stream, LZMA_FINISH);
    out.truncate(static_cast<std::size_t>(stream.total_out));
    bool full = stream.avail_out == 0;
    lzma_end(&stream);
    // Kernels' lzma data may lack the end mark: then a full output of the announced size is the end.
    if (code == LZMA_STREAM_END || (packing == Packing::lzma && full)) return out;
    return damaged(packing, full ? "it is larger than announced" : "bad or short data");
}

/// The legacy framing that kernels use: magic, then blocks of 8 MiB unpacked, each after its packed size.
Result<Bytes> unpack_lz4(View packed, std::size_t capacity) {
    constexpr std::size_t block_size = 8u << 20;
    Bytes out(capacity);
    std::size_t filled = 0;
    for (std::size_t at = 4; filled < capacity && packed.size() - at >= 4;) {
        auto size = read_le<std::uint32_t>(packed, at);
        at += 4;
        if (size == 0x184C2102) continue; // the magic again, where streams were joined
        if (size == 0 || size > packed.size() - at) return damaged(Packing::lz4, "short data");
        auto room = static_cast<int>(std::min(capacity - filled, block_size));
        int got = LZ4_decompress_safe(reinterpret_cast<const char*>(packed.data() + at),
                                      reinterpret_cast<char*>(out.data() + filled), clip(size), room);
        if (got < 0) return damaged(Packing::lz4, "bad data");
        filled += static_cast<std::size_t>(got);
        at += size;
        if (static_cast<std::size_t>(got) < block_size) break;
    }
    if (filled == 0) return damaged(Packing::lz4, "short data");
    out.truncate(filled);
    return out;
}

Result<Bytes> unpack_zstd(View packed, std::size_t capacity) {
    Bytes out(capacity);
    auto stream = ZSTD_createDStream();
    if (!stream) return damaged(Packing::zstd, "out of memory");
    ZSTD_DCtx_setParameter(stream, ZSTD_d_windowLogMax, 28); // kernels are packed with windows of 128 MiB
    ZSTD_inBuffer in{packed.data(), packed.size(), 0};
    ZSTD_outBuffer output{out.data(), capacity, 0};
    std::size_t code = 1;
    for (;;) {
        auto before = in.pos + output.pos;
        code = ZSTD_decompressStream(stream, &output, &in);
        if (code == 0 || ZSTD_isError(code) || in.pos + output.pos == before) break;
    }
    ZSTD_freeDStream(stream);
    if (ZSTD_isError(code)) return damaged(Packing::zstd, ZSTD_getErrorName(code));
    if (code != 0) return damaged(Packing::zstd, "short data, or larger than announced");
    out.truncate(output.pos);
    return out;
}

} // namespace

std::optional<Packing> packing_of(View packed) {
    if (begins(packed, {0x1f, 0x8b})) return Packing::gzip;
    if (begins(packed, {'B', 'Z', 'h'})) return Packing::bzip2;
    if (begins(packed, {0xfd, '7', 'z', 'X', 'Z', 0})) return Packing::xz;
    if (begins(packed, {0x5d, 0, 0})) return Packing::lzma;
    if (begins(packed, {0x02, 0x21, 0x4c, 0x18})) return Packing::lz4;
    if (begins(packed, {0x28, 0xb5, 0x2f, 0xfd})) return Packing::zstd;
    if (begins(packed, {0x89, 'L', 'Z', 'O'})) return Packing::lzo;
    return std::nullopt;
}

std::string_view name(Packing packing) {
    constexpr std::string_view names[] = {"gzip", "bzip2", "xz", "lzma", "lz4", "zstd", "lzo"};
    return names[static_cast<std::size_t>(packing)];
}

Result<Bytes> unpack(View packed, Packing packing, std::size_t capacity) {
    switch (packing) {
    case Packing::gzip: return unpack_gzip(packed, capacity);
    case Packing::bzip2: return unpack_bzip2(packed, capacity);
    case Packing::xz:
    case Packing::lzma: return unpack_lzma(packed, capacity, packing);
    case Packing::lz4: return unpack_lz4(packed, capacity);
    case Packing::zstd: return unpack_zstd(packed, capacity);
    case Packing::lzo: break;
    }
    return fail("the kernel is packed with lzo, which is not supported", "use the unpacked vmlinux");
}

} // namespace image
