// SPDX-License-Identifier: Apache-2.0
// The fair scheduler's caps: units of a domain that share a budget, and are parked when it is used up.
#include "schedule/fair.hpp"

namespace px::schedule {

/// A unit with a budget may run now: it has an allowance, or gets some of the pool, its debt included.
bool Fair::can_pay(Unit& unit) {
    if (unit.allowance > 0) return true;
    unit.allowance += unit.budget->take(unit.budget->piece() - unit.allowance);
    return unit.allowance > 0;
}

/// Somebody wants to run on that budget: it has to be filled up again.
void Fair::keep_filled(Unit& unit, Nanoseconds now) {
    if (unit.budget->start_ticking()) hooks_.fill_at(*unit.budget, now + Budget::period);
}

void Fair::park(Unit& unit, Nanoseconds now) {
    unit.state = Unit::State::Parked;
    hooks_.state_changed(unit, Unit::State::Parked, now);
}

/// First half of the end of waiting for time or for a reason to run: where the unit goes, by move().
u32 Fair::depart(Unit& unit) {
    unit.state = Unit::State::Moving;
    const u32 cpu = unit.cpu.load(std::memory_order_relaxed);
    // Until its registers are saved it can only wait where they are.
    const u32 to = unit.is_running.load(std::memory_order_relaxed) ? cpu : choose_cpu(unit);
    unit.cpu.store(to, std::memory_order_release);
    return to;
}

void Fair::set_budget(Unit& unit, Budget* budget, Nanoseconds now) {
    u32 to = no_cpu, interrupt = no_cpu;
    {
        UnitLock held(*this, unit);
        if (unit.state == Unit::State::Running) {
            account(*held.queue, now); // what it ran so far is not the new budget's
            interrupt = unit.cpu.load(std::memory_order_relaxed);
        }
        unit.budget = budget;
        unit.allowance = 0;
        if (!budget && unit.state == Unit::State::Parked) to = depart(unit);
    }
    if (to != no_cpu) move(unit, to, now, parameters.wake_credit);
    if (interrupt != no_cpu) hooks_.interrupt(interrupt);
}

/// A filling, one unit's part. What it did not use of its allowance others may have in the coming period.
Fair::Filled Fair::fill(Unit& unit, Budget& budget, Nanoseconds now) {
    u32 to = no_cpu;
    {
        UnitLock held(*this, unit);
        if (unit.budget != &budget) return {};
        if (unit.state == Unit::State::Running) account(*held.queue, now);
        give_back(unit);
        if (unit.state == Unit::State::Off) return {};
        unit.allowance += budget.share();
        if (unit.state == Unit::State::Parked) {
            if (!can_pay(unit)) return {.is_active = true, .is_parked = true};
            to = depart(unit);
        }
    }
    if (to != no_cpu) move(unit, to, now, parameters.wake_credit);
    return {.is_active = true, .is_parked = false};
}

void Fair::release_if_it_can_pay(Unit& unit, Budget& budget, Nanoseconds now) {
    u32 to;
    {
        UnitLock held(*this, unit);
        if (unit.state != Unit::State::Parked || unit.budget != &budget || !can_pay(unit)) return;
        to = depart(unit);
    }
    move(unit, to, now, parameters.wake_credit);
}

} // namespace px::schedule
