// SPDX-License-Identifier: Apache-2.0
// One-shot timers on system time, one queue per CPU, driven by machine::set_deadline.
#pragma once

#include "base/percpu.hpp"

namespace px {

/// A timer. Its owner stops it before it goes away. The function runs in the Timer soft interrupt of the timer's CPU.
class Timer {
  public:
    using Function = void (*)(void* argument);
    Timer(Function function, void* argument) : function_(function), argument_(argument) {}
    ~Timer() { stop(); }
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;

    /// (Re)arms for system time `when`, on the CPU it belongs to (this one at first use). Any context.
    void set(Nanoseconds when);
    /// Disarms; after it returns the function does not run, unless it is running now on another CPU.
    void stop();
    /// Moves to another CPU, armed or not.
    void migrate(CpuId cpu);
    [[nodiscard]] bool is_armed() const { return heap_index_ != 0; }
    [[nodiscard]] Nanoseconds expires() const { return expires_; }

  private:
    friend class TimerQueue;
    Function function_;
    void* argument_;
    Nanoseconds expires_ = 0;
    u32 heap_index_ = 0; ///< position in the CPU's heap, 0: not armed
    u32 cpu_ = ~0u;
};

} // namespace px
