// SPDX-License-Identifier: Apache-2.0
// The table is made after a first link by symbols.py: offsets from the image's start, ascending, and the names in the
// same order, each ended by NUL.
#include "x86/machine/cpu/symbols.hpp"

#include "base/format.hpp"
#include "x86/machine/boot/image.hpp"

namespace px::x86::symbols {

extern "C" const u32 px_symbol_count, px_symbol_offsets[];
extern "C" const char px_symbol_names[];

bool is_text(u64 address) {
    return address >= reinterpret_cast<u64>(image::px_image_start) &&
           address < reinterpret_cast<u64>(image::px_text_end);
}

bool describe(u64 address, std::span<char> out) {
    if (!is_text(address) || px_symbol_count == 0) return false;
    const u64 offset = address - reinterpret_cast<u64>(image::px_image_start);
    u32 low = 0, high = px_symbol_count; // first symbol beyond the address
    while (low < high) {
        const u32 middle = low + (high - low) / 2;
        if (px_symbol_offsets[middle] <= offset) low = middle + 1;
        else high = middle;
    }
    if (low == 0) return false;
    const char* name = px_symbol_names;
    for (u32 i = 0; i + 1 < low; ++i)
        while (*name++) {}
    const u64 start = px_symbol_offsets[low - 1];
    const u64 text_bytes = static_cast<u64>(image::px_text_end - image::px_image_start);
    const u64 end = low < px_symbol_count ? px_symbol_offsets[low] : text_bytes;
    format_to(out, "{}+{:#x}/{:#x}", name, offset - start, end - start);
    return true;
}

} // namespace px::x86::symbols
