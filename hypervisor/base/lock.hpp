// SPDX-License-Identifier: Apache-2.0
// Ranked ticket spinlocks with clang's thread-safety annotations.
#pragma once

#include "base/number.hpp"

#include <atomic>
#if !defined(PROXENOS_HYPERVISOR)
#include <sched.h>
#endif

#define PX_CAPABILITY(x) __attribute__((capability(x)))
#define PX_SCOPED_CAPABILITY __attribute__((scoped_lockable))
#define PX_GUARDED_BY(x) __attribute__((guarded_by(x)))
#define PX_REQUIRES(...) __attribute__((requires_capability(__VA_ARGS__)))
#define PX_ACQUIRE(...) __attribute__((acquire_capability(__VA_ARGS__)))
#define PX_TRY_ACQUIRE(...) __attribute__((try_acquire_capability(__VA_ARGS__)))
#define PX_RELEASE(...) __attribute__((release_capability(__VA_ARGS__)))
#define PX_EXCLUDES(...) __attribute__((locks_excluded(__VA_ARGS__)))
#define PX_NO_THREAD_SAFETY __attribute__((no_thread_safety_analysis))

namespace px {

/// The one list of lock ranks. A CPU may take a lock only when its rank is higher than that of every lock it
/// holds, or (for the two event/grant ranks taken on two domains at once) equal and at a higher address.
enum class LockRank : u8 {
    DomctlGlobal = 10, ///< one control operation at a time
    Firmware = 15,     ///< EFI's runtime services: one call at a time
    DomainList = 20,   ///< creation and removal of domains
    Domain = 30,       ///< a domain's control state
    PciDevices = 35,   ///< the list of PCI devices and their MSIs
    PageTables = 40,   ///< a domain's page-table updates and types
    GrantTable = 50,   ///< grant tables; two at once in address order
    Maptrack = 55,
    PageAlloc = 60,    ///< a domain's page counts
    Events = 70,       ///< event channels; two at once in address order
    EventChannel = 72, ///< one channel; two at once in address order
    EventQueue = 75,   ///< FIFO queues; two at once in address order
    Pirqs = 78,        ///< a domain's physical interrupts
    Irq = 80,          ///< interrupt descriptors
    Heap = 90,         ///< the frame allocator
    Slab = 100,        ///< small allocations
    DomainTable = 105, ///< buckets of the table of domains: look-ups, from anywhere
    Run = 110,         ///< schedulers' run queues
    Timer = 120,       ///< timer queues
    Machine = 130,     ///< PCI config space, I/O APIC, CMOS and other hardware
    ConsoleRing = 140,
    Console = 150, ///< last: anything may print
};

/// Locks that may be held while other CPUs are interrupted and waited for (flushes of translations, changes of page
/// tables). Who waits for one of them must take interrupts meanwhile: with interrupts off, it would wait for a CPU that
/// waits for it.
constexpr bool is_held_over_calls(LockRank rank) { return rank < LockRank::EventChannel; }

namespace detail {
#ifdef PROXENOS_DEBUG
/// Debug builds: checks the order of ranks on this CPU (base/lock.cpp). A violation panics.
void lock_awaited(LockRank rank);
void lock_order_acquired(LockRank rank, const void* lock);
void lock_order_released(LockRank rank, const void* lock);
#else
inline void lock_awaited(LockRank) {}
inline void lock_order_acquired(LockRank, const void*) {}
inline void lock_order_released(LockRank, const void*) {}
#endif
inline void relax() {
#if !defined(PROXENOS_HYPERVISOR)
    sched_yield(); // host tests have more threads than CPUs
#elif defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}
} // namespace detail

/// A fair (ticket) spinlock of a fixed rank. Does not touch the interrupt flag: see IrqGuard.
template <LockRank Rank> class PX_CAPABILITY("spinlock") SpinLock {
  public:
    constexpr SpinLock() = default;
    SpinLock(const SpinLock&) = delete;
    SpinLock& operator=(const SpinLock&) = delete;

    void lock() PX_ACQUIRE() {
        detail::lock_awaited(Rank);
        const u16 ticket = next_.fetch_add(1, std::memory_order_relaxed);
        // Acquire pairs with the release store of serving_ in unlock().
        while (serving_.load(std::memory_order_acquire) != ticket) detail::relax();
        detail::lock_order_acquired(Rank, this);
    }
    bool try_lock() PX_TRY_ACQUIRE(true) {
        u16 serving = serving_.load(std::memory_order_acquire);
        if (!next_.compare_exchange_strong(serving, static_cast<u16>(serving + 1), std::memory_order_acquire))
            return false;
        detail::lock_order_acquired(Rank, this);
        return true;
    }
    void unlock() PX_RELEASE() {
        detail::lock_order_released(Rank, this);
        serving_.store(static_cast<u16>(serving_.load(std::memory_order_relaxed) + 1), std::memory_order_release);
    }
    [[nodiscard]] bool is_locked() const {
        return serving_.load(std::memory_order_relaxed) != next_.load(std::memory_order_relaxed);
    }

  private:
    std::atomic<u16> next_{0};
    std::atomic<u16> serving_{0};
};

/// Holds a lock for a scope.
template <class Lock> class PX_SCOPED_CAPABILITY Guard {
  public:
    explicit Guard(Lock& lock) PX_ACQUIRE(lock) : lock_(lock) { lock_.lock(); }
    ~Guard() PX_RELEASE() { lock_.unlock(); }
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;

  private:
    Lock& lock_;
};
template <class Lock> Guard(Lock&) -> Guard<Lock>;

/// True if this CPU takes no interrupts. Implemented by the machine.
[[nodiscard]] bool interrupts_are_off();
/// Saves and clears the interrupt flag; restore() puts it back. Implemented by the machine (fakes: no-ops).
[[nodiscard]] u64 irq_save();
void irq_restore(u64 flags);

/// Interrupts off for a scope.
class IrqOff {
  public:
    IrqOff() : flags_(irq_save()) {}
    ~IrqOff() { irq_restore(flags_); }
    IrqOff(const IrqOff&) = delete;
    IrqOff& operator=(const IrqOff&) = delete;

  private:
    u64 flags_;
};

/// Holds a lock with interrupts off for a scope: for locks that interrupt handlers take too.
template <class Lock> class PX_SCOPED_CAPABILITY IrqGuard {
  public:
    explicit IrqGuard(Lock& lock) PX_ACQUIRE(lock) : lock_(lock) { lock_.lock(); }
    ~IrqGuard() PX_RELEASE() { lock_.unlock(); }
    IrqGuard(const IrqGuard&) = delete;
    IrqGuard& operator=(const IrqGuard&) = delete;

  private:
    IrqOff off_;
    Lock& lock_;
};
template <class Lock> IrqGuard(Lock&) -> IrqGuard<Lock>;

} // namespace px
