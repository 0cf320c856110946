// SPDX-License-Identifier: Apache-2.0
// Spin locks and timers with threads as CPUs: for ThreadSanitizer, and for what can be lost.
#include "base/lock.hpp"
#include "fake_machine.hpp"
#include "schedule/timer.hpp"

#include <gtest/gtest.h>

#include <random>
#include <thread>
#include <vector>

using namespace px;

namespace {

constexpr u32 cpus = 4;

/// Runs function(cpu) on that many threads, each a CPU, and waits.
template <class F> void on_cpus(u32 count, F function) {
    std::vector<std::thread> threads;
    for (u32 cpu = 0; cpu < count; ++cpu)
        threads.emplace_back([=] {
            fake_cpu = cpu;
            function(cpu);
        });
    for (auto& t : threads) t.join();
}

TEST(LockThreads, OneAtATime) {
    constexpr u64 rounds = 3000;
    SpinLock<LockRank::Heap> lock;
    u64 plain = 0;
    on_cpus(cpus, [&](u32) {
        for (u64 i = 0; i < rounds; ++i) {
            const Guard guard(lock);
            ++plain;
        }
    });
    EXPECT_EQ(plain, cpus * rounds);
    EXPECT_FALSE(lock.is_locked());
}

TEST(LockThreads, TryLockTakesItOrLeavesIt) {
    SpinLock<LockRank::Heap> lock;
    u64 plain = 0;
    std::atomic<u64> taken{0};
    on_cpus(cpus, [&](u32 cpu) PX_NO_THREAD_SAFETY {
        for (unsigned i = 0; i < 3000; ++i) {
            if (cpu % 2) lock.lock();
            else if (!lock.try_lock()) continue;
            ++plain;
            taken.fetch_add(1, std::memory_order_relaxed);
            lock.unlock();
        }
    });
    EXPECT_EQ(plain, taken.load());
    EXPECT_GE(plain, 6000u);
}

TEST(LockThreads, TheTicketsWrap) {
    SpinLock<LockRank::Heap> lock;
    for (unsigned i = 0; i < 70'000; ++i) {
        if (!lock.try_lock()) FAIL() << i;
        lock.unlock();
    }
    EXPECT_FALSE(lock.is_locked());
}

/// Timers set, stopped and moved by their owners while all CPUs run those that are due. Each firing follows a set().
TEST(TimerThreads, NothingIsLostOrRunsTwice) {
    fake::machine = {};
    fake::machine.cpus = cpus;
    fake::machine.now = 1'000'000;
    struct Probe {
        std::atomic<u64> fired{0}, sets{0};
        Timer timer{[](void* p) { static_cast<Probe*>(p)->fired.fetch_add(1, std::memory_order_relaxed); }, this};
    };
    std::vector<std::unique_ptr<Probe>> probes;
    for (unsigned i = 0; i < 2 * cpus; ++i) probes.push_back(std::make_unique<Probe>());
    on_cpus(cpus, [&](u32 cpu) {
        std::mt19937 random(cpu);
        for (unsigned i = 0; i < 4000; ++i) {
            Probe& p = *probes[cpu + random() % 2 * cpus]; // its own
            switch (random() % 5) {
            case 0:
            case 1:
                p.sets.fetch_add(1, std::memory_order_relaxed);
                p.timer.set(static_cast<Nanoseconds>(random() % 2'000'000)); // half of them are due
                break;
            case 2: p.timer.stop(); break;
            case 3: p.timer.migrate(CpuId(random() % cpus)); break;
            default: timers::run_due(); break;
            }
        }
    });
    for (u32 cpu = 0; cpu < cpus; ++cpu) {
        fake_cpu = cpu;
        fake::machine.now = 3'000'000;
        timers::run_due();
    }
    fake_cpu = 0;
    for (auto& p : probes) {
        EXPECT_LE(p->fired.load(), p->sets.load());
        EXPECT_FALSE(p->timer.is_armed());
        // It works as on the first day.
        p->timer.migrate(CpuId(0));
        const u64 before = p->fired;
        p->timer.set(2'000'000);
        timers::run_due();
        EXPECT_EQ(p->fired.load(), before + 1);
    }
}

/// kill() returns only when the function does not run: what it uses can go away.
TEST(TimerThreads, KillWaitsForTheFunction) {
    fake::machine = {};
    fake::machine.cpus = 2;
    fake::machine.now = 10;
    for (unsigned round = 0; round < 300; ++round) {
        auto value = std::make_unique<u64>(0);
        auto timer = std::make_unique<Timer>([](void* p) { ++*static_cast<u64*>(p); }, value.get());
        fake_cpu = 0;
        timer->set(5);
        std::thread other([] {
            fake_cpu = 0;
            timers::run_due();
        });
        fake_cpu = 1;
        timer->kill();
        EXPECT_LE(*value, 1u);
        timer.reset();
        value.reset();
        other.join();
    }
    fake_cpu = 0;
}

} // namespace
