// SPDX-License-Identifier: Apache-2.0
// One-shot timers on system time, one queue per CPU, driven by machine::set_deadline.
#pragma once

#include "base/percpu.hpp"

#include <atomic>

namespace px {

/// A timer. Its owner stops it before it goes away. The function runs in the Timer soft interrupt of the timer's CPU.
class Timer {
  public:
    using Function = void (*)(void* argument);
    Timer(Function function, void* argument) : function_(function), argument_(argument) {}
    /// Disarms, and waits while the function runs on another CPU.
    ~Timer() { kill(); }
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;

    /// (Re)arms for system time `when`, on the CPU it belongs to (this one at first use). Any context.
    void set(Nanoseconds when);
    /// Disarms; after it returns the function does not run, unless it is running now on another CPU.
    void stop();
    /// Disarms and waits until the function does not run on another CPU. Not from the function itself.
    void kill();
    /// Moves to another CPU, armed or not.
    void migrate(CpuId cpu);
    [[nodiscard]] bool is_armed() const { return is_armed_.load(std::memory_order_relaxed); }
    [[nodiscard]] Nanoseconds expires() const { return expires_; }
    [[nodiscard]] Function function() const { return function_; }
    [[nodiscard]] void* argument() const { return argument_; }

  private:
    friend class TimerQueue;
    friend class TimerLock;
    static constexpr u32 no_cpu = ~0u;

    Function function_;
    void* argument_;
    Nanoseconds expires_ = 0;
    // Links of the queue's pairing heap: no allocation, so arming never fails.
    Timer* child_ = nullptr;    ///< first child
    Timer* sibling_ = nullptr;  ///< next child of the same parent
    Timer* previous_ = nullptr; ///< previous sibling, or the parent for a first child; null: the root
    std::atomic<bool> is_armed_{false};
    std::atomic<u32> cpu_{no_cpu};
};

namespace timers {
/// Boot: the Timer soft interrupt's handler.
void init();
/// This CPU's timers that are due run; then the next deadline is programmed. The Timer soft interrupt.
void run_due();
} // namespace timers

} // namespace px
