// SPDX-License-Identifier: Apache-2.0
// Kernel files brought to their ELF image.
#include "image/kernel.hpp"

#include "image/cache.hpp"
#include "image/decompress.hpp"

#include <cstring>
#include <fmt/format.h>

namespace image {

using toolstack::fail;
using toolstack::Result;

namespace {

constexpr std::size_t max_unpacked = std::size_t{512} << 20; ///< no kernel is near; keeps a bad size field harmless

// Linux boot protocol (Documentation/arch/x86/boot.rst): offsets in the setup header.
constexpr std::size_t at_setup_sectors = 0x1f1, at_magic = 0x202, at_version = 0x206, at_payload_offset = 0x248,
                      at_payload_length = 0x24c, sector = 512;

Result<Bytes> unpack_whole(View packed) {
    auto packing = packing_of(packed);
    if (!packing) return fail("the kernel is in no known form", "it must be ELF or bzImage, maybe packed");
    // The unpacked size stands in the last four bytes: of gzip by its own rules, of the others by the kernel's build.
    std::size_t announced = packed.size() >= 4 ? read_le<std::uint32_t>(packed, packed.size() - 4) : 0;
    bool plausible = announced >= packed.size() && announced <= max_unpacked;
    if (plausible) {
        auto exact = unpack(packed, *packing, announced);
        if (exact) return exact;
    }
    return unpack(packed, *packing, max_unpacked);
}

} // namespace

bool is_bzimage(View bytes) {
    return bytes.size() > at_payload_length + 4 && std::memcmp(bytes.data() + at_magic, "HdrS", 4) == 0;
}

Result<View> bzimage_payload(View bytes) {
    if (!is_bzimage(bytes)) return fail("not a bzImage");
    if (read_le<std::uint16_t>(bytes, at_version) < 0x208)
        return fail("the bzImage is too old to hold a kernel for Xen", "use a kernel of Linux 2.6.24 or later");
    std::size_t sectors = bytes[at_setup_sectors] ? bytes[at_setup_sectors] : 4;
    std::uint64_t start = (sectors + 1) * sector + std::uint64_t{read_le<std::uint32_t>(bytes, at_payload_offset)};
    std::uint64_t length = read_le<std::uint32_t>(bytes, at_payload_length);
    if (start > bytes.size() || bytes.size() - start < length || length < 4)
        return fail("the bzImage's kernel lies outside the file", "the file may be truncated");
    return bytes.subspan(start, length);
}

Result<Kernel> make_kernel(View bytes, std::span<const ZeroRun> holes) {
    Kernel kernel;
    kernel.view_ = bytes;
    if (!is_elf(bytes)) {
        auto packed = is_bzimage(bytes) ? TRY(bzimage_payload(bytes)) : bytes;
        if (is_elf(packed)) kernel.view_ = packed;
        else kernel.unpacked_ = TRY(unpack_whole(packed));
    }
    kernel.elf_ = TRY(read_elf(kernel.elf_bytes(), is_elf(bytes) ? holes : std::span<const ZeroRun>{}));
    return kernel;
}

Result<Kernel> load_kernel(const std::string& path, const std::string& cache_folder) {
    auto named = [&](toolstack::Failure failure) { return in(fmt::format("kernel '{}'", path), std::move(failure)); };
    auto file = TRY(File::open("kernel", path));
    auto cached = cache_folder.empty() || is_elf(file.view()) ? std::string{} : cache_name(cache_folder, path);
    if (!cached.empty()) {
        if (auto hit = File::open("cached kernel", cached)) {
            if (auto kernel = make_kernel(hit->view(), hit->holes())) {
                kernel->file_ = std::move(*hit);
                return kernel;
            }
        }
    }
    auto kernel = make_kernel(file.view(), file.holes());
    if (!kernel) return std::unexpected(named(std::move(kernel).error()));
    if (!cached.empty()) cache_store(cached, kernel->elf_bytes());
    kernel->file_ = std::move(file);
    return kernel;
}

} // namespace image
