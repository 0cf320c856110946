// SPDX-License-Identifier: Apache-2.0
// The fair scheduler's promises: shares by weight, affinity, no idle CPU beside a waiting task, nobody starves.
#include "schedule/fair.hpp"

#include "schedule/simulation.hpp"

#include <gtest/gtest.h>

#include <random>

using namespace simulation;

namespace {

double share(const Task& task, Nanoseconds span) { return static_cast<double>(task.ran) / static_cast<double>(span); }

TEST(Fair, EqualTasksOnOneCpuGetEqualShares) {
    Simulation s(1);
    for (int i = 0; i < 4; ++i) s.add(1, 0);
    s.wake_all();
    s.run(4 * second);
    for (auto& task : s.tasks) EXPECT_NEAR(share(*task, s.now), 0.25, 0.02);
    EXPECT_EQ(s.idle(0), 0);
}

TEST(Fair, SharesFollowWeights) {
    Simulation s(1);
    Task& light = s.add(1, 0, 256);
    Task& middle = s.add(1, 0, 512);
    Task& heavy = s.add(1, 0, 1024);
    s.wake_all();
    s.run(7 * second);
    EXPECT_NEAR(share(light, s.now), 1 / 7.0, 0.1 / 7);
    EXPECT_NEAR(share(middle, s.now), 2 / 7.0, 0.2 / 7);
    EXPECT_NEAR(share(heavy, s.now), 4 / 7.0, 0.4 / 7);
}

/// Clocks begin shortly before they come round: nobody gets more or less for it, nor waits longer.
TEST(Fair, SharesHoldWhenVirtualTimeWraps) {
    Simulation s(2);
    for (int i = 0; i < 3; ++i) s.add(1, 0);
    s.wake_all();
    const Nanoseconds before_wrap = px::schedule::VirtualTime{} - px::schedule::first_virtual_time;
    ASSERT_GT(before_wrap, second);
    for (int part = 0; part < 8; ++part) { // each CPU passes it in one of the middle parts
        for (auto& task : s.tasks) task->ran = 0, task->longest_wait = 0;
        s.run(before_wrap / 2);
        for (auto& task : s.tasks) {
            EXPECT_NEAR(share(*task, before_wrap / 2), 2 / 3.0, 0.1) << part;
            EXPECT_LT(task->longest_wait, 100 * ms) << part;
        }
    }
    for (auto& task : s.tasks) EXPECT_LT(task->unit.virtual_time.value, px::u64{1} << 62) << "it has come round";
}

TEST(Fair, ThreeTasksShareTwoCpusEvenly) {
    Simulation s(2);
    for (int i = 0; i < 3; ++i) s.add(1, 0);
    s.wake_all();
    s.run(6 * second);
    for (auto& task : s.tasks) EXPECT_NEAR(share(*task, s.now), 2 / 3.0, 0.1 * 2 / 3);
    EXPECT_EQ(s.idle(0) + s.idle(1), 0);
}

TEST(Fair, WeightsHoldAcrossCpus) {
    Simulation s(2);
    Task& heavy = s.add(1, 0, 512);
    Task& a = s.add(1, 0, 256);
    Task& b = s.add(1, 0, 256);
    s.wake_all();
    s.run(8 * second);
    EXPECT_NEAR(share(heavy, s.now), 1.0, 0.1);
    EXPECT_NEAR(share(a, s.now), 0.5, 0.05);
    EXPECT_NEAR(share(b, s.now), 0.5, 0.05);
}

TEST(Fair, ManyTasksOnManyCpus) {
    Simulation s(8);
    for (int i = 0; i < 20; ++i) s.add(1, 0);
    s.wake_all();
    s.run(10 * second);
    for (auto& task : s.tasks) EXPECT_NEAR(share(*task, s.now), 0.4, 0.04);
}

TEST(Fair, HardAffinityIsNeverBroken) {
    Simulation s(4);
    Task& pinned = s.add(1, 0, 256, {2});
    for (int i = 0; i < 6; ++i) s.add(7 * ms, 3 * ms);
    Task& pair = s.add(1, 0, 256, {0, 1});
    s.wake_all();
    s.run(3 * second);
    for (u32 cpu : {0u, 1u, 3u}) EXPECT_EQ(pinned.ran_on[cpu], 0);
    EXPECT_EQ(pair.ran_on[2] + pair.ran_on[3], 0);
    EXPECT_GT(share(pinned, s.now), 0.3);
}

TEST(Fair, AffinityChangesTakeEffectAtOnce) {
    Simulation s(2);
    Task& task = s.add(1, 0);
    s.wake_all();
    s.run(100 * ms);
    for (u32 cpu : {0u, 1u, 0u}) {
        px::CpuMask only;
        only.set(cpu);
        s.fair.set_affinity(task.unit, only, only, s.now);
        s.run(1 * ms); // the CPU it was on gives it up
        const auto elsewhere = task.ran_on[1 - cpu];
        s.run(100 * ms);
        EXPECT_EQ(task.ran_on[1 - cpu], elsewhere);
        EXPECT_EQ(s.current(cpu), &task);
    }
}

TEST(Fair, SoftAffinityIsPreferredWhileThereIsRoom) {
    Simulation s(4);
    Task& a = s.add(2 * ms, 2 * ms, 256, {}, {3});
    s.add(2 * ms, 3 * ms);
    s.wake_all();
    s.run(2 * second);
    EXPECT_GT(a.ran_on[3], a.ran * 7 / 10); // the other one wakes there first at times
}

TEST(Fair, NoCpuIdlesWhileATaskWaits) {
    Simulation s(4);
    for (int i = 0; i < 4; ++i) s.add(5 * ms, 3 * ms);
    for (int i = 0; i < 4; ++i) s.add(1 * ms, 7 * ms);
    for (int i = 0; i < 2; ++i) s.add(1, 0);
    s.wake_all();
    Nanoseconds wasted = 0;
    s.each_step = [&] {
        u32 idle = 0, waiting = 0;
        for (u32 cpu = 0; cpu < 4; ++cpu) {
            idle += s.current(cpu) == nullptr;
            waiting += s.fair.waiting_on(cpu);
        }
        if (idle && waiting) wasted += 100 * us;
    };
    s.run(5 * second);
    EXPECT_LT(wasted, 25 * ms); // one step of the simulation is the time an interrupt takes
}

TEST(Fair, PinnedCrowdDoesNotStarveAMover) {
    // Clocks of the queues drift apart: three pinned to one CPU, one to the other. A task free to move gets its share.
    Simulation s(2);
    for (int i = 0; i < 3; ++i) s.add(1, 0, 256, {0});
    Task& alone = s.add(1, 0, 256, {1});
    Task& free = s.add(1, 0);
    s.wake_all();
    s.run(10 * second);
    EXPECT_GT(share(free, s.now), 0.4);
    EXPECT_GT(share(alone, s.now), 0.4);
    for (auto& task : s.tasks) EXPECT_LT(task->longest_wait, 500 * ms);
}

TEST(Fair, SleeperWakesQuickly) {
    Simulation s(1);
    for (int i = 0; i < 4; ++i) s.add(1, 0);
    Task& sleeper = s.add(200 * us, 20 * ms);
    s.wake_all();
    s.run(100 * ms); // at first all are equal, and it waits for its turn
    sleeper.longest_wait = 0;
    s.run(4 * second);
    EXPECT_LT(sleeper.longest_wait, 12 * ms);
    EXPECT_GT(sleeper.ran, 4 * second / 120);
}

TEST(Fair, WhoWakesWithinTheRateLimitWaitsForTwiceThat) {
    Simulation s(1);
    s.add(1, 0);
    Task& sleeper = s.add(100 * us, 300 * us);
    s.wake_all();
    s.run(100 * ms);
    sleeper.longest_wait = sleeper.ran = 0;
    s.run(1 * second);
    EXPECT_LE(sleeper.longest_wait, 2 * ms + 100 * us);
    EXPECT_NEAR(share(sleeper, 1 * second), 0.1 / 2.1, 0.005);
}

TEST(Fair, SleepingDoesNotBuyMoreThanAShare) {
    // Always a little sleep before the end of the slice: it must not get more than half against one that never sleeps.
    Simulation s(1);
    Task& sly = s.add(9 * ms, 200 * us);
    Task& honest = s.add(1, 0);
    s.wake_all();
    s.run(5 * second);
    EXPECT_LT(share(sly, s.now), 0.55);
    EXPECT_GT(share(honest, s.now), 0.45);
}

TEST(Fair, YieldGivesWay) {
    Simulation s(1);
    Task& a = s.add(1, 0);
    Task& b = s.add(1, 0);
    s.wake_all();
    s.run(1 * ms);
    Task& first = *s.current(0);
    s.fair.yield(first.unit);
    s.run(200 * us);
    EXPECT_EQ(s.current(0), &first == &a ? &b : &a);
}

TEST(Fair, RandomLoadsKeepThePromises) {
    for (unsigned seed = 1; seed <= 12; ++seed) {
        std::mt19937 random(seed);
        Simulation s(1 + random() % 6);
        const int count = 1 + static_cast<int>(random() % 16);
        for (int i = 0; i < count; ++i) {
            const bool sleeps = random() % 2;
            s.add((1 + random() % 100) * 100 * us, sleeps ? (1 + random() % 100) * 100 * us : 0,
                  static_cast<px::u16>(64 << random() % 5));
        }
        s.wake_all();
        for (int round = 0; round < 20; ++round) {
            s.run(50 * ms);
            Task& task = *s.tasks[random() % s.tasks.size()];
            px::CpuMask hard;
            hard.set_word(0, random());
            hard.set(0); // at least one CPU that is there
            px::CpuMask all;
            all.set_first(px::max_cpus);
            s.fair.set_affinity(task.unit, hard, all, s.now);
        }
        for (auto& task : s.tasks) {
            EXPECT_GT(task->ran, 0) << "seed " << seed;
            EXPECT_LT(task->longest_wait, 3 * second);
        }
    }
}

} // namespace
