// SPDX-License-Identifier: Apache-2.0
// From cycles to nanoseconds, exactly as guests compute it (vcpu_time_info of public/xen.h). Pure.
#pragma once

#include "base/number.hpp"

namespace px::x86::clock {

/// a * b / divisor, the product in full. The quotient must fit 64 bits. (The compiler's 128-bit division is a library
/// call.)
constexpr u64 multiply_divide(u64 a, u64 b, u64 divisor) {
    const auto product = static_cast<unsigned __int128>(a) * b;
    u64 quotient = 0;
    unsigned __int128 rest = 0;
    for (int bit = 127; bit >= 0; --bit) {
        rest = rest << 1 | static_cast<u64>(product >> bit & 1);
        quotient <<= 1;
        if (rest >= divisor) {
            rest -= divisor;
            quotient |= 1;
        }
    }
    return quotient;
}

/// ns = ((cycles << shift) * multiplier) >> 32; a negative shift shifts right. The multiplier is in [2^31, 2^32).
struct Scale {
    u32 multiplier = 0;
    s8 shift = 0;

    [[nodiscard]] constexpr u64 nanoseconds(u64 cycles) const {
        const u64 shifted = shift < 0 ? cycles >> -shift : cycles << shift;
        return static_cast<u64>(static_cast<unsigned __int128>(shifted) * multiplier >> 32);
    }
};

/// Scale of a counter of `hertz` > 0.
constexpr Scale scale_of(u64 hertz) {
    // multiplier * 2^shift / 2^32 = 10^9 / hertz: the shift that puts the multiplier into its range.
    Scale s;
    auto multiplier = [&] { return multiply_divide(1'000'000'000, u64{1} << (32 - s.shift), hertz); };
    while (multiplier() >> 32) ++s.shift;
    while (!(multiplier() >> 31)) --s.shift;
    s.multiplier = static_cast<u32>(multiplier());
    return s;
}

/// Frequency of a counter that advanced by `cycles` while a reference of `reference_hertz` advanced by `ticks` > 0.
constexpr u64 frequency(u64 cycles, u64 ticks, u64 reference_hertz) {
    return multiply_divide(cycles, reference_hertz, ticks);
}

} // namespace px::x86::clock
