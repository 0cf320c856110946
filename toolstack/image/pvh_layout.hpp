// SPDX-License-Identifier: Apache-2.0
// Where everything of a new PVH guest lies: pure arithmetic, no hypercalls (docs/misc/pvh.pandoc,
// public/arch-x86/hvm/start_info.h).
#pragma once

#include "abi/memory.hpp"
#include "image/pv_layout.hpp"

#include <cstdint>
#include <vector>

namespace image {

/// The hole below 4 GiB, from its first byte on: ACPI tables, the local APICs, the rings. Addresses are guest physical
/// and the same that Xen's own tools choose.
inline constexpr std::uint64_t acpi_address = 0xfc000000, hole_begin = acpi_address, hole_end = std::uint64_t{1} << 32;
inline constexpr std::uint64_t lapic_address = 0xfee00000;
/// Eight frames below the end of the first 16 MiB of the hole belong to rings between guest and tools; three are in
/// use.
inline constexpr std::uint64_t special_first = 0xfeff8, special_count = 8;
inline constexpr std::uint64_t xenstore_frame = 0xfeffc, identity_table_frame = 0xfeffe, console_frame = 0xfefff;

/// Everything the builder needs to know before it touches the guest.
struct PvhLayout {
    std::uint64_t entry = 0; ///< guest physical
    std::vector<Frames> ram; ///< below the hole, and above it if memory is that large
    Frames kernel, start_info, ramdisk, acpi;
    std::uint64_t ramdisk_bytes = 0;
    std::uint64_t modules_at = 0, memory_map_at = 0, command_line_at = 0; ///< guest physical, behind the start info

    /// What the guest is told of its memory, in order of addresses.
    std::vector<abi::E820Entry> memory_map;
};

/// Lays out a guest of `pages` frames. `acpi_bytes` is the size of the tables, 0 for none. Errors: the kernel has no
/// entry for PVH guests, or memory is too small.
toolstack::Result<PvhLayout> layout_pvh(const Elf& kernel, std::uint64_t ramdisk_bytes,
                                        std::uint64_t command_line_bytes, std::uint64_t acpi_bytes,
                                        std::uint64_t pages);

/// The page with the start info, its module list, memory map and command line, as the layout says.
std::vector<std::uint8_t> make_start_info(const PvhLayout& layout, std::string_view command_line);

} // namespace image
