// SPDX-License-Identifier: Apache-2.0
// Rings of characters with positions that run free; the oldest are overwritten.
#pragma once

#include "base/number.hpp"

#include <bit>
#include <span>
#include <string_view>

namespace px::console {

/// A view on a buffer whose size is a power of two. Not thread-safe.
class CharacterRing {
  public:
    constexpr explicit CharacterRing(std::span<char> store) : store_(store) {}

    [[nodiscard]] constexpr u32 start() const { return start_; }
    [[nodiscard]] constexpr u32 end() const { return end_; }
    [[nodiscard]] constexpr u32 size() const { return static_cast<u32>(store_.size()); }

    constexpr void put(char c) {
        store_[end_ & (size() - 1)] = c;
        ++end_;
        if (end_ - start_ > size()) start_ = end_ - size();
    }
    constexpr void put(std::string_view text) {
        for (const char c : text) put(c);
    }
    /// Copies from position on and moves it; a position outside of what is held goes to the oldest character.
    constexpr u32 read(u32& position, std::span<char> out) const {
        if (position - start_ > end_ - start_) position = start_;
        u32 n = 0;
        while (position != end_ && n < out.size()) out[n++] = store_[position++ & (size() - 1)];
        return n;
    }
    /// Forgets what lies before position (nothing if that is outside).
    constexpr void clear_to(u32 position) {
        if (position - start_ <= end_ - start_) start_ = position;
    }
    /// Goes on in another buffer, with as much of the contents as it holds.
    constexpr void move_to(std::span<char> store) {
        const CharacterRing old = *this;
        store_ = store;
        if (end_ - start_ > size()) start_ = end_ - size();
        for (u32 p = start_; p != end_; ++p) store_[p & (size() - 1)] = old.store_[p & (old.size() - 1)];
    }

  private:
    std::span<char> store_;
    u32 start_ = 0, end_ = 0;
};

/// Allows `burst` events, then one more for each `period` that passes, up to burst again.
class RateLimit {
  public:
    constexpr RateLimit(Nanoseconds period, u32 burst) : period_(period), burst_(burst), tokens_(burst) {}
    /// True if the event may happen. `missed` is how many were refused since the last that was allowed.
    constexpr bool allow(Nanoseconds now, u32& missed) {
        if (now - last_ >= period_) {
            const u64 earned = static_cast<u64>(now - last_) / static_cast<u64>(period_);
            tokens_ = earned >= burst_ - tokens_ ? burst_ : tokens_ + static_cast<u32>(earned);
            last_ = now;
        }
        missed = missed_;
        if (tokens_ == 0) {
            ++missed_;
            return false;
        }
        --tokens_;
        missed_ = 0;
        return true;
    }

  private:
    Nanoseconds period_;
    Nanoseconds last_ = 0;
    u32 burst_, tokens_, missed_ = 0;
};

} // namespace px::console
