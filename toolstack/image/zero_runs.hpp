// SPDX-License-Identifier: Apache-2.0
// Bytes of a kernel image that are zero without anybody reading them: half of Linux' unpacked image is such.
#pragma once

#include "image/elf.hpp"

#include <elf.h>

namespace image {

/// Of a segment's part of the file, what is known to be zero, in order: `holes` of the file, and sections that take
/// memory but have no contents (.bss), which a linker that puts others behind them in one segment fills with zeros.
/// Runs below 64 KiB are not worth a cut and left out.
std::vector<ZeroRun> zero_runs(View bytes, const Elf64_Ehdr& header, const Elf64_Phdr& segment,
                               std::span<const ZeroRun> holes);

/// Appends the segment, cut so that the runs lie in none of the parts' data.
void add_parts(std::vector<Segment>& out, Segment segment, std::uint64_t file_offset, std::span<const ZeroRun> runs);

} // namespace image
