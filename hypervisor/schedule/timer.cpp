// SPDX-License-Identifier: Apache-2.0
// Timers on their CPUs: locking, moving between CPUs, and programming the machine's one-shot deadline.
#include "base/lock.hpp"
#include "machine/machine.hpp"
#include "schedule/softirq.hpp"
#include "schedule/timer_queue.hpp"

namespace px {

namespace {
struct Queue {
    SpinLock<LockRank::Timer> lock;
    TimerQueue heap;
    std::atomic<Timer*> running; ///< whose function runs now on this CPU
};
PX_PER_CPU PerCpu<Queue> queues;
} // namespace

/// Holds the lock of the queue that a timer belongs to, interrupts off. A timer that moves meanwhile is followed.
class TimerLock {
  public:
    explicit TimerLock(Timer& timer) PX_NO_THREAD_SAFETY {
        u32 unset = Timer::no_cpu;
        timer.cpu_.compare_exchange_strong(unset, this_cpu().raw());
        for (;;) {
            cpu = CpuId(timer.cpu_.load(std::memory_order_acquire));
            queue = &queues.on(cpu);
            queue->lock.lock();
            // Acquire: it may have moved away and back meanwhile.
            if (timer.cpu_.load(std::memory_order_acquire) == cpu.raw()) return;
            queue->lock.unlock();
        }
    }
    ~TimerLock() PX_NO_THREAD_SAFETY { queue->lock.unlock(); }
    TimerLock(const TimerLock&) = delete;
    TimerLock& operator=(const TimerLock&) = delete;

  private:
    IrqOff off_;

  public:
    CpuId cpu;
    Queue* queue;
};

/// A CPU's first timer is new: this CPU's deadline is programmed at once, another CPU does so itself.
static void deadline_came_nearer(CpuId cpu, Nanoseconds when) {
    if (cpu == this_cpu()) machine::set_deadline(when);
    else softirq::raise_on(cpu, SoftIrq::Timer);
}

void Timer::set(Nanoseconds when) {
    TimerLock held(*this);
    if (is_armed()) held.queue->heap.remove(*this);
    if (held.queue->heap.insert(*this, when)) deadline_came_nearer(held.cpu, when);
}

void Timer::stop() {
    if (cpu_.load(std::memory_order_relaxed) == no_cpu) return; // never armed
    TimerLock held(*this);
    // The deadline stays: an interrupt too early does no harm and costs less than reprogramming.
    if (is_armed()) held.queue->heap.remove(*this);
}

void Timer::kill() {
    if (cpu_.load(std::memory_order_relaxed) == no_cpu) return;
    stop();
    // It may have moved while its function ran: looks at every CPU.
    for (u32 cpu = 0; cpu < machine::cpu_count(); ++cpu) {
        if (cpu == this_cpu().raw()) continue;
        // Acquire pairs with the release store after the function's return in run_due().
        while (queues.on(CpuId(cpu)).running.load(std::memory_order_acquire) == this) detail::relax();
    }
}

void Timer::migrate(CpuId to) {
    u32 unset = no_cpu;
    if (cpu_.compare_exchange_strong(unset, to.raw()) || unset == to.raw()) return;
    bool was_armed = false;
    {
        TimerLock held(*this);
        was_armed = is_armed();
        if (was_armed) held.queue->heap.remove(*this);
        cpu_.store(to.raw(), std::memory_order_release);
    }
    // Two locks of one rank are never held at once; only the owner moves a timer, so nobody re-armed it in between.
    if (was_armed) set(expires_);
}

namespace timers {

void init() { softirq::set_handler(SoftIrq::Timer, run_due); }

void run_due() {
    Queue& queue = queues.here();
    for (;;) {
        Timer::Function function;
        void* argument;
        {
            IrqGuard guard(queue.lock);
            Timer* due = queue.heap.pop_due(machine::now());
            if (!due) {
                machine::set_deadline(queue.heap.next_expiry(machine::never));
                return;
            }
            function = due->function();
            argument = due->argument();
            queue.running.store(due, std::memory_order_relaxed);
        }
        function(argument);
        queue.running.store(nullptr, std::memory_order_release);
    }
}

} // namespace timers
} // namespace px
