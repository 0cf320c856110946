// SPDX-License-Identifier: Apache-2.0
// The fair scheduler in simulated time: CPUs, and tasks that compute and sleep.
#pragma once

#include "fake_machine.hpp"
#include "schedule/fair.hpp"

#include <functional>
#include <map>
#include <memory>
#include <vector>

namespace simulation {

using px::Nanoseconds;
using px::u32;
using px::schedule::Budget;
using px::schedule::Fair;
using px::schedule::Unit;

constexpr Nanoseconds us = 1000, ms = 1'000'000, second = 1'000'000'000;

/// A vCPU that computes for `burst`, then sleeps for `pause`, again and again. pause 0: it never sleeps.
struct Task {
    std::atomic<u32> cpu{0};
    std::atomic<bool> is_running{false};
    Unit unit{this, cpu, is_running};
    Nanoseconds burst = 0, pause = 0;

    bool wants_to_run = false;
    Nanoseconds left = 0; ///< of the present burst
    Nanoseconds wakes_at = 0;
    Nanoseconds ran = 0;       ///< altogether
    Nanoseconds queued_at = 0; ///< since when it has waited
    Nanoseconds longest_wait = 0;
    std::vector<Nanoseconds> ran_on = std::vector<Nanoseconds>(64);
};

class Simulation : public px::schedule::Hooks {
  public:
    explicit Simulation(u32 cpu_count) : cpus_(cpu_count), fair(*this) {
        for (u32 i = 0; i < cpu_count; ++i) (void)fair.start_cpu(i);
    }

    Task& add(Nanoseconds burst, Nanoseconds pause, px::u16 weight = 256, std::initializer_list<u32> hard = {},
              std::initializer_list<u32> soft = {}) {
        Task& task = *tasks.emplace_back(std::make_unique<Task>());
        task.burst = task.left = burst;
        task.pause = pause;
        task.unit.weight = weight;
        set(task.unit.hard, hard);
        set(task.unit.soft, soft);
        task.cpu = static_cast<u32>(tasks.size() % cpus_.size());
        fair.add(task.unit);
        return task;
    }
    void wake(Task& task) {
        task.wants_to_run = true;
        fair.update(task.unit, now);
    }
    void wake_all() {
        for (auto& task : tasks) wake(*task);
    }
    /// Gives tasks a common cap from now on, in percent of one CPU; 0: none.
    void cap(Budget& budget, std::vector<Task*> of, u32 percent) {
        for (; budget.units() < of.size();) budget.count_unit();
        budget.set_percent(percent);
        for (Task* task : of) fair.set_budget(task->unit, percent ? &budget : nullptr, now);
        members_[&budget] = std::move(of);
        if (percent) fill(budget);
    }
    /// Runs for a span of time in small steps.
    void run(Nanoseconds span, Nanoseconds step = 100 * us) {
        for (const Nanoseconds end = now + span; now < end; now += step) {
            wake_sleepers();
            fill_budgets();
            for (u32 cpu = 0; cpu < cpus_.size(); ++cpu)
                if (cpus_[cpu].interrupted || now >= cpus_[cpu].until) decide(cpu);
            each_step();
            execute(step);
        }
    }

    bool is_runnable(const Unit& unit) override { return static_cast<Task*>(unit.owner)->wants_to_run; }
    void state_changed(Unit& unit, Unit::State state, Nanoseconds time) override {
        Task& task = *static_cast<Task*>(unit.owner);
        if (state == Unit::State::Queued) task.queued_at = time;
        if (state == Unit::State::Running) task.longest_wait = std::max(task.longest_wait, time - task.queued_at);
    }
    void fill_at(Budget& budget, Nanoseconds when) override { fillings_[&budget] = when; }
    void interrupt(u32 cpu) override { cpus_[cpu].interrupted = true; }

  private:
    struct Cpu {
        Task* current = nullptr;
        Nanoseconds until = INT64_MAX;
        Nanoseconds idle = 0;
        bool interrupted = false;
    };
    void set(px::CpuMask& mask, std::initializer_list<u32> bits) {
        if (bits.size() == 0) mask.set_first(px::max_cpus);
        for (u32 bit : bits) mask.set(bit);
    }
    void wake_sleepers() {
        for (auto& task : tasks)
            if (!task->wants_to_run && task->wakes_at != 0 && now >= task->wakes_at) {
                task->left = task->burst;
                task->wakes_at = 0;
                wake(*task);
            }
    }
    void fill(Budget& budget) {
        const auto each = [&](auto function) {
            for (Task* task : members_[&budget]) function(task->unit);
        };
        fair.replenish(budget, each, now);
        ++fillings;
    }
    void fill_budgets() {
        for (auto& [budget, when] : std::map(fillings_))
            if (now >= when) {
                fillings_.erase(budget);
                fill(*budget);
            }
    }
    void decide(u32 number) {
        Cpu& cpu = cpus_[number];
        cpu.interrupted = false;
        const Fair::Decision decision = fair.decide(number, now);
        Task* next = decision.next ? static_cast<Task*>(decision.next->owner) : nullptr;
        Task* former = cpu.current;
        cpu.current = next;
        cpu.until = decision.until;
        if (former && former != next) fair.switched_out(former->unit, now);
    }
    void execute(Nanoseconds step) {
        for (u32 number = 0; number < cpus_.size(); ++number) {
            Task* task = cpus_[number].current;
            if (!task) {
                cpus_[number].idle += step;
                continue;
            }
            task->ran += step;
            task->ran_on[number] += step;
            if (task->pause == 0 || (task->left -= step) > 0) continue;
            task->wants_to_run = false;
            task->wakes_at = now + step + task->pause;
            fair.update(task->unit, now + step);
        }
    }

    std::vector<Cpu> cpus_;
    std::map<Budget*, Nanoseconds> fillings_; ///< when they are due
    std::map<Budget*, std::vector<Task*>> members_;

  public:
    Fair fair;
    Nanoseconds now = 0;
    std::vector<std::unique_ptr<Task>> tasks;
    unsigned fillings = 0;
    std::function<void()> each_step = [] {};
    [[nodiscard]] Nanoseconds idle(u32 cpu) const { return cpus_[cpu].idle; }
    [[nodiscard]] Task* current(u32 cpu) const { return cpus_[cpu].current; }
};

} // namespace simulation
