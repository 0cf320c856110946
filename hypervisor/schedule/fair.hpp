// SPDX-License-Identifier: Apache-2.0
// A fair scheduler: weighted virtual time on per-CPU run queues. Pure logic: time and vCPUs come from outside.
#pragma once

#include "base/bitmap.hpp"
#include "base/list.hpp"
#include "base/lock.hpp"
#include "base/result.hpp"
#include "schedule/budget.hpp"

#include <atomic>
#include <optional>

namespace px::schedule {

inline constexpr u16 default_weight = 256;
inline constexpr u32 no_cpu = ~0u;

/// A clock that only differences are taken of: at the smallest weight it comes round after some years of CPU time, and
/// then goes on as before. Two that are compared are never half of its range apart.
struct VirtualTime {
    u64 value = 0;

    friend constexpr Nanoseconds operator-(VirtualTime a, VirtualTime b) {
        return static_cast<Nanoseconds>(a.value - b.value);
    }
    friend constexpr VirtualTime operator+(VirtualTime t, Nanoseconds d) { return {t.value + static_cast<u64>(d)}; }
    friend constexpr VirtualTime operator-(VirtualTime t, Nanoseconds d) { return {t.value - static_cast<u64>(d)}; }
    friend constexpr bool operator<(VirtualTime a, VirtualTime b) { return a - b < 0; }
    friend constexpr bool operator>(VirtualTime a, VirtualTime b) { return b < a; }
};

/// Where clocks begin: so shortly before they come round that this is always tried.
inline constexpr VirtualTime first_virtual_time = VirtualTime{} - Nanoseconds{2'000'000'000};

/// What is scheduled: a vCPU, as the scheduler sees it. Fields other than the atomics: lock of the run queue of `cpu`.
struct Unit : ListLink<> {
    Unit(void* of, std::atomic<u32>& cpu_of, std::atomic<bool>& is_running_of)
        : owner(of), cpu(cpu_of), is_running(is_running_of) {}

    enum class State : u8 {
        Off,     ///< not runnable
        Queued,  ///< waits in the run queue of `cpu`
        Running, ///< chosen by `cpu`
        Moving,  ///< between two run queues, in none
        Parked,  ///< runnable, but its domain has used up its cap: waits in no queue for the next filling
    };

    void* const owner;
    std::atomic<u32>& cpu;         ///< whose run queue it belongs to
    std::atomic<bool>& is_running; ///< its registers are on `cpu`: from being chosen until switched_out()
    State state = State::Off;
    bool yields = false;
    u16 weight = default_weight;
    VirtualTime virtual_time;      ///< nanoseconds run, scaled by default_weight / weight
    Nanoseconds dispatched_at = 0; ///< start of the present slice
    CpuMask hard;                  ///< where it may run
    CpuMask soft;                  ///< where it prefers to run
    Budget* budget = nullptr;      ///< null: no cap. A waiting or running unit with one has an allowance
    Nanoseconds allowance = 0;     ///< of the budget, for itself alone; negative: it ran too long
};

/// What the scheduler needs of the rest. All but interrupt() are called with the unit's run-queue lock held.
class Hooks {
  public:
    virtual bool is_runnable(const Unit& unit) = 0;
    /// Also called again for a unit that stays Off: the reason may have changed.
    virtual void state_changed(Unit& unit, Unit::State state, Nanoseconds now) = 0;
    /// Fair::replenish(budget) shall be called at that time.
    virtual void fill_at(Budget& budget, Nanoseconds when) = 0;
    /// decide() shall be called soon on that CPU.
    virtual void interrupt(u32 cpu) = 0;

  protected:
    ~Hooks() = default;
};

/// Parameters, in nanoseconds.
struct FairParameters {
    Nanoseconds slice = 10'000'000;                 ///< a unit's turn while others wait
    Nanoseconds lone_slice = 50'000'000;            ///< a unit's turn while nobody waits: to look for imbalance then
    std::atomic<Nanoseconds> rate_limit{1'000'000}; ///< at least so long before preemption by a waking unit
    Nanoseconds wake_margin = 500'000;              ///< virtual time by which a waking unit must be behind to preempt
    Nanoseconds wake_credit = 10'000'000;           ///< virtual time that a sleeper may be behind when it wakes
    Nanoseconds steal_margin = 10'000'000;          ///< virtual time by which a unit waiting elsewhere must be behind
    Nanoseconds move_window = 200'000'000; ///< kept of the distance to the queue's clock when a unit changes its CPU
    Nanoseconds move_debt = 1'000'000'000;
};

/// The scheduler of a set of CPUs. Locks: one per run queue, never two at once; interrupts off inside.
class Fair {
  public:
    explicit Fair(Hooks& hooks) : hooks_(hooks) {}
    ~Fair();
    Fair(const Fair&) = delete;
    Fair& operator=(const Fair&) = delete;

    /// Makes a CPU's run queue; from then on units may be placed there. Errors: NoMemory.
    Result<> start_cpu(u32 cpu);
    /// Takes a new unit, state Off; its masks are set.
    void add(Unit& unit);
    /// The unit's reasons to run or not to run have changed: wakes it, or sees to it that it stops.
    void update(Unit& unit, Nanoseconds now);
    /// The running unit gives way to others once.
    void yield(Unit& unit);
    void set_affinity(Unit& unit, const CpuMask& hard, const CpuMask& soft, Nanoseconds now);
    void set_weight(Unit& unit, u16 weight);
    /// The unit runs on that budget from now on, null: without. replenish() is due after the budget's first unit.
    void set_budget(Unit& unit, Budget* budget, Nanoseconds now);
    /// Starts a period of a budget; each(function) calls function(unit) for all units that may have it. Time it takes:
    /// a lock for each unit. Asks for the next filling as long as a unit wants to run.
    template <class Each> void replenish(Budget& budget, Each each, Nanoseconds now) {
        budget.stop_ticking();
        budget.empty();
        Nanoseconds rest = budget.quota();
        bool is_active = false, is_parked = false;
        each([&](Unit& unit) {
            const Filled filled = fill(unit, budget, now);
            if (filled.is_active) rest -= budget.share();
            is_active |= filled.is_active;
            is_parked |= filled.is_parked;
        });
        if (rest > 0) budget.give(rest);
        if (is_parked) each([&](Unit& unit) { release_if_it_can_pay(unit, budget, now); });
        if (is_active && budget.quota() != 0 && budget.start_ticking()) hooks_.fill_at(budget, now + Budget::period);
    }

    struct Decision {
        Unit* next;        ///< null: nothing to run
        Nanoseconds until; ///< when to decide again at the latest; INT64_MAX: never
    };
    /// Chooses what runs on this CPU now. The former unit, if another, still counts as running until switched_out().
    Decision decide(u32 cpu, Nanoseconds now);
    /// A unit's registers have been saved: other CPUs may take it.
    void switched_out(Unit& unit, Nanoseconds now);

    /// Calls function(unit) with the unit's run-queue lock held.
    template <class F> void with_lock(Unit& unit, F function) {
        UnitLock lock(*this, unit);
        function();
    }
    [[nodiscard]] u32 waiting_on(u32 cpu) const { return queues_[cpu]->waiting_count.load(std::memory_order_relaxed); }
    FairParameters parameters;

  private:
    struct alignas(64) RunQueue { // 128 bytes: heap memory of that size is aligned to it
        SpinLock<LockRank::Run> lock;
        List<Unit> waiting; ///< by virtual time
        Unit* running = nullptr;
        Nanoseconds accounted = 0; ///< running's time is counted up to here
        // For other CPUs to look at without the lock: hints only, each acted on is checked under the lock.
        std::atomic<u32> waiting_count{0};
        std::atomic<bool> is_busy{false};                   ///< runs a unit
        std::atomic<VirtualTime> running_time;              ///< of that unit when it was chosen
        std::atomic<VirtualTime> first_waiting;             ///< of the first, while there is one
        std::atomic<VirtualTime> clock{first_virtual_time}; ///< never goes back: what a unit that starts here gets

        /// Empty: idle. A hint, as the two it is made of.
        [[nodiscard]] std::optional<VirtualTime> time_of_running() const {
            if (!is_busy.load(std::memory_order_relaxed)) return {};
            return running_time.load(std::memory_order_relaxed);
        }
    };
    static_assert(sizeof(RunQueue) == 128);
    /// Holds the lock of the queue that a unit belongs to.
    class UnitLock {
      public:
        UnitLock(Fair& fair, Unit& unit) PX_NO_THREAD_SAFETY;
        ~UnitLock() PX_NO_THREAD_SAFETY { queue->lock.unlock(); }
        UnitLock(const UnitLock&) = delete;
        UnitLock& operator=(const UnitLock&) = delete;

      private:
        IrqOff off_;

      public:
        RunQueue* queue;
    };
    /// CPUs whose waiting units are compared for fairness are those of one group of neighbours.
    static constexpr u32 group_size = 16;

    void insert(RunQueue& queue, Unit& unit);
    void take_out(RunQueue& queue, Unit& unit);
    void publish(RunQueue& queue);
    void account(RunQueue& queue, Nanoseconds now);
    void settle(RunQueue& queue, Nanoseconds now);
    Unit* candidate(RunQueue& queue, u32 cpu, Nanoseconds now);
    Decision dispatch(RunQueue& queue, Unit* next, Nanoseconds now);
    bool arrive(RunQueue& queue, u32 cpu, Unit& unit, Nanoseconds now, Nanoseconds credit);
    void move(Unit& unit, u32 to, Nanoseconds now, Nanoseconds credit);
    u32 depart(Unit& unit);

    struct Filled {
        bool is_active = false, is_parked = false;
    };
    bool can_pay(Unit& unit);
    void keep_filled(Unit& unit, Nanoseconds now);
    void park(Unit& unit, Nanoseconds now);
    Filled fill(Unit& unit, Budget& budget, Nanoseconds now);
    void release_if_it_can_pay(Unit& unit, Budget& budget, Nanoseconds now);
    /// What a unit has not used goes to the others of its domain.
    static void give_back(Unit& unit) {
        if (!unit.budget || unit.allowance <= 0) return;
        unit.budget->give(unit.allowance);
        unit.allowance = 0;
    }

    u32 choose_cpu(const Unit& unit);
    u32 claim_idle(const CpuMask& among);
    u32 find_victim(u32 cpu, const Unit* own, const CpuMask& tried);
    Unit* take_from(u32 victim, u32 cpu);
    [[nodiscard]] std::optional<VirtualTime> group_clock(u32 cpu) const;
    [[nodiscard]] bool is_idle(u32 cpu) const { return idle_[cpu / 64].load() >> (cpu % 64) & 1; }

    Hooks& hooks_;
    RunQueue* queues_[max_cpus] = {};
    CpuMask cpus_;
    u32 cpu_end_ = 0; ///< one past the highest started
    std::atomic<u64> idle_[max_cpus / 64] = {};
};

} // namespace px::schedule
