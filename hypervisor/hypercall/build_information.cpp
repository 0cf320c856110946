// SPDX-License-Identifier: Apache-2.0
// What the image says of itself. No date: the same sources make the same image.
#include "hypercall/build_information.hpp"

// Bounds of the note section .note.gnu.build-id, from the linker script; both null where there is none.
extern "C" {
[[gnu::weak]] extern const px::u8 px_build_id_start[];
[[gnu::weak]] extern const px::u8 px_build_id_end[];
}

namespace px {

#ifndef PROXENOS_CHANGESET
#define PROXENOS_CHANGESET "unavailable"
#endif

constinit const BuildInformation build_information = {
    .extra_version = ".7-proxenos",
    .compiler = "clang " __clang_version__,
    .by = "proxenos",
    .domain = "proxenos",
    .date = "unavailable",
    .changeset = PROXENOS_CHANGESET,
};

std::span<const u8> image_build_id() {
    const u8* start = px_build_id_start;
    const u8* end = px_build_id_end;
    // ELF note: name size, description size, type (3), then "GNU\0", then the id.
    constexpr u64 header = 16;
    if (!start || end <= start + header) return {};
    const u32 size = static_cast<u32>(start[4] | start[5] << 8 | start[6] << 16 | start[7] << 24);
    if (size > static_cast<u64>(end - start) - header) return {};
    return {start + header, size};
}

} // namespace px
