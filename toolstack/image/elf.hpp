// SPDX-License-Identifier: Apache-2.0
// 64-bit ELF kernels: their segments and the notes by which a kernel says how Xen starts it.
#pragma once

#include "image/bytes.hpp"

#include <optional>
#include <string>
#include <vector>

namespace image {

/// One loadable segment, bounds checked against the file.
struct Segment {
    View data;                 ///< what the file holds of it
    std::uint64_t address = 0; ///< physical address of the program header, before PADDR_OFFSET is taken off
    std::uint64_t size = 0;    ///< in memory; what exceeds data is zero
};

/// What the notes named "Xen" say (numbers: public/elfnote.h).
struct Notes {
    std::optional<std::uint64_t> entry, hypercall_page, virtual_base, physical_offset, init_p2m, physical_entry,
        supported_features;
    bool module_by_frame = false; ///< MOD_START_PFN: the initial RAM disk may lie outside the first mapping
    std::string guest_os, version, loader, features;
};

/// A checked kernel; views into the bytes it was read from.
struct Elf {
    std::uint64_t entry = 0; ///< of the ELF header
    std::vector<Segment> segments;
    Notes notes;
};

/// True when the bytes begin as ELF.
bool is_elf(View bytes);

/// Reads headers and notes. Errors for other machines, truncated files and senseless sizes. Segments come in parts
/// where their data is known to be zero: by `holes` of the file, in order, or by its sections.
toolstack::Result<Elf> read_elf(View bytes, std::span<const ZeroRun> holes = {});

} // namespace image
