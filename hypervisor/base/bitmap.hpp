// SPDX-License-Identifier: Apache-2.0
// Fixed-size bitmaps: plain ones, and operations on atomic words shared with guests or other CPUs.
#pragma once

#include "base/number.hpp"

#include <atomic>
#include <bit>

namespace px {

/// N bits, not thread-safe.
template <unsigned N> class Bitmap {
  public:
    static constexpr unsigned words = (N + 63) / 64;

    [[nodiscard]] constexpr bool test(unsigned bit) const { return word_[bit / 64] >> (bit % 64) & 1; }
    constexpr void set(unsigned bit) { word_[bit / 64] |= u64{1} << (bit % 64); }
    constexpr void clear(unsigned bit) { word_[bit / 64] &= ~(u64{1} << (bit % 64)); }
    constexpr void clear_all() {
        for (auto& w : word_) w = 0;
    }
    /// Sets bits [0, count).
    constexpr void set_first(unsigned count) {
        for (unsigned i = 0; i < count && i < N; ++i) set(i);
    }
    [[nodiscard]] constexpr bool any() const {
        for (auto w : word_)
            if (w) return true;
        return false;
    }
    [[nodiscard]] constexpr unsigned count() const {
        unsigned n = 0;
        for (auto w : word_) n += static_cast<unsigned>(std::popcount(w));
        return n;
    }
    /// First set bit at or after `from`, or N.
    [[nodiscard]] constexpr unsigned find(unsigned from = 0) const {
        for (unsigned w = from / 64; w < words; ++w) {
            u64 value = word_[w];
            if (w == from / 64) value &= ~u64{0} << (from % 64);
            if (value) {
                const unsigned bit = w * 64 + static_cast<unsigned>(std::countr_zero(value));
                return bit < N ? bit : N;
            }
        }
        return N;
    }
    constexpr Bitmap& operator&=(const Bitmap& o) {
        for (unsigned i = 0; i < words; ++i) word_[i] &= o.word_[i];
        return *this;
    }
    constexpr Bitmap& operator|=(const Bitmap& o) {
        for (unsigned i = 0; i < words; ++i) word_[i] |= o.word_[i];
        return *this;
    }
    friend constexpr bool operator==(const Bitmap&, const Bitmap&) = default;
    [[nodiscard]] constexpr u64 word(unsigned i) const { return word_[i]; }
    constexpr void set_word(unsigned i, u64 value) { word_[i] = value; }

  private:
    u64 word_[words] = {};
};

/// Largest number of host CPUs (Debian's build of the reference has the same).
inline constexpr unsigned max_cpus = 256;
/// A set of host CPUs.
using CpuMask = Bitmap<max_cpus>;

/// Sets a bit in a word shared with others; true if it was set before. Full barrier.
inline bool test_and_set(std::atomic<u64>& word, unsigned bit) {
    return word.fetch_or(u64{1} << bit, std::memory_order_seq_cst) >> bit & 1;
}
/// Clears a bit in a word shared with others; true if it was set before. Full barrier.
inline bool test_and_clear(std::atomic<u64>& word, unsigned bit) {
    return word.fetch_and(~(u64{1} << bit), std::memory_order_seq_cst) >> bit & 1;
}

} // namespace px
