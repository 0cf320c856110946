// SPDX-License-Identifier: Apache-2.0
// The fair scheduler with threads as CPUs: for ThreadSanitizer, and for units that get lost between the queues.
#include "fake_machine.hpp"
#include "schedule/fair.hpp"

#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <random>
#include <thread>

using namespace px;
using schedule::Budget;
using schedule::Fair;
using schedule::Unit;

namespace {

constexpr u32 cpus = 4, units_each = 3, domains = 3;

struct Task {
    std::atomic<u32> cpu{0};
    std::atomic<bool> is_running{false};
    std::atomic<bool> wants_to_run{false};
    Unit unit{this, cpu, is_running};
    std::size_t number = 0;
    std::atomic<u32> runs_on{0}; ///< on how many CPUs at once
};

class World final : public schedule::Hooks {
  public:
    bool is_runnable(const Unit& unit) override { return static_cast<Task*>(unit.owner)->wants_to_run.load(); }
    void state_changed(Unit&, Unit::State, Nanoseconds) override {}
    void fill_at(Budget& budget, Nanoseconds when) override { due[index_of(budget)].store(when); }
    void interrupt(u32 cpu) override { interrupted[cpu].store(true); }

    std::size_t index_of(const Budget& budget) const {
        std::size_t i = 0;
        while (&budgets[i] != &budget) ++i;
        return i;
    }
    void replenish(std::size_t domain) {
        fair.replenish(
            budgets[domain],
            [&](auto function) {
                for (u32 i = 0; i < units_each; ++i) function(tasks[domain * units_each + i].unit);
            },
            clock.load());
    }

    std::array<Budget, domains> budgets;
    std::array<std::atomic<Nanoseconds>, domains> due{};
    std::array<std::atomic<bool>, cpus> interrupted{};
    std::atomic<Nanoseconds> clock{1};
    std::deque<Task> tasks;
    Fair fair{*this};
};

/// One CPU: decides, "runs" for a while, and does to others what guests and tools do.
void cpu_loop(World& w, u32 cpu, int rounds, std::atomic<bool>& failed) {
    fake_cpu = cpu;
    std::mt19937 random(cpu);
    Task* current = nullptr;
    const auto decide = [&] {
        w.interrupted[cpu].store(false);
        Unit* next = w.fair.decide(cpu, w.clock.load()).next;
        Task* task = next ? static_cast<Task*>(next->owner) : nullptr;
        if (task == current) return;
        if (current) {
            current->runs_on.fetch_sub(1);
            w.fair.switched_out(current->unit, w.clock.load());
        }
        current = task;
        if (task && task->runs_on.fetch_add(1) != 0) failed = true;
    };
    for (int i = 0; i < rounds; ++i) {
        const Nanoseconds now = w.clock.fetch_add(50'000) + 50'000;
        for (std::size_t d = 0; d < domains; ++d) {
            Nanoseconds when = w.due[d].load();
            if (when != 0 && when <= now && w.due[d].compare_exchange_strong(when, 0)) w.replenish(d);
        }
        if (w.interrupted[cpu].load() || i % 4 == 0) decide();
        Task& other = w.tasks[random() % w.tasks.size()];
        switch (random() % 8) {
        case 0:
        case 1:
            other.wants_to_run = random() % 4 != 0;
            w.fair.update(other.unit, now);
            break;
        case 2: {
            CpuMask hard, all;
            hard.set_word(0, 1 + random() % 15);
            all.set_first(max_cpus);
            w.fair.set_affinity(other.unit, hard, all, now);
            break;
        }
        case 3: w.budgets[random() % domains].set_percent(1 + random() % 200); break;
        case 4: {
            const std::size_t domain = other.number / units_each;
            w.fair.set_budget(other.unit, random() % 3 ? &w.budgets[domain] : nullptr, now);
            w.replenish(domain);
            break;
        }
        default: break;
        }
    }
    // It leaves its CPU with nothing on it.
    while (current) {
        current->wants_to_run = false;
        w.fair.update(current->unit, w.clock.load());
        decide();
    }
}

TEST(FairThreads, NothingRunsTwiceAndNothingGetsLost) {
    World w;
    for (u32 cpu = 0; cpu < cpus; ++cpu) ASSERT_TRUE(w.fair.start_cpu(cpu));
    for (u32 i = 0; i < domains * units_each; ++i) {
        Task& task = w.tasks.emplace_back();
        task.number = i;
        task.unit.hard.set_first(max_cpus);
        task.unit.soft.set_first(max_cpus);
        task.unit.budget = &w.budgets[i / units_each];
        w.budgets[i / units_each].count_unit();
        w.budgets[i / units_each].set_percent(50);
        w.fair.add(task.unit);
        task.wants_to_run = true;
        w.fair.update(task.unit, 1);
    }
    std::atomic<bool> failed{false};
    std::vector<std::thread> threads;
    for (u32 cpu = 0; cpu < cpus; ++cpu) threads.emplace_back([&, cpu] { cpu_loop(w, cpu, 4000, failed); });
    for (auto& thread : threads) thread.join();
    EXPECT_FALSE(failed.load()) << "a unit ran on two CPUs at once";

    // All want to run and may run anywhere: everyone gets a turn, caps or not.
    fake_cpu = 0;
    CpuMask all;
    all.set_first(max_cpus);
    for (Task& task : w.tasks) {
        task.wants_to_run = true;
        w.fair.set_affinity(task.unit, all, all, w.clock);
        w.fair.update(task.unit, w.clock);
    }
    for (std::size_t d = 0; d < domains; ++d) w.budgets[d].set_percent(10);
    std::array<Task*, cpus> current{};
    std::array<bool, domains * units_each> has_run{};
    for (int step = 0; step < 40'000; ++step) {
        const Nanoseconds now = w.clock.fetch_add(100'000) + 100'000;
        for (std::size_t d = 0; d < domains; ++d)
            if (const Nanoseconds when = w.due[d].load(); when != 0 && when <= now) {
                w.due[d] = 0;
                w.replenish(d);
            }
        for (u32 cpu = 0; cpu < cpus; ++cpu) {
            Unit* next = w.fair.decide(cpu, now).next;
            Task* task = next ? static_cast<Task*>(next->owner) : nullptr;
            if (current[cpu] && current[cpu] != task) w.fair.switched_out(current[cpu]->unit, now);
            current[cpu] = task;
            if (task) has_run[task->number] = true;
        }
    }
    for (std::size_t i = 0; i < has_run.size(); ++i) EXPECT_TRUE(has_run[i]) << "unit " << i;
}

} // namespace
