// SPDX-License-Identifier: Apache-2.0
// What the boot doors (multiboot1, multiboot2, PVH, EFI) hand over, in one form.
#pragma once

#include "base/number.hpp"
#include "boot/efi_map.hpp"

#include <cstddef>
#include <span>
#include <string_view>

namespace px {

/// A range of the firmware's memory map, byte addresses.
struct MemoryRange {
    enum class Kind : u32 { Ram = 1, Reserved = 2, AcpiReclaim = 3, AcpiNvs = 4, Unusable = 5 };
    Paddr start;
    u64 bytes;
    Kind kind;
};

/// A file the boot loader brought: the kernel first, then the initrd.
struct BootModule {
    Paddr start;
    u64 bytes;
    const char* command_line; ///< NUL-terminated, image path stripped
};

/// Filled by the boot code before C++ start; constant afterwards. All pointers are hypervisor addresses.
struct BootInfo {
    static constexpr std::size_t max_ranges = 256;
    static constexpr std::size_t max_modules = 8;
    const char* loader = "";
    const char* command_line = ""; ///< image path stripped
    MemoryRange ranges[max_ranges];
    std::size_t range_count = 0;
    BootModule modules[max_modules];
    std::size_t module_count = 0;
    Paddr rsdp = Paddr::invalid(); ///< ACPI root pointer, if the loader told it
    u64 efi_system_table = 0;      ///< 0: booted by BIOS
    EfiMap* efi_map = nullptr;     ///< given by the boot code's caller; null: nobody wants it
    struct {
        bool is_present = false;
        u16 width, height, pitch;
        u8 bits_per_pixel;
        u64 address;
    } framebuffer{};

    [[nodiscard]] std::span<const MemoryRange> memory_map() const { return {ranges, range_count}; }
};

extern BootInfo boot_info;

} // namespace px
