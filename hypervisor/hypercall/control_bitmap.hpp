// SPDX-License-Identifier: Apache-2.0
// Bitmaps of CPUs and nodes as control operations carry them: any length, in the caller's memory.
#pragma once

#include "base/bitmap.hpp"
#include "domain/guest_pointer.hpp"

#include <algorithm>

namespace px::hypercall {

/// Bytes of a caller's bitmap that are ever looked at or written: above any number of CPUs that tools know.
inline constexpr u32 max_bitmap_bytes = 8192;

/// Reads as many bits as both have; the rest is clear. Errors: Fault.
template <unsigned N> Result<> read_bitmap(const abi::ControlBitmap& from, Bitmap<N>& to) {
    to.clear_all();
    const GuestPointer<u8> bytes(from.bitmap);
    const u32 bits = std::min<u32>(from.nr_bits, N);
    for (u32 i = 0; i * 8 < bits; ++i) {
        const u8 byte = TRY(bytes.read(i));
        for (u32 bit = i * 8; bit < i * 8 + 8 && bit < bits; ++bit)
            if (byte >> (bit % 8) & 1) to.set(bit);
    }
    return {};
}

/// Writes the whole of the caller's bitmap, clear where we have no bits. Errors: Fault.
template <unsigned N> Result<> write_bitmap(const abi::ControlBitmap& to, const Bitmap<N>& from) {
    const GuestPointer<u8> bytes(to.bitmap);
    const u32 count = std::min((to.nr_bits / 8) + (to.nr_bits % 8 != 0), max_bitmap_bytes);
    for (u32 i = 0; i < count; ++i) {
        u8 byte = 0;
        for (u32 bit = i * 8; bit < i * 8 + 8 && bit < to.nr_bits && bit < N; ++bit)
            if (from.test(bit)) byte = static_cast<u8>(byte | 1u << (bit % 8));
        TRY(bytes.write(byte, i));
    }
    return {};
}

} // namespace px::hypercall
