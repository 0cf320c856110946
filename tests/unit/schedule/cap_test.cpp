// SPDX-License-Identifier: Apache-2.0
// Caps: never more than the cap, as much as the cap if there is work for it, evenly among a domain's vCPUs.
#include "schedule/fair.hpp"

#include "schedule/simulation.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <numeric>
#include <random>

using namespace simulation;

namespace {

Nanoseconds ran(const std::vector<Task*>& tasks) {
    return std::accumulate(tasks.begin(), tasks.end(), Nanoseconds{0},
                           [](Nanoseconds n, Task* t) { return n + t->ran; });
}
double percent(Nanoseconds time, Nanoseconds span) {
    return 100.0 * static_cast<double>(time) / static_cast<double>(span);
}

/// Looks at every window of some lengths: time used up there must not be more than the cap and a bounded error.
class Watch {
  public:
    Watch(Simulation& simulation, std::vector<Task*> tasks, Budget& budget)
        : simulation_(simulation), tasks_(std::move(tasks)), budget_(budget) {}
    void look() {
        history_.push_back(ran(tasks_));
        for (const Nanoseconds window : {10 * ms, 50 * ms, 200 * ms, 1 * second}) {
            const auto steps = static_cast<std::size_t>(window / (100 * us));
            if (history_.size() <= steps) continue;
            const Nanoseconds used = history_.back() - history_[history_.size() - 1 - steps];
            // A period's time may be carried over, and the window may touch one period more. Each task may be late.
            const Nanoseconds quota = budget_.quota();
            const Nanoseconds most = quota * (window / Budget::period + 2) +
                                     static_cast<Nanoseconds>(tasks_.size()) * (Budget::least_turn + 200 * us);
            ASSERT_LE(used, most) << "window " << window / ms << " ms at " << simulation_.now / us << " us";
        }
    }

