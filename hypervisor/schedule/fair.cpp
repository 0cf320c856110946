// SPDX-License-Identifier: Apache-2.0
// The fair scheduler's decisions: accounting, choosing, and what happens to the unit that gives way.
#include "schedule/fair.hpp"

#include "memory/heap.hpp"

namespace px::schedule {

Fair::UnitLock::UnitLock(Fair& fair, Unit& unit) {
    for (;;) {
        const u32 cpu = unit.cpu.load(std::memory_order_acquire);
        queue = fair.queues_[cpu];
        queue->lock.lock();
        // A unit changes its CPU only under the lock of its old queue. Acquire: it may have left and come back
        // meanwhile, and what was done to it elsewhere has to be seen here.
        if (unit.cpu.load(std::memory_order_acquire) == cpu) return;
        queue->lock.unlock();
    }
}

Fair::~Fair() {
    for (RunQueue* queue : queues_) destroy(queue);
}

Result<> Fair::start_cpu(u32 cpu) {
    if (queues_[cpu]) return {};
    queues_[cpu] = make<RunQueue>();
    if (!queues_[cpu]) return fail(Error::NoMemory);
    cpus_.set(cpu);
    if (cpu >= cpu_end_) cpu_end_ = cpu + 1;
    return {};
}

void Fair::publish(RunQueue& queue) {
    Unit* first = queue.waiting.front();
    if (first) queue.first_waiting.store(first->virtual_time, std::memory_order_relaxed);
    const Unit* lowest = first;
    if (queue.running && (!first || queue.running->virtual_time < first->virtual_time)) lowest = queue.running;
    if (lowest && lowest->virtual_time > queue.clock.load(std::memory_order_relaxed))
        queue.clock.store(lowest->virtual_time, std::memory_order_relaxed);
}

void Fair::insert(RunQueue& queue, Unit& unit) {
    Unit* position = queue.waiting.back();
    // From the back: who just ran belongs there. Equal times keep the order of arrival.
    while (position && position->virtual_time > unit.virtual_time) {
        ListLink<>* before = static_cast<ListLink<>&>(*position).previous;
        position = position == queue.waiting.front() ? nullptr : static_cast<Unit*>(before);
    }
    if (!position) queue.waiting.push_front(unit);
    else if (Unit* next = queue.waiting.next(*position)) queue.waiting.insert(*next, unit);
    else queue.waiting.push_back(unit);
    unit.state = Unit::State::Queued;
    // Sequentially consistent: pairs with the idle bit that a CPU sets before it looks at this count.
    queue.waiting_count.fetch_add(1);
    publish(queue);
}

void Fair::take_out(RunQueue& queue, Unit& unit) {
    List<Unit>::remove(unit);
    queue.waiting_count.fetch_sub(1);
    publish(queue);
}

/// Brings the running unit's account up to date.
void Fair::account(RunQueue& queue, Nanoseconds now) {
    const Nanoseconds ran = now - queue.accounted;
    if (ran <= 0) return;
    Unit& unit = *queue.running;
    unit.virtual_time = unit.virtual_time + ran * default_weight / unit.weight;
    if (unit.budget) unit.allowance -= ran;
    queue.accounted = now;
}

/// Accounts for the running unit; one that may not run any more leaves.
void Fair::settle(RunQueue& queue, Nanoseconds now) {
    Unit* unit = queue.running;
    if (!unit) return;
    account(queue, now);
    if (!hooks_.is_runnable(*unit)) {
        queue.running = nullptr;
        unit->state = Unit::State::Off;
        give_back(*unit);
        hooks_.state_changed(*unit, Unit::State::Off, now);
    } else if (unit->budget && !can_pay(*unit)) {
        queue.running = nullptr;
        park(*unit, now);
    }
    publish(queue);
}

/// The one that should run here, among the running and the waiting units.
Unit* Fair::candidate(RunQueue& queue, u32 cpu, Nanoseconds now) {
    Unit* waiting = queue.waiting.front();
    // Only a unit whose affinity was changed while it ran can be one that must not run here; it leaves in
    // switched_out().
    while (waiting && !waiting->hard.test(cpu)) waiting = queue.waiting.next(*waiting);
    Unit* running = queue.running;
    if (!running || !running->hard.test(cpu)) return waiting;
    if (!waiting) return running;
    if (running->yields) {
        if (running->virtual_time < waiting->virtual_time) running->virtual_time = waiting->virtual_time;
        return waiting;
    }
    const Nanoseconds ran = now - running->dispatched_at;
    if (ran < parameters.rate_limit.load(std::memory_order_relaxed)) return running;
    const Nanoseconds margin = ran < parameters.slice ? parameters.wake_margin : 0;
    return waiting->virtual_time + margin < running->virtual_time ? waiting : running;
}

/// Makes `next` the running unit and puts the former one back.
Fair::Decision Fair::dispatch(RunQueue& queue, Unit* next, Nanoseconds now) {
    Unit* former = queue.running;
    if (former) former->yields = false;
    if (former != next) {
        if (next) {
            take_out(queue, *next);
            next->state = Unit::State::Running;
            // A full barrier before the look for events on its way out: who has sent one meanwhile, and then looks
            // whether it runs, sees that it does and interrupts (Vcpu::kick), or the look sees the event.
            next->is_running.store(true, std::memory_order_seq_cst);
            hooks_.state_changed(*next, Unit::State::Running, now);
        }
        queue.running = next;
        queue.accounted = now;
        if (former) {
            insert(queue, *former);
            hooks_.state_changed(*former, Unit::State::Queued, now);
        }
    }
    if (next) queue.running_time.store(next->virtual_time, std::memory_order_relaxed);
    queue.is_busy.store(next != nullptr, std::memory_order_relaxed);
    publish(queue);
    if (!next) return {nullptr, INT64_MAX};

    const bool others_wait = !queue.waiting.empty();
    const Nanoseconds limit = parameters.rate_limit.load(std::memory_order_relaxed);
    // A new turn, whether for another unit or for the same one again.
    if (former != next || now - next->dispatched_at >= parameters.slice) next->dispatched_at = now;
    // Somebody behind it, who came within the rate limit, waits for twice that only, else for the slice. Two that wake
    // each other with each piece of work pass on more pieces at a time than if the limit's end were the moment.
    const bool is_held_back = others_wait && now - next->dispatched_at < limit &&
                              queue.waiting.front()->virtual_time + parameters.wake_margin < next->virtual_time;
    Nanoseconds until = now + parameters.lone_slice;
    if (others_wait) until = next->dispatched_at + (is_held_back ? 2 * limit : parameters.slice);
    if (next->budget) until = std::min(until, now + std::max(next->allowance, Budget::least_turn));
    return {next, until};
}

Fair::Decision Fair::decide(u32 cpu, Nanoseconds now) {
    RunQueue& queue = *queues_[cpu];
    Unit* moved = nullptr;
    CpuMask tried;
    for (;;) {
        u32 victim;
        {
            IrqGuard guard(queue.lock);
            settle(queue, now);
            if (moved) {
                arrive(queue, cpu, *moved, now, parameters.move_window);
                moved = nullptr;
                tried.set_first(max_cpus); // one is enough
            }
            Unit* best = candidate(queue, cpu, now);
            // The bit is set before the other queues are looked at: who queues there after that look sees it.
            if (best) idle_[cpu / 64].fetch_and(~(u64{1} << (cpu % 64)));
            else idle_[cpu / 64].fetch_or(u64{1} << (cpu % 64));
            victim = find_victim(cpu, best, tried);
            if (victim == no_cpu) return dispatch(queue, best, now);
            tried.set(victim);
            if (best) tried.set_first(max_cpus);
        }
        moved = take_from(victim, cpu);
    }
}

void Fair::switched_out(Unit& unit, Nanoseconds now) {
    u32 to = no_cpu, wake_up = no_cpu;
    {
        UnitLock held(*this, unit);
        // Release: whoever sees it false (sleep_sync, a thief under the lock) sees the saved registers.
        unit.is_running.store(false, std::memory_order_release);
        if (unit.state != Unit::State::Queued) return;
        if (!unit.hard.test(unit.cpu.load(std::memory_order_relaxed))) {
            take_out(*held.queue, unit);
            unit.state = Unit::State::Moving;
            to = choose_cpu(unit);
            unit.cpu.store(to, std::memory_order_release);
        } else {
            // No idle CPU could take it until now.
            wake_up = claim_idle(unit.hard);
        }
    }
    if (to != no_cpu) move(unit, to, now, parameters.move_window);
    if (wake_up != no_cpu) hooks_.interrupt(wake_up);
}

} // namespace px::schedule
