// SPDX-License-Identifier: Apache-2.0
// Division of 128-bit numbers, which the compiler calls by name (clocks need it).
#include "base/number.hpp"

namespace px {
namespace {

using u128 = unsigned __int128;

struct Division {
    u128 quotient, remainder;
};

/// high:low / divisor, where high < divisor: one instruction.
u64 divide_once(u64 high, u64 low, u64 divisor, u64& remainder) {
    u64 quotient;
    asm("divq %4" : "=a"(quotient), "=d"(remainder) : "a"(low), "d"(high), "r"(divisor) : "cc");
    return quotient;
}

/// Division by zero faults as the instruction does.
Division divide(u128 dividend, u128 divisor) {
    const auto high = static_cast<u64>(dividend >> 64), low = static_cast<u64>(dividend);
    if (divisor >> 64 == 0) {
        const auto d = static_cast<u64>(divisor);
        u64 rest = 0, unused = 0;
        const u64 upper = divide_once(0, high, d, rest);
        const u64 lower = divide_once(rest, low, d, unused);
        return {u128{upper} << 64 | lower, unused};
    }
    // The quotient has at most 64 bits: bit by bit.
    u128 quotient = 0, rest = dividend;
    int shift = __builtin_clzll(static_cast<u64>(divisor >> 64)) - (high ? __builtin_clzll(high) : 64);
    for (; shift >= 0; --shift) {
        if (rest >= divisor << shift) {
            rest -= divisor << shift;
            quotient |= u128{1} << shift;
        }
    }
    return {quotient, rest};
}

} // namespace

extern "C" u128 __udivti3(u128 a, u128 b) { return divide(a, b).quotient; }
extern "C" u128 __umodti3(u128 a, u128 b) { return divide(a, b).remainder; }

} // namespace px
