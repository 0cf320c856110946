// SPDX-License-Identifier: Apache-2.0
// What EFI says about memory, as it was when boot services ended (UEFI 2.10, sections 4.6.4 and 7.2.3).
#pragma once

#include "base/number.hpp"

#include <span>

namespace px {

/// Memory attributes, in the map and in the table of memory attributes.
namespace efi_attribute {
inline constexpr u64 uncached = 1, write_combining = 2, write_through = 4, write_back = 8;
inline constexpr u64 no_execute = 0x4000, read_only = 0x20000, runtime = u64{1} << 63;
} // namespace efi_attribute

/// A descriptor of the map.
struct EfiRegion {
    enum Type : u32 {
        LoaderCode = 1,
        LoaderData = 2,
        BootCode = 3,
        BootData = 4,
        RuntimeCode = 5,
        RuntimeData = 6,
        Conventional = 7,
        Unusable = 8,
        AcpiReclaim = 9,
        AcpiNvs = 10,
        Device = 11,
        DevicePorts = 12
    };
    u64 start; ///< physical byte address
    u64 pages;
    u64 attributes;
    u32 type;

    [[nodiscard]] u64 end() const { return start + (pages << page_shift); }
    [[nodiscard]] bool contains(u64 address) const { return address >= start && address < end(); }
};

/// The map, and the finer rights of runtime regions where the firmware tells them. Written by the boot code only.
struct EfiMap {
    static constexpr unsigned max_regions = 384, max_rights = 96;
    EfiRegion region[max_regions];
    EfiRegion right[max_rights]; ///< parts of runtime regions; read_only and no_execute count
    unsigned region_count = 0, right_count = 0;
    bool is_complete = true; ///< no descriptor was dropped for want of space

    [[nodiscard]] std::span<const EfiRegion> regions() const { return {region, region_count}; }
    [[nodiscard]] std::span<const EfiRegion> rights() const { return {right, right_count}; }
};

} // namespace px
