// SPDX-License-Identifier: Apache-2.0
// A cap: the time that the units of one domain may run together in each period.
#pragma once

#include "base/number.hpp"

#include <algorithm>
#include <atomic>

namespace px::schedule {

/// Time to run that several units share: filled up once in each period. Each unit that wants to run then gets an
/// allowance of its own (Unit::allowance), the same for all; the rest is a pool for those that have used up theirs. Who
/// gets nothing more is parked until the next filling. What somebody ran too long is a debt, paid from what comes.
/// Any context; no lock.
class Budget {
  public:
    static inline constinit Nanoseconds period =
        10'000'000;                                    ///< constant after boot; Xen's credit2 begins with the same
    static constexpr Nanoseconds least_turn = 200'000; ///< shorter turns are not worth the switch: a debt instead

    /// In percent of one CPU; 0 takes the time away. In force from the next filling on.
    void set_percent(u32 percent) { quota_.store(period / 100 * percent, std::memory_order_relaxed); }
    void count_unit() { units_.fetch_add(1, std::memory_order_relaxed); }
    [[nodiscard]] u32 units() const { return units_.load(std::memory_order_relaxed); }
    [[nodiscard]] Nanoseconds quota() const { return quota_.load(std::memory_order_relaxed); }
    /// What each unit gets that wants to run when the budget is filled up.
    [[nodiscard]] Nanoseconds share() const { return quota() / std::max(units(), 1u); }
    /// What a unit takes from the pool at a time: little, so that others find something too.
    [[nodiscard]] Nanoseconds piece() const { return std::max(share() / 4, least_turn); }

    /// Takes at most so much from the pool.
    Nanoseconds take(Nanoseconds wanted) {
        Nanoseconds there = pool_.load(std::memory_order_relaxed);
        for (;;) {
            const Nanoseconds taken = std::min(there, wanted);
            if (taken <= 0) return 0;
            if (pool_.compare_exchange_weak(there, there - taken, std::memory_order_relaxed)) return taken;
        }
    }
    /// Puts time into the pool, which never holds more than a quota.
    void give(Nanoseconds time) {
        const Nanoseconds most = quota();
        Nanoseconds there = pool_.load(std::memory_order_relaxed);
        while (!pool_.compare_exchange_weak(there, std::min(there + time, most), std::memory_order_relaxed)) {}
    }
    void empty() { pool_.store(0, std::memory_order_relaxed); }

    /// True to the one who has to see to the next filling: nobody did so far.
    bool start_ticking() { return !is_ticking_.load() && !is_ticking_.exchange(true); }
    /// Before a filling looks at the units: who becomes active after that look starts it again.
    void stop_ticking() { is_ticking_.store(false); }

  private:
    std::atomic<Nanoseconds> quota_{0}; ///< for each period
    std::atomic<Nanoseconds> pool_{0};
    std::atomic<u32> units_{0};
    std::atomic<bool> is_ticking_{false}; ///< the next filling is sure to come
};

} // namespace px::schedule
