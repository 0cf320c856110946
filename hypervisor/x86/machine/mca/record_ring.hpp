// SPDX-License-Identifier: Apache-2.0
// Records of one CPU on their way from where errors are found to the soft interrupt. Pure.
#pragma once

#include "x86/machine/mca/report.hpp"

#include <atomic>

namespace px::x86::mca {

/// All zero: empty. Who adds may be interrupted by who adds (an exception in the midst of polling), and so may who
/// takes; all of it on one CPU, and each ends before what it has interrupted goes on.
class RecordRing {
  public:
    static constexpr u32 capacity = 16;

    /// Counts it as lost where there is no room.
    void add(const Record& record) {
        u32 at = head_.load(std::memory_order_relaxed);
        do {
            if (at - tail_.load(std::memory_order_relaxed) == capacity) {
                lost_.fetch_add(1, std::memory_order_relaxed);
                return;
            }
        } while (!head_.compare_exchange_weak(at, at + 1, std::memory_order_relaxed));
        records_[at % capacity] = record;
        // For the compiler: what interrupts us finds the record only when it is whole, or not at all.
        std::atomic_signal_fence(std::memory_order_release);
    }
    [[nodiscard]] bool any() const {
        return head_.load(std::memory_order_relaxed) != tail_.load(std::memory_order_relaxed) ||
               lost_.load(std::memory_order_relaxed) != 0;
    }
    /// The oldest, in the soft interrupt, which interrupts nobody who adds. False: none.
    [[nodiscard]] bool take(Record& record) {
        const u32 tail = tail_.load(std::memory_order_relaxed);
        if (head_.load(std::memory_order_relaxed) == tail) return false;
        std::atomic_signal_fence(std::memory_order_acquire);
        record = records_[tail % capacity];
        std::atomic_signal_fence(std::memory_order_release); // the place is free only now
        tail_.store(tail + 1, std::memory_order_relaxed);
        return true;
    }
    /// How many were lost since the last call.
    [[nodiscard]] u32 lost() { return lost_.exchange(0, std::memory_order_relaxed); }

  private:
    std::atomic<u32> head_, tail_, lost_;
    Record records_[capacity];
};

} // namespace px::x86::mca
