// SPDX-License-Identifier: Apache-2.0
// System time as a line over a counter, which may be replaced while all CPUs read it. Pure.
#pragma once

#include "x86/machine/clock/clock_scale.hpp"

#include <atomic>

namespace px::x86::clock {

/// System time over one counter: the TSC, or the platform timer where TSCs cannot be trusted.
struct TimeLine {
    u64 start = 0; ///< the counter where the line begins
    u64 base = 0;  ///< nanoseconds there
    Scale scale;
    bool is_platform = false; ///< of the platform timer, by its extended count

    [[nodiscard]] constexpr u64 at(u64 count) const {
        return count < start ? base : base + scale.nanoseconds(count - start);
    }
};

/// The line in force. One writer at a time; readers never wait, not even where they have interrupted the writer.
///
/// Time does not go backwards across a change if the new line begins a little above the old one: what a reader gets by
/// the old line while the new one is being made known (far less than a microsecond, at rates that differ by far less
/// than 1 / 500) lies below it.
class CurrentLine {
  public:
    /// System time now. read(line) gives the line's counter.
    template <class Read> [[nodiscard]] u64 now(Read read) const {
        while (true) {
            const u32 version = version_.load(std::memory_order_acquire);
            const TimeLine line = lines_[version & 1].load();
            const u64 count = read(line);
            if (is_still(version)) [[likely]]
                return line.at(count);
        }
    }
    [[nodiscard]] TimeLine get() const {
        while (true) {
            const u32 version = version_.load(std::memory_order_acquire);
            const TimeLine line = lines_[version & 1].load();
            if (is_still(version)) return line;
        }
    }
    void replace(const TimeLine& next) {
        const u32 version = version_.load(std::memory_order_relaxed);
        // Readers look at the other one; who still reads this one finds the version changed since (the fence keeps
        // these stores behind the last change, pairs with is_still()).
        std::atomic_thread_fence(std::memory_order_release);
        lines_[(version + 1) & 1].store(next);
        version_.store(version + 1, std::memory_order_release);
    }

  private:
    [[nodiscard]] bool is_still(u32 version) const {
        std::atomic_thread_fence(std::memory_order_acquire);
        return version_.load(std::memory_order_relaxed) == version;
    }

    struct Words {
        std::atomic<u64> start{0}, base{0}, scale{0};

        [[nodiscard]] TimeLine load() const {
            const u64 s = scale.load(std::memory_order_relaxed);
            return {start.load(std::memory_order_relaxed),
                    base.load(std::memory_order_relaxed),
                    {static_cast<u32>(s >> 16), static_cast<s8>(s >> 8)},
                    (s & 1) != 0};
        }
        void store(const TimeLine& line) {
            start.store(line.start, std::memory_order_relaxed);
            base.store(line.base, std::memory_order_relaxed);
            scale.store(u64{line.scale.multiplier} << 16 | u64{static_cast<u8>(line.scale.shift)} << 8 |
                            (line.is_platform ? 1 : 0),
                        std::memory_order_relaxed);
        }
    };

    std::atomic<u32> version_{0}; ///< its last bit: which one is in force
    Words lines_[2];
};

/// A counter of few bits made one of 64, by all CPUs together: it must be read more often than it wraps. No CPU ever
/// gets less than another one got before.
class ExtendedCount {
  public:
    /// Before anything else: the counter now.
    void begin(u64 raw) { count_.store(raw, std::memory_order_relaxed); }
    /// read() gives the counter now.
    template <class Read> u64 advance(u64 mask, Read read) {
        u64 last = count_.load(std::memory_order_acquire);
        while (true) {
            // Read after `last`: behind it only if another CPU has advanced it since.
            const u64 step = (read() - last) & mask;
            if (step > mask / 2) return last;
            if (count_.compare_exchange_weak(last, last + step, std::memory_order_acq_rel, std::memory_order_acquire))
                return last + step;
        }
    }

  private:
    std::atomic<u64> count_{0};
};

} // namespace px::x86::clock
