// SPDX-License-Identifier: Apache-2.0
// Kernel files brought to their ELF image.
#include "image/kernel.hpp"

#include "image/cache.hpp"
#include "packing/packing.hpp"

#include <fmt/format.h>

namespace image {

using toolstack::fail;
using toolstack::Result;

namespace {

constexpr std::size_t max_unpacked = std::size_t{512} << 20; ///< no kernel is near; keeps a bad size field harmless

Result<Bytes> unpack(View packed, packing::Packing packing, std::size_t capacity) {
    Bytes out(capacity);
    const auto done = packing::unpack(packed, packing, {out.data(), out.size()});
    if (!done)
        return fail(fmt::format("cannot unpack the {} data: {}", name(packing), text(done.error())),
                    "the file may be damaged or truncated");
    out.truncate(*done);
    return out;
}

Result<Bytes> unpack_whole(View packed) {
    auto packing = packing::packing_of(packed);
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

Result<Kernel> make_kernel(View bytes, std::span<const ZeroRun> holes) {
    Kernel kernel;
    kernel.view_ = bytes;
    if (!is_elf(bytes)) {
        auto packed = bytes;
        if (packing::is_bzimage(bytes)) {
            auto payload = packing::bzimage_payload(bytes);
            if (!payload) return fail(std::string(payload.error()), "the file may be damaged or truncated");
            packed = *payload;
        }
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
