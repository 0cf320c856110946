// SPDX-License-Identifier: Apache-2.0
// Debug builds: checks that each CPU takes locks in the order of their ranks.
#include "base/lock.hpp"

#ifdef PROXENOS_DEBUG
#include "base/panic.hpp"
#include "base/percpu.hpp"

namespace px {
namespace {

constexpr unsigned max_depth = 24;
struct Held {
    const void* lock;
    LockRank rank;
};
struct HeldLocks {
    Held locks[max_depth];
    unsigned depth;
};
PX_PER_CPU PerCpu<HeldLocks> held_locks;
std::atomic<bool> is_off{false};

/// Ranks of which two may be held at once, in address order.
bool allows_pairs(LockRank rank) {
    switch (rank) {
    case LockRank::PageTables:
    case LockRank::GrantTable:
    case LockRank::Maptrack:
    case LockRank::PageAlloc:
    case LockRank::Events:
    case LockRank::EventChannel:
    case LockRank::EventQueue:
    case LockRank::Run: return true;
    default: return false;
    }
}

} // namespace

void detail::lock_awaited(LockRank rank) {
    // Before its first vCPU, a CPU has nobody to wait for.
    if (!is_held_over_calls(rank) || !cpu_info().current || !interrupts_are_off()) return;
    if (is_off.exchange(true, std::memory_order_relaxed)) return;
    panic("a lock of rank {} is waited for with interrupts off", static_cast<u32>(rank));
}

void detail::lock_order_acquired(LockRank rank, const void* lock) {
    if (is_off.load(std::memory_order_relaxed)) return;
    const u64 flags = irq_save();
    auto& held = held_locks.here();
    for (unsigned i = 0; i < held.depth; ++i) {
        const Held& other = held.locks[i];
        const bool in_order = other.rank < rank || (other.rank == rank && allows_pairs(rank) && other.lock < lock);
        if (in_order) continue;
        is_off.store(true, std::memory_order_relaxed);
        panic("lock order: rank {} taken while rank {} is held", static_cast<u32>(rank), static_cast<u32>(other.rank));
    }
    if (held.depth == max_depth) {
        is_off.store(true, std::memory_order_relaxed);
        panic("too many locks are held");
    }
    held.locks[held.depth++] = {lock, rank};
    irq_restore(flags);
}

void detail::lock_order_released(LockRank, const void* lock) {
    if (is_off.load(std::memory_order_relaxed)) return;
    const u64 flags = irq_save();
    auto& held = held_locks.here();
    for (unsigned i = held.depth; i-- > 0;) {
        if (held.locks[i].lock != lock) continue;
        for (unsigned j = i + 1; j < held.depth; ++j) held.locks[j - 1] = held.locks[j];
        --held.depth;
        irq_restore(flags);
        return;
    }
    is_off.store(true, std::memory_order_relaxed);
    panic("a lock is released that this CPU does not hold");
}

} // namespace px
#endif
