// SPDX-License-Identifier: Apache-2.0
// The order of one CPU's timers: a pairing heap by expiry. Pure; the caller holds the queue's lock.
#pragma once

#include "schedule/timer.hpp"

namespace px {

/// A pairing heap of timers, linked through the timers. Insertion takes constant time, removal logarithmic amortised.
/// Starts as all zero bytes.
class TimerQueue {
  public:
    [[nodiscard]] Timer* first() const { return root_; }
    /// Earliest expiry, or `otherwise` when empty.
    [[nodiscard]] Nanoseconds next_expiry(Nanoseconds otherwise) const { return root_ ? root_->expires_ : otherwise; }
    /// Adds a timer that is in no queue. True if it is now the first.
    bool insert(Timer& timer, Nanoseconds when);
    /// Takes a timer of this queue out.
    void remove(Timer& timer);
    /// Takes the first timer out if it is due at `now`; null if none is.
    Timer* pop_due(Nanoseconds now);

  private:
    static Timer* meld(Timer* a, Timer* b);
    static Timer* merge_children(Timer* first);
    Timer* root_ = nullptr;
};

} // namespace px
