// SPDX-License-Identifier: Apache-2.0
// The fair scheduler's placement: waking, moving between CPUs, stealing, affinity.
#include "schedule/fair.hpp"

namespace px::schedule {

void Fair::add(Unit& unit) {
    u32 cpu = unit.cpu.load(std::memory_order_relaxed);
    if (cpu >= cpu_end_ || !unit.hard.test(cpu)) cpu = unit.hard.find();
    if (cpu >= cpu_end_) cpu = cpus_.find();
    unit.cpu.store(cpu, std::memory_order_relaxed);
    unit.virtual_time = queues_[cpu]->clock.load(std::memory_order_relaxed);
}

/// Takes one idle CPU of the set for a unit that wakes, so that the next one to wake takes another. no_cpu: none is
/// idle.
u32 Fair::claim_idle(const CpuMask& among) {
    for (u32 w = 0; w * 64 < cpu_end_; ++w) {
        for (;;) {
            const u64 usable = idle_[w].load() & among.word(w);
            if (usable == 0) break;
            const unsigned bit = static_cast<unsigned>(std::countr_zero(usable));
            if (test_and_clear(idle_[w], bit)) return w * 64 + bit;
        }
    }
    return no_cpu;
}

/// Where a unit that is in no queue shall run.
u32 Fair::choose_cpu(const Unit& unit) {
    const u32 last = unit.cpu.load(std::memory_order_relaxed);
    CpuMask preferred = unit.hard;
    preferred &= unit.soft;
    if (!preferred.any()) preferred = unit.hard;
    if (preferred.test(last) && test_and_clear(idle_[last / 64], last % 64)) return last;
    if (const u32 cpu = claim_idle(preferred); cpu != no_cpu) return cpu;
    if (const u32 cpu = claim_idle(unit.hard); cpu != no_cpu) return cpu;
    // All are busy: where it was, unless a unit further ahead runs on a neighbour.
    const u32 start = last / group_size * group_size;
    u32 best = preferred.test(last) ? last : no_cpu;
    std::optional<VirtualTime> best_time = best == no_cpu ? std::nullopt : queues_[last]->time_of_running();
    for (u32 cpu = start; cpu < start + group_size && cpu < cpu_end_; ++cpu) {
        if (!cpus_.test(cpu) || !preferred.test(cpu)) continue;
        const std::optional<VirtualTime> time = queues_[cpu]->time_of_running();
        const bool is_further = time && (!best_time || *time > *best_time + parameters.steal_margin);
        if (best == no_cpu || is_further) {
            best = cpu;
            best_time = time;
        }
    }
    if (best != no_cpu) return best;
    best = preferred.find();
    if (best >= cpu_end_) best = unit.hard.find();
    return best < cpu_end_ ? best : cpus_.find();
}

/// Lowest clock of the busy neighbours: an idle CPU's own clock has stood still.
std::optional<VirtualTime> Fair::group_clock(u32 cpu) const {
    std::optional<VirtualTime> lowest;
    const u32 start = cpu / group_size * group_size;
    for (u32 other = start; other < start + group_size && other < cpu_end_; ++other) {
        if (!cpus_.test(other) || !queues_[other]->time_of_running()) continue;
        const VirtualTime clock = queues_[other]->clock.load(std::memory_order_relaxed);
        if (!lowest || clock < *lowest) lowest = clock;
    }
    return lowest;
}

/// Puts a unit that moved into the queue. True if the CPU shall decide anew.
bool Fair::arrive(RunQueue& queue, u32 cpu, Unit& unit, Nanoseconds now, Nanoseconds credit) {
    if (!hooks_.is_runnable(unit)) {
        unit.state = Unit::State::Off;
        give_back(unit);
        hooks_.state_changed(unit, Unit::State::Off, now);
        return true; // the CPU may have been claimed as idle for this unit: it has to say so again
    }
    if (unit.budget) {
        keep_filled(unit, now);
        if (!can_pay(unit)) {
            park(unit, now);
            return true;
        }
    }
    if (!queue.running && queue.waiting.empty()) {
        const std::optional<VirtualTime> others = group_clock(cpu);
        if (others && *others > queue.clock.load(std::memory_order_relaxed))
            queue.clock.store(*others, std::memory_order_relaxed);
    }
    const VirtualTime clock = queue.clock.load(std::memory_order_relaxed);
    if (unit.virtual_time < clock - credit) unit.virtual_time = clock - credit;
    if (unit.virtual_time > clock + parameters.move_debt) unit.virtual_time = clock + parameters.move_debt;
    const bool was_empty = queue.waiting.empty();
    insert(queue, unit);
    hooks_.state_changed(unit, Unit::State::Queued, now);
    const Unit* running = queue.running;
    if (!running || was_empty) return true; // idle, or on a slice for lone ones
    const VirtualTime running_time = running->virtual_time + (now - queue.accounted) * default_weight / running->weight;
    return unit.virtual_time + parameters.wake_margin < running_time;
}

/// Second half of a move: the unit is Moving and its cpu is `to` already.
void Fair::move(Unit& unit, u32 to, Nanoseconds now, Nanoseconds credit) {
    RunQueue& queue = *queues_[to];
    bool decide_anew, has_to_wait;
    u32 helper = no_cpu;
    {
        IrqGuard guard(queue.lock);
        decide_anew = arrive(queue, to, unit, now, credit);
        has_to_wait = unit.state == Unit::State::Queued && queue.running != nullptr;
        // An idle CPU that began to look for work before this unit was queued did not see it.
        if (has_to_wait && !unit.is_running.load(std::memory_order_relaxed)) helper = claim_idle(unit.hard);
    }
    if (helper != no_cpu) hooks_.interrupt(helper);
    else if (decide_anew) hooks_.interrupt(to);
}

void Fair::update(Unit& unit, Nanoseconds now) {
    u32 to, interrupt = no_cpu;
    {
        UnitLock held(*this, unit);
        const bool is_runnable = hooks_.is_runnable(unit);
        const u32 cpu = unit.cpu.load(std::memory_order_relaxed);
        to = no_cpu;
        switch (unit.state) {
        case Unit::State::Off:
            if (!is_runnable) {
                hooks_.state_changed(unit, Unit::State::Off, now);
                break;
            }
            to = depart(unit);
            break;
        case Unit::State::Queued:
        case Unit::State::Parked:
            if (is_runnable) break;
            if (unit.state == Unit::State::Queued) take_out(*held.queue, unit);
            unit.state = Unit::State::Off;
            give_back(unit);
            hooks_.state_changed(unit, Unit::State::Off, now);
            break;
        case Unit::State::Running:
            if (!is_runnable) interrupt = cpu;
            break;
        case Unit::State::Moving: break; // looked at on arrival
        }
    }
    if (to != no_cpu) move(unit, to, now, parameters.wake_credit);
    if (interrupt != no_cpu) hooks_.interrupt(interrupt);
}

void Fair::yield(Unit& unit) {
    u32 cpu;
    {
        UnitLock held(*this, unit);
        if (unit.state != Unit::State::Running || held.queue->waiting.empty()) return;
        unit.yields = true;
        cpu = unit.cpu.load(std::memory_order_relaxed);
    }
    hooks_.interrupt(cpu);
}

void Fair::set_affinity(Unit& unit, const CpuMask& hard, const CpuMask& soft, Nanoseconds now) {
    u32 to = no_cpu, interrupt = no_cpu;
    {
        UnitLock held(*this, unit);
        unit.hard = hard;
        unit.soft = soft;
        const u32 cpu = unit.cpu.load(std::memory_order_relaxed);
        if (hard.test(cpu)) return;
        if (unit.state == Unit::State::Running) interrupt = cpu;
        if (unit.state == Unit::State::Queued && !unit.is_running.load(std::memory_order_relaxed)) {
            take_out(*held.queue, unit);
            unit.state = Unit::State::Moving;
            to = choose_cpu(unit);
            unit.cpu.store(to, std::memory_order_release);
        }
    }
    if (to != no_cpu) move(unit, to, now, parameters.move_window);
    if (interrupt != no_cpu) hooks_.interrupt(interrupt);
}

void Fair::set_weight(Unit& unit, u16 weight) {
    UnitLock held(*this, unit);
    unit.weight = weight ? weight : 1;
}

/// A CPU with a waiting unit that should rather run here; hints only. An idle CPU looks at all others, nearest first; a
/// busy one at its group, for units that are behind its own.
u32 Fair::find_victim(u32 cpu, const Unit* own, const CpuMask& tried) {
    if (!own) {
        for (u32 i = 1; i < cpu_end_; ++i) {
            const u32 other = (cpu + i) % cpu_end_;
            if (cpus_.test(other) && !tried.test(other) && queues_[other]->waiting_count.load() != 0) return other;
        }
        return no_cpu;
    }
    u32 best = no_cpu;
    VirtualTime lowest = own->virtual_time - parameters.steal_margin;
    const u32 start = cpu / group_size * group_size;
    for (u32 other = start; other < start + group_size && other < cpu_end_; ++other) {
        if (other == cpu || !cpus_.test(other) || tried.test(other)) continue;
        // A count and a time of different moments: a hint, as all that is looked at from here.
        if (queues_[other]->waiting_count.load(std::memory_order_relaxed) == 0) continue;
        const VirtualTime time = queues_[other]->first_waiting.load(std::memory_order_relaxed);
        if (time < lowest) {
            lowest = time;
            best = other;
        }
    }
    return best;
}

/// Takes the first unit of another queue that may run here, by preference one that likes to. Null if there is none.
Unit* Fair::take_from(u32 victim, u32 cpu) {
    RunQueue& queue = *queues_[victim];
    IrqGuard guard(queue.lock);
    Unit* chosen = nullptr;
    for (Unit& unit : queue.waiting) {
        if (!unit.hard.test(cpu) || unit.is_running.load(std::memory_order_acquire)) continue;
        if (!chosen) chosen = &unit;
        if (unit.soft.test(cpu)) {
            chosen = &unit;
            break;
        }
    }
    if (!chosen) return nullptr;
    take_out(queue, *chosen);
    chosen->state = Unit::State::Moving;
    chosen->cpu.store(cpu, std::memory_order_release);
    return chosen;
}

} // namespace px::schedule
