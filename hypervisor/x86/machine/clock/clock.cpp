// SPDX-License-Identifier: Apache-2.0
// System time from the TSC: calibration, scale, consistency between CPUs, deadlines.
#include "x86/machine/clock/clock.hpp"

#include "base/lock.hpp"
#include "base/log.hpp"
#include "base/panic.hpp"
#include "domain/machine.hpp"
#include "start/options.hpp"
#include "start/parts.hpp"
#include "x86/instructions.hpp"
#include "x86/machine/clock/clock_reference.hpp"
#include "x86/machine/clock/clock_scale.hpp"
#include "x86/machine/clock/rtc.hpp"
#include "x86/machine/interrupt/apic.hpp"
#include "x86/machine/interrupt/apic_timer.hpp"

#include <atomic>
#include <string_view>

namespace px {
namespace x86 {
namespace {

constexpr Nanoseconds calibration_time = 10'000'000;

enum class Source : u8 { Automatic, Hpet, PmTimer, Pit };
Source wanted = Source::Automatic;

bool parse_clocksource(std::string_view value) {
    if (value == "hpet") wanted = Source::Hpet;
    else if (value == "acpi") wanted = Source::PmTimer;
    else if (value == "pit") wanted = Source::Pit;
    else if (value == "tsc") wanted = Source::Automatic; // system time is the TSC's in any case
    else return false;
    return true;
}
PX_OPTION(clocksource, "clocksource", parse_clocksource);

/// Constant after boot but for the wall clock and is_reliable.
struct {
    clock::Scale scale;
    u64 base_tsc = 0;
    u64 khz = 0;
    std::atomic<u64> wall_base{0};
    std::atomic<bool> is_reliable{true};
} state;

clock::Reference choose_reference() {
    clock::Reference r;
    if (wanted == Source::Automatic || wanted == Source::Hpet) r = clock::start_hpet();
    if (!r.name && (wanted == Source::Automatic || wanted == Source::PmTimer)) r = clock::start_pm_timer();
    if (!r.name) r = clock::start_pit();
    return r;
}

struct Sample {
    u64 tsc, reference;
    u32 apic;
};

/// Reads all counters at one moment: the attempt that took least.
Sample take_sample(const clock::Reference& reference) {
    Sample best{};
    u64 shortest = ~u64{0};
    for (int attempt = 0; attempt < 5; ++attempt) {
        const u64 before = rdtsc_ordered();
        const u64 ticks = reference.read();
        const u64 after = rdtsc_ordered();
        const u32 apic = apic::timer_count();
        if (after - before >= shortest) continue;
        shortest = after - before;
        best = {before + (after - before) / 2, ticks, apic};
    }
    return best;
}

struct Frequencies {
    u64 tsc_hertz, apic_hertz;
};

Frequencies calibrate(const clock::Reference& reference) {
    const IrqOff off;
    apic::timer_start_counting();
    const u64 window = reference.hertz * (calibration_time / 1'000'000) / 1000;
    const Sample first = take_sample(reference);
    u64 polls = 0;
    while (((reference.read() - first.reference) & reference.mask) < window)
        if (++polls == 100'000'000) panic("clock: the {} does not count", reference.name);
    const Sample last = take_sample(reference);
    const u64 ticks = (last.reference - first.reference) & reference.mask;
    return {clock::frequency(last.tsc - first.tsc, ticks, reference.hertz),
            clock::frequency(first.apic - last.apic, ticks, reference.hertz)};
}

// -- TSCs in step --

struct {
    SpinLock<LockRank::Machine> lock;
    u64 last = 0;
    u64 worst = 0;
    std::atomic<u32> arrived{0};
} warp;

/// Two CPUs take turns in reading their TSC under a lock: a value below the other's last one shows a difference.
void measure_warp(void*) {
    constexpr unsigned rounds = 1000;
    constexpr u64 longest_wait = 1'000'000'000; // cycles
    warp.arrived.fetch_add(1);
    const u64 start = rdtsc();
    while (warp.arrived.load() < 2 && rdtsc() - start < longest_wait) pause();
    for (unsigned i = 0; i < rounds; ++i) {
        Guard guard(warp.lock);
        const u64 now = rdtsc_ordered();
        if (now < warp.last && warp.last - now > warp.worst) warp.worst = warp.last - now;
        warp.last = now;
    }
}

} // namespace

void init_clocks() {
    const clock::Reference reference = choose_reference();
    log::info("Platform timer is {}.{:03}MHz {}", reference.hertz / 1'000'000, reference.hertz / 1000 % 1000,
              reference.name);
    const Frequencies f = calibrate(reference);
    if (f.tsc_hertz < 1'000'000) panic("clock: the TSC runs at {} Hz", f.tsc_hertz);
    state.khz = f.tsc_hertz / 1000;
    state.base_tsc = rdtsc_ordered();
    state.scale = clock::scale_of(f.tsc_hertz);
    apic::set_timer_frequency(f.apic_hertz / 1000, state.khz);
    apic::init_timer();
    if (apic::has_deadline_mode()) log::info("TSC deadline timer enabled");
    state.wall_base.store(rtc::read_epoch() * 1'000'000'000 - static_cast<u64>(machine::now()),
                          std::memory_order_relaxed);
    log::info("Detected {}.{:03} MHz processor.", state.khz / 1000, state.khz % 1000);
}

void check_clocks() {
    for (u32 cpu = 1; cpu < max_cpus; ++cpu) {
        if (!machine::online_cpus().test(cpu)) continue;
        warp.last = 0;
        warp.arrived.store(0);
        CpuMask pair;
        pair.set(this_cpu().raw());
        pair.set(cpu);
        machine::call_on(pair, measure_warp, nullptr);
    }
    if (warp.worst == 0) return;
    state.is_reliable.store(false, std::memory_order_relaxed);
    log::warning("TSCs of different CPUs differ by up to {} cycles", warp.worst);
}

} // namespace x86

namespace machine {

using x86::state;

Nanoseconds now() { return static_cast<Nanoseconds>(state.scale.nanoseconds(x86::rdtsc_ordered() - state.base_tsc)); }
u64 cycles() { return x86::rdtsc_ordered(); }
u64 cycles_khz() { return state.khz; }
TimeScale time_scale() { return {state.base_tsc, 0, state.scale.multiplier, state.scale.shift}; }
bool cycles_are_reliable() { return state.is_reliable.load(std::memory_order_relaxed); }
u64 wall_clock_base() { return state.wall_base.load(std::memory_order_relaxed); }
void set_wall_clock_base(u64 nanoseconds) { state.wall_base.store(nanoseconds, std::memory_order_relaxed); }

void set_deadline(Nanoseconds when) {
    if (when == never) {
        x86::apic::stop_timer();
        return;
    }
    const Nanoseconds wait = when - now();
    x86::apic::set_timer(wait > 0 ? static_cast<u64>(wait) : 0);
}

void halt() { x86::sti_hlt(); }

} // namespace machine
} // namespace px
