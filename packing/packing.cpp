// SPDX-License-Identifier: Apache-2.0
// Which packing it is, and where a bzImage has it.
#include "packing/packing.hpp"

#include "packing/decoders.hpp"

#include <algorithm>
#include <initializer_list>

namespace packing {

namespace {

bool begins(View bytes, std::initializer_list<std::uint8_t> magic) {
    return bytes.size() >= magic.size() && std::equal(magic.begin(), magic.end(), bytes.begin());
}

// Linux boot protocol (Documentation/arch/x86/boot.rst): offsets in the setup header.
constexpr std::size_t at_setup_sectors = 0x1f1, at_magic = 0x202, at_version = 0x206, at_payload_offset = 0x248,
                      at_payload_length = 0x24c, sector = 512;
constexpr std::uint32_t magic = 0x53726448; // "HdrS"

} // namespace

std::optional<Packing> packing_of(View packed) {
    if (begins(packed, {0x1f, 0x8b})) return Packing::Gzip;
    if (begins(packed, {'B', 'Z', 'h'})) return Packing::Bzip2;
    if (begins(packed, {0xfd, '7', 'z', 'X', 'Z', 0})) return Packing::Xz;
    if (begins(packed, {0x5d, 0, 0})) return Packing::Lzma;
    if (begins(packed, {0x02, 0x21, 0x4c, 0x18})) return Packing::Lz4;
    if (begins(packed, {0x28, 0xb5, 0x2f, 0xfd})) return Packing::Zstd;
    if (begins(packed, {0x89, 'L', 'Z', 'O'})) return Packing::Lzo;
    return std::nullopt;
}

std::string_view name(Packing packing) {
    switch (packing) {
    case Packing::Gzip: return "gzip";
    case Packing::Bzip2: return "bzip2";
    case Packing::Xz: return "xz";
    case Packing::Lzma: return "lzma";
    case Packing::Lz4: return "lz4";
    case Packing::Zstd: return "zstd";
    case Packing::Lzo: return "lzo";
    }
    return "unknown";
}

std::string_view text(Trouble trouble) {
    switch (trouble) {
    case Trouble::Damaged: return "bad or short data";
    case Trouble::TooLarge: return "it is larger than announced";
    case Trouble::NoMemory: return "out of memory";
    }
    return "unknown";
}

Unpacked unpack(View packed, Packing packing, std::span<std::uint8_t> out) {
    switch (packing) {
    case Packing::Gzip: return unpack_gzip(packed, out);
    case Packing::Bzip2: return unpack_bzip2(packed, out);
    case Packing::Xz: return unpack_xz(packed, out);
    case Packing::Lzma: return unpack_lzma(packed, out);
    case Packing::Lz4: return unpack_lz4(packed, out);
    case Packing::Zstd: return unpack_zstd(packed, out);
    case Packing::Lzo: return unpack_lzo(packed, out);
    }
    return std::unexpected(Trouble::Damaged);
}

bool is_bzimage(View image) {
    return image.size() > at_payload_length + 4 && read_le<std::uint32_t>(image, at_magic) == magic;
}

std::expected<View, std::string_view> bzimage_payload(View image) {
    if (!is_bzimage(image)) return std::unexpected("it is no bzImage");
    if (read_le<std::uint16_t>(image, at_version) < 0x208)
        return std::unexpected("the bzImage is older than Linux 2.6.24 and cannot hold a kernel for Xen");
    const std::size_t sectors = image[at_setup_sectors] ? image[at_setup_sectors] : 4;
    const std::uint64_t start =
        (sectors + 1) * sector + std::uint64_t{read_le<std::uint32_t>(image, at_payload_offset)};
    const std::uint64_t length = read_le<std::uint32_t>(image, at_payload_length);
    if (start > image.size() || image.size() - start < length || length < 4)
        return std::unexpected("the bzImage's kernel lies outside the file");
    return image.subspan(start, length);
}

} // namespace packing
