// SPDX-License-Identifier: Apache-2.0
// The TLB clock: by it one sees which CPUs have flushed since a frame's last use ended. Pure; tests race it.
#pragma once

#include "base/number.hpp"

#include <atomic>

namespace px::guest {

/// Frames get a stamp when a use of them ends; CPUs note the time at which they begin a flush. A CPU whose time is
/// later than a stamp has flushed since. The clock ticks at the first flush after a stamp: other flushes, and stamps
/// that follow one another, only read it, so that its line stays shared by all CPUs.
///
/// Why a missed flush cannot be: a flush notes T > S only if it read T, or made it, after the clock had left S. Who
/// took the stamp S read the clock before that, and its removal of the page-table entry was visible before (the fence).
/// So the removal is visible before the flush, and no later walk on that CPU finds the entry. All that races, a stamp
/// that a flush does not see among it, makes a flush note a time too old: it is repeated, not missed.
class TlbClock {
  public:
    constexpr explicit TlbClock(u64 time = 1) : time_(time) {}

    /// A stamp for what was removed before: the low half of the time.
    [[nodiscard]] u32 stamp() {
        std::atomic_thread_fence(std::memory_order_seq_cst);
        const u64 now = time_.load(std::memory_order_seq_cst);
        // An older stamp that comes late only makes the next flush not tick.
        if (stamped_.load(std::memory_order_relaxed) != now) stamped_.store(now, std::memory_order_seq_cst);
        return static_cast<u32>(now);
    }
    /// The time to note for a flush that is made after this; note it only when the flush is done.
    [[nodiscard]] u64 begin_flush() {
        u64 now = time_.load(std::memory_order_seq_cst);
        if (stamped_.load(std::memory_order_seq_cst) != now) return now;
        return time_.compare_exchange_strong(now, now + 1, std::memory_order_seq_cst) ? now + 1 : now;
    }
    /// True if a CPU that noted `flushed` at its last flush may hold what a frame with this stamp was used for.
    [[nodiscard]] bool may_hold(u64 flushed, u32 stamp) const {
        const u64 now = time_.load(std::memory_order_seq_cst);
        // The latest time that the stamp can mean: of one that is older than half the clock, too new a time is assumed.
        return flushed <= now - static_cast<u32>(static_cast<u32>(now) - stamp);
    }

  private:
    std::atomic<u64> time_;
    std::atomic<u64> stamped_{0}; ///< the last stamp, or an older one
};

} // namespace px::guest
