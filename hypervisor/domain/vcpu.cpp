// SPDX-License-Identifier: Apache-2.0
// What every vCPU can do: run, wait, be paused, be told that it has events (tests/models/pause.pml).
#include "domain/vcpu.hpp"

#include "domain/domain.hpp"
#include "domain/event/channels.hpp"
#include "domain/run/schedule.hpp"
#include "machine/machine.hpp"
#include "schedule/softirq.hpp"

namespace px {

bool Vcpu::is_runnable() const {
    // The reasons are changed first and looked at again under the run-queue lock, by update(): no change gets lost.
    return (flags.load() & (vcpu_flag::down | vcpu_flag::blocked)) == 0 && pause_count.load() == 0 &&
           domain.pause_count.load() == 0;
}

void Vcpu::wake() { schedule::update(*this); }

void Vcpu::sleep_nosync() { schedule::update(*this); }

void Vcpu::sleep_sync() {
    sleep_nosync();
    // An interrupt that its CPU does not react to costs the waiting CPU time, and not the host that CPU.
    constexpr Nanoseconds patience = 1'000'000;
    Nanoseconds asked = 0;
    // Acquire pairs with the release store after its registers were saved.
    while (is_running.load(std::memory_order_acquire) && !is_runnable()) {
        detail::relax();
        const Nanoseconds now = machine::now();
        if (asked == 0) asked = now;
        if (now - asked < patience) continue;
        asked = now;
        softirq::raise_again(CpuId(processor.load(std::memory_order_relaxed)), SoftIrq::Schedule);
    }
}

void Vcpu::pause() {
    pause_count.fetch_add(1);
    sleep_sync();
}

void Vcpu::pause_nosync() {
    pause_count.fetch_add(1);
    sleep_nosync();
}

void Vcpu::unpause() {
    if (pause_count.fetch_sub(1) == 1) wake();
}

void Vcpu::block() {
    flags.fetch_or(vcpu_flag::blocked);
    // Only after the flag: an event that comes between is seen here, a later one unblocks.
    if (events_need_delivery()) unblock();
    else schedule::update(*this);
}

void Vcpu::unblock() {
    if ((flags.load() & vcpu_flag::blocked) == 0) return;
    poll_port.store(0, std::memory_order_relaxed);
    const u32 before = flags.fetch_and(~(vcpu_flag::blocked | vcpu_flag::polling));
    if (before & vcpu_flag::blocked) wake();
}

void Vcpu::kick() {
    unblock();
    // On this CPU the way back to the guest looks anyway; on another one the interrupt brings it to that way.
    if (is_running.load() && current_or_null() != this) machine::send_event_check(CpuId(processor.load()));
}

void Vcpu::mark_events_pending() {
    // Shared with the guest: set by one locked operation, so that exactly one of several senders kicks.
    if (std::atomic_ref<u8>(info->evtchn_upcall_pending).exchange(1) == 0) kick();
}

void Vcpu::set_runstate(u32 state, Nanoseconds now) {
    const u64 time = static_cast<u64>(now);
    if (static_cast<u32>(runstate.state) == state) return;
    if (time > runstate.state_entry_time) {
        runstate.time[runstate.state & 3] += time - runstate.state_entry_time;
        runstate.state_entry_time = time;
    }
    runstate.state = static_cast<s32>(state);
}

void Vcpu::get_runstate(abi::VcpuRunstateInfo& out) const { schedule::read_runstate(*this, out); }

void Vcpu::on_singleshot(void* vcpu) { send_guest_virq(*static_cast<Vcpu*>(vcpu), abi::Virq::Timer); }

void Vcpu::on_periodic(void* argument) {
    Vcpu& vcpu = *static_cast<Vcpu*>(argument);
    // Read once: another vCPU of the guest may stop it (period 0) at any time.
    const Nanoseconds period = vcpu.period.load(std::memory_order_relaxed);
    if (period == 0) return;
    send_guest_virq(vcpu, abi::Virq::Timer);
    const Nanoseconds now = machine::now();
    // Ticks that were missed are not made up for.
    Nanoseconds next = vcpu.periodic.expires() + period;
    if (next <= now) next = now + period - (now - next) % period;
    vcpu.periodic.set(next);
}

void Vcpu::on_poll_timeout(void* vcpu) { static_cast<Vcpu*>(vcpu)->unblock(); }

} // namespace px