  private:
    Simulation& simulation_;
    std::vector<Task*> tasks_;
    Budget& budget_;
    std::deque<Nanoseconds> history_;
};

TEST(Cap, OneBusyTaskGetsItsPercentage) {
    for (const u32 cap : {1u, 5u, 30u, 50u, 99u, 100u}) {
        Simulation s(1);
        Task& task = s.add(1, 0);
        Budget budget;
        s.cap(budget, {&task}, cap);
        s.wake_all();
        s.run(5 * second);
        EXPECT_NEAR(percent(task.ran, s.now), cap, 0.02 * cap + 0.05) << cap;
        EXPECT_LT(task.longest_wait, 100 * ms);
    }
}

TEST(Cap, NoWindowHasMoreThanTheCap) {
    for (const u32 cap : {3u, 20u, 50u, 120u, 300u}) {
        Simulation s(4);
        std::vector<Task*> capped;
        for (int i = 0; i < 4; ++i) capped.push_back(&s.add((1 + i) * 3 * ms, i % 2 ? 2 * ms : 0));
        s.add(1, 0);
        s.add(5 * ms, 5 * ms);
        Budget budget;
        s.cap(budget, capped, cap);
        Watch watch(s, capped, budget);
        s.each_step = [&] { watch.look(); };
        s.wake_all();
        s.run(3 * second);
        ASSERT_FALSE(HasFatalFailure());
    }
}

TEST(Cap, SeveralCpusTogetherReachTheCap) {
    Simulation s(4);
    std::vector<Task*> capped;
    for (int i = 0; i < 4; ++i) capped.push_back(&s.add(1, 0));
    Budget budget;
    s.cap(budget, capped, 250);
    s.wake_all();
    s.run(4 * second);
    EXPECT_NEAR(percent(ran(capped), s.now), 250, 5);
    for (Task* task : capped) EXPECT_NEAR(percent(task->ran, s.now), 62.5, 3);
}

TEST(Cap, IsSharedByThoseOfItsTasksThatWork) {
    // Of eight vCPUs so many are busy: together they get all of the cap, each the same.
    for (const int busy : {1, 2, 3, 5, 8}) {
        Simulation s(8);
        std::vector<Task*> all;
        for (int i = 0; i < 8; ++i) all.push_back(&s.add(1, 0));
        Budget budget;
        s.cap(budget, all, 100);
        for (int i = 0; i < busy; ++i) s.wake(*all[static_cast<std::size_t>(i)]);
        s.run(4 * second);
        EXPECT_NEAR(percent(ran(all), s.now), 100, 3) << busy;
        for (int i = 0; i < busy; ++i)
            EXPECT_NEAR(percent(all[static_cast<std::size_t>(i)]->ran, s.now), 100.0 / busy, 0.2 * 100 / busy) << busy;
    }
}

TEST(Cap, WhoWaitsElsewhereFindsItsShare) {
    // One of two vCPUs has its CPU alone, the other one competes with two busy domains.
    Simulation s(2);
    Task& alone = s.add(1, 0, 256, {0});
    Task& crowded = s.add(1, 0, 256, {1});
    s.add(1, 0, 256, {1});
    s.add(1, 0, 256, {1});
    Budget budget;
    s.cap(budget, {&alone, &crowded}, 60);
    s.wake_all();
    s.run(5 * second);
    EXPECT_NEAR(percent(alone.ran + crowded.ran, s.now), 60, 2);
    EXPECT_NEAR(percent(crowded.ran, s.now), 30, 4);
}

TEST(Cap, OthersGetTheRest) {
    Simulation s(1);
    Task& capped = s.add(1, 0, 1024);
    Task& free = s.add(1, 0);
    Budget budget;
    s.cap(budget, {&capped}, 30);
    s.wake_all();
    s.run(4 * second);
    EXPECT_NEAR(percent(capped.ran, s.now), 30, 1);
    EXPECT_NEAR(percent(free.ran, s.now), 70, 1);
    EXPECT_EQ(s.idle(0), 0);
}

TEST(Cap, AboveItsShareDoesNotMatter) {
    Simulation s(1);
    Task& capped = s.add(1, 0);
    Task& free = s.add(1, 0);
    Budget budget;
    s.cap(budget, {&capped}, 80);
    s.wake_all();
    s.run(4 * second);
    EXPECT_NEAR(percent(capped.ran, s.now), 50, 2);
    EXPECT_NEAR(percent(free.ran, s.now), 50, 2);
}

TEST(Cap, ChangesAtRunTime) {
    Simulation s(2);
    std::vector<Task*> capped = {&s.add(1, 0), &s.add(1, 0)};
    Budget budget;
    s.wake_all();
    s.run(100 * ms);
    const u32 caps[] = {20, 150, 0, 5, 100, 0, 40};
    for (const u32 cap : caps) {
        if (cap != 0 && budget.quota() != 0) budget.set_percent(cap);
        else s.cap(budget, capped, cap);
        s.run(100 * ms); // debts and what was given before
        const Nanoseconds before = ran(capped);
        s.run(1 * second);
        const double wanted = cap ? cap : 200;
        EXPECT_NEAR(percent(ran(capped) - before, 1 * second), wanted, 0.03 * wanted + 1) << cap;
    }
}

TEST(Cap, SleepersFindTimeAndTheTimerRests) {
    Simulation s(1);
    Task& sleeper = s.add(200 * us, 50 * ms);
    Budget budget;
    s.cap(budget, {&sleeper}, 10);
    s.wake_all();
    s.run(100 * ms);
    sleeper.longest_wait = 0;
    const unsigned before = s.fillings;
    s.run(5 * second);
    EXPECT_LE(sleeper.longest_wait, 200 * us);
    EXPECT_LT(s.fillings - before, 250u); // not 500: none while nobody wants to run
    EXPECT_NEAR(percent(sleeper.ran, 5 * second), 0.4, 0.1);
}

TEST(Cap, RandomLoadsKeepThePromises) {
    for (unsigned seed = 1; seed <= 10; ++seed) {
        std::mt19937 random(seed);
        Simulation s(1 + random() % 5);
        std::vector<std::vector<Task*>> domains(1 + random() % 3);
        std::deque<Budget> budgets(domains.size());
        std::deque<Watch> watches;
        for (std::size_t d = 0; d < domains.size(); ++d) {
            for (u32 i = 0, count = 1 + random() % 4; i < count; ++i)
                domains[d].push_back(&s.add((1 + random() % 100) * 100 * us,
                                            random() % 2 ? (1 + random() % 100) * 100 * us : 0,
                                            static_cast<px::u16>(64 << random() % 5)));
            s.cap(budgets[d], domains[d], 1 + random() % static_cast<u32>(100 * domains[d].size()));
            watches.emplace_back(s, domains[d], budgets[d]);
        }
        s.add(1, 0);
        s.each_step = [&] {
            for (auto& watch : watches) watch.look();
        };
        s.wake_all();
        for (int round = 0; round < 20; ++round) {
            s.run(50 * ms);
            ASSERT_FALSE(HasFatalFailure()) << "seed " << seed;
            Task& task = *s.tasks[random() % s.tasks.size()];
            px::CpuMask hard;
            hard.set_word(0, random());
            hard.set(0); // at least one CPU that is there
            px::CpuMask all;
            all.set_first(px::max_cpus);
            s.fair.set_affinity(task.unit, hard, all, s.now);
        }
        for (auto& task : s.tasks) EXPECT_GT(task->ran, 0) << "seed " << seed;
    }
}

} // namespace
