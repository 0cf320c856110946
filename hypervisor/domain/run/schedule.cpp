// SPDX-License-Identifier: Apache-2.0
// The scheduler at work: vCPUs as units, the Schedule soft interrupt, slices by timer.
#include "domain/run/schedule.hpp"

#include "abi/sysctl.hpp"
#include "base/log.hpp"
#include "base/panic.hpp"
#include "boot/options.hpp"
#include "domain/domain.hpp"
#include "domain/run/idle.hpp"
#include "domain/time.hpp"
#include "machine/machine.hpp"
#include "memory/heap.hpp"
#include "schedule/fair.hpp"
#include "schedule/softirq.hpp"

namespace px::schedule {

/// A domain's cap: the budget of its vCPUs, and who fills it up.
struct Cap final : Budget {
    explicit Cap(Domain& of) : domain(of) {}
    Domain& domain;
    u16 percent = 0;
    Timer timer{&Cap::fill, this};

    static void fill(void* cap);
};

namespace {

Vcpu& vcpu_of(const Unit& unit) { return *static_cast<Vcpu*>(unit.owner); }

class VcpuHooks final : public Hooks {
  public:
    bool is_runnable(const Unit& unit) override { return vcpu_of(unit).is_runnable(); }
    void state_changed(Unit& unit, Unit::State state, Nanoseconds now) override {
        Vcpu& vcpu = vcpu_of(unit);
        abi::Runstate runstate = abi::Runstate::Runnable;
        if (state == Unit::State::Running) runstate = abi::Runstate::Running;
        if (state == Unit::State::Off)
            runstate = vcpu.flags.load(std::memory_order_relaxed) & vcpu_flag::blocked ? abi::Runstate::Blocked
                                                                                       : abi::Runstate::Offline;
        vcpu.set_runstate(static_cast<u32>(runstate), now);
    }
    void fill_at(Budget& budget, Nanoseconds when) override { static_cast<Cap&>(budget).timer.set(when); }
    void interrupt(u32 cpu) override { softirq::raise_on(CpuId(cpu), SoftIrq::Schedule); }
};

/// From the command line: the first values of what tools can change later.
constinit u32 first_rate_limit_us = 1000;

PX_OPTION(sched, "sched", [](std::string_view v) {
    if (v != "credit2")
        log::warning("parameter \"sched\": there is one scheduler, which tools know as credit2; \"{}\" has no effect",
                     v);
    return true;
});
PX_OPTION(sched_ratelimit_us, "sched_ratelimit_us", [](std::string_view v) {
    const auto us = options::number(v);
    if (!us || (*us != 0 && (*us < abi::sched_ratelimit_min_us || *us > abi::sched_ratelimit_max_us))) return false;
    first_rate_limit_us = static_cast<u32>(*us);
    return true;
});
PX_OPTION(credit2_cap_period_ms, "credit2_cap_period_ms", [](std::string_view v) {
    const auto ms = options::number(v);
    if (!ms || *ms < 1 || *ms > 1000) return false;
    Budget::period = static_cast<Nanoseconds>(*ms) * 1'000'000;
    return true;
});

VcpuHooks* hooks;
Fair* fair;
PX_PER_CPU PerCpu<Timer> slice_timer; // made by init_cpu
PX_PER_CPU PerCpu<Vcpu*> idle_vcpus;

void slice_is_over(void*) { softirq::raise(SoftIrq::Schedule); }

CpuMask online_part(const CpuMask& mask) {
    CpuMask online = mask;
    online &= machine::online_cpus();
    return online;
}

/// SoftIrq::Schedule. Does not return when another vCPU gets the CPU.
void reschedule() {
    const CpuId cpu = this_cpu();
    const Nanoseconds now = machine::now();
    Vcpu& previous = current();
    const Fair::Decision decision = fair->decide(cpu.raw(), now);
    if (decision.until == INT64_MAX) slice_timer.here().stop();
    else slice_timer.here().set(decision.until);
    Vcpu& next = decision.next ? vcpu_of(*decision.next) : *idle_vcpus.here();
    if (&next == &previous) return;

    if (next.is_idle()) next.set_runstate(static_cast<u32>(abi::Runstate::Running), now);
    else {
        next.singleshot.migrate(cpu);
        next.poll_timer.migrate(cpu);
        next.periodic.migrate(cpu);
    }
    if (previous.is_idle()) previous.set_runstate(static_cast<u32>(abi::Runstate::Runnable), now);
    else update_guest_areas(previous); // its memory is still reachable
    context_switch(previous, next);
}

/// Calls function(unit) for each vCPU that a domain has by now.
template <class F> void for_each_unit(Domain& domain, F function) {
    for (u32 i = 0; i < domain.max_vcpus; ++i) {
        // Acquire pairs with the release in create_vcpu(), which may come meanwhile.
        Vcpu* vcpu = std::atomic_ref<Vcpu*>(domain.vcpus[i]).load(std::memory_order_acquire);
        if (vcpu && vcpu->unit) function(*vcpu->unit);
    }
}

} // namespace

void Cap::fill(void* argument) {
    Cap& cap = *static_cast<Cap*>(argument);
    fair->replenish(cap, [&](auto function) { for_each_unit(cap.domain, function); }, machine::now());
}

void init() {
    hooks = make<VcpuHooks>();
    fair = hooks ? make<Fair>(*hooks) : nullptr;
    if (!fair) panic("no memory for the scheduler");
    set_rate_limit_us(first_rate_limit_us);
    timers::init();
    softirq::set_handler(SoftIrq::Schedule, reschedule);
    init_cpu(this_cpu());
}

void init_cpu(CpuId cpu) {
    if (idle_vcpus.on(cpu)) return;
    new (&slice_timer.on(cpu)) Timer(&slice_is_over, nullptr);
    slice_timer.on(cpu).migrate(cpu);
    Vcpu* idle = make_idle_vcpu(cpu);
    if (!idle || !fair->start_cpu(cpu.raw())) panic("no memory for CPU {}", cpu);
    idle_vcpus.on(cpu) = idle;
#ifdef PROXENOS_HYPERVISOR
    if (cpu == this_cpu() && !cpu_info().current) cpu_info().current = idle;
#endif
}

Vcpu& idle_vcpu(CpuId cpu) { return *idle_vcpus.on(cpu); }

u64 idle_time(CpuId cpu) {
    const Vcpu* idle = idle_vcpus.on(cpu);
    if (!idle) return 0;
    // Another CPU may be writing: each word is whole, and a small error in a statistic does no harm.
    const u64 so_far = idle->runstate.time[static_cast<int>(abi::Runstate::Running)];
    if (idle->runstate.state != static_cast<s32>(abi::Runstate::Running)) return so_far;
    const u64 since = idle->runstate.state_entry_time, now = static_cast<u64>(machine::now());
    return so_far + (now > since ? now - since : 0);
}

Result<> add_vcpu(Vcpu& vcpu) {
    Unit* unit = make<Unit>(&vcpu, vcpu.processor, vcpu.is_running);
    if (!unit) return fail(Error::NoMemory);
    unit->hard = online_part(vcpu.hard_affinity);
    if (!unit->hard.any()) unit->hard = machine::online_cpus();
    unit->soft = vcpu.soft_affinity;
    unit->weight = vcpu.domain.weight;
    if (Cap* cap = vcpu.domain.cap) {
        cap->count_unit();
        if (cap->percent != 0) unit->budget = cap;
    }
    vcpu.runstate.state = static_cast<s32>(abi::Runstate::Offline);
    vcpu.runstate.state_entry_time = static_cast<u64>(machine::now());
    fair->add(*unit);
    vcpu.unit = unit;
    return {};
}

void remove_vcpu(Vcpu& vcpu) {
    Unit* unit = vcpu.unit;
    vcpu.unit = nullptr;
    destroy(unit);
}

void update(Vcpu& vcpu) {
    if (vcpu.unit) fair->update(*vcpu.unit, machine::now());
}

void yield() {
    Vcpu& vcpu = current();
    if (vcpu.unit) fair->yield(*vcpu.unit);
}

Result<> set_affinity(Vcpu& vcpu, const CpuMask& hard, const CpuMask& soft) {
    const CpuMask usable = online_part(hard);
    if (!usable.any()) return fail(Error::Invalid);
    vcpu.hard_affinity = hard;
    vcpu.soft_affinity = soft;
    if (vcpu.unit) fair->set_affinity(*vcpu.unit, usable, soft, machine::now());
    return {};
}

void set_weight(Domain& domain, u16 weight) {
    domain.weight = weight;
    for_each_unit(domain, [&](Unit& unit) { fair->set_weight(unit, weight); });
}

Result<> set_cap(Domain& domain, u16 percent) {
    Cap* cap = domain.cap;
    if (percent == (cap ? cap->percent : 0)) return {};
    if (!cap) {
        u32 units = 0;
        for_each_unit(domain, [&](Unit&) { ++units; });
        cap = make<Cap>(domain);
        if (!cap) return fail(Error::NoMemory);
        for (; units != 0; --units) cap->count_unit();
        domain.cap = cap;
    }
    const bool was_capped = cap->percent != 0;
    cap->percent = percent;
    cap->set_percent(percent);
    if (was_capped && percent != 0) return {}; // from the next filling on
    const Nanoseconds now = machine::now();
    for_each_unit(domain, [&](Unit& unit) { fair->set_budget(unit, percent != 0 ? cap : nullptr, now); });
    if (percent != 0) Cap::fill(cap);
    return {};
}

u16 cap_of(const Domain& domain) { return domain.cap ? domain.cap->percent : 0; }

void free_cap(Domain& domain) {
    Cap* cap = domain.cap;
    domain.cap = nullptr;
    if (cap) destroy(cap);
}

void read_runstate(const Vcpu& vcpu, abi::VcpuRunstateInfo& out) {
    const auto copy = [&] {
        out = vcpu.runstate;
        const u64 now = static_cast<u64>(machine::now());
        if (now > out.state_entry_time && out.state >= 0 && out.state < 4)
            out.time[out.state] += now - out.state_entry_time;
    };
    if (vcpu.unit) fair->with_lock(*vcpu.unit, copy);
    else copy();
}

void switch_finished(Vcpu& previous) {
    if (!previous.is_idle() && previous.unit) fair->switched_out(*previous.unit, machine::now());
    Vcpu& now_current = current();
    if (now_current.is_idle()) return;
    refresh_time_info(now_current);
    update_guest_areas(now_current);
}

u32 rate_limit_us() { return static_cast<u32>(fair->parameters.rate_limit.load(std::memory_order_relaxed) / 1000); }
void set_rate_limit_us(u32 us) { fair->parameters.rate_limit.store(Nanoseconds{us} * 1000, std::memory_order_relaxed); }

} // namespace px::schedule
