// SPDX-License-Identifier: Apache-2.0
// System time from the TSC, or from the platform timer where TSCs differ: calibration, consistency, deadlines.
#include "x86/machine/clock/clock.hpp"

#include "base/lock.hpp"
#include "base/log.hpp"
#include "base/panic.hpp"
#include "boot/options.hpp"
#include "domain/time.hpp"
#include "machine/machine.hpp"
#include "x86/instructions.hpp"
#include "x86/machine/clock/clock_reference.hpp"
#include "x86/machine/clock/clock_scale.hpp"
#include "x86/machine/clock/rtc.hpp"
#include "x86/machine/clock/time_line.hpp"
#include "x86/machine/clock/watch.hpp"
#include "x86/machine/cpu/cpu_features.hpp"
#include "x86/machine/interrupt/apic.hpp"
#include "x86/machine/interrupt/apic_timer.hpp"

#include <algorithm>
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

struct {
    clock::CurrentLine line;
    clock::Reference reference; ///< constant after boot
    clock::ExtendedCount reference_count;
    u64 khz = 0; ///< of the TSC, as calibrated at boot; constant
    std::atomic<u64> wall_base{0};
    std::atomic<u32> scale_version{1};
} state;

u64 platform_count() { return state.reference_count.advance(state.reference.mask, state.reference.read); }

/// What a line counts, now.
u64 count_of(const clock::TimeLine& line) { return line.is_platform ? platform_count() : rdtsc_ordered(); }

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

namespace {

u64 tsc_hertz; ///< as calibrated
clock::Watch watch;

/// Nanoseconds that a new line begins above the old one. Also for guests, whose vCPUs learn of it within the time that
/// interrupts need to reach all CPUs: their rates differ by what a calibration may be wrong, so that they stay behind.
constexpr u64 line_gap = 200;

/// From now on system time is the platform timer's. Guests' time information is then written anew whenever a vCPU comes
/// to a CPU, and at each look.
void leave_tsc() {
    {
        const IrqOff off;
        const u64 now = state.line.get().at(rdtsc_ordered());
        state.line.replace({platform_count(), now + line_gap, clock::scale_of(state.reference.hertz), true});
    }
    state.scale_version.fetch_add(1, std::memory_order_release);
    log::warning("System time is the {}'s from now on", state.reference.name);
}

/// The TSC's rate is known better: time goes on from where it is, at that rate.
void correct_rate(u64 hertz) {
    {
        const IrqOff off;
        const u64 tsc = rdtsc_ordered();
        state.line.replace({tsc, state.line.get().at(tsc) + line_gap, clock::scale_of(hertz), false});
    }
    state.scale_version.fetch_add(1, std::memory_order_release);
    log::debug("TSC runs at {}.{:06} MHz by the {}", hertz / 1'000'000, hertz % 1'000'000, state.reference.name);
}

clock::Sighting see_both() {
    clock::Sighting best;
    u64 shortest = ~u64{0};
    const IrqOff off;
    for (int attempt = 0; attempt < 5; ++attempt) {
        const u64 before = rdtsc_ordered();
        const u64 ticks = platform_count();
        const u64 after = rdtsc_ordered();
        if (after - before >= shortest) continue;
        shortest = after - before;
        best = {before, after, ticks};
    }
    return best;
}

void refresh_here(void*) { refresh_time_info_here(); }

void on_watch(void*);
Timer watch_timer{&on_watch, nullptr};

/// A second, or less if the reference wraps so soon that it would be lost.
Nanoseconds watch_period() {
    constexpr Nanoseconds second = 1'000'000'000;
    const u64 quarter = clock::multiply_divide(state.reference.mask / 4, second, state.reference.hertz);
    return std::min<Nanoseconds>(second, static_cast<Nanoseconds>(quarter));
}

void judge_tsc() {
    switch (watch.look(see_both())) {
    case clock::Watch::Verdict::Good: return;
    case clock::Watch::Verdict::Corrected: correct_rate(watch.hertz()); break;
    case clock::Watch::Verdict::Unsteady:
        // The CPU says that its TSC is invariant: then it is the reference that one cannot trust.
        if (cpu_features.invariant_tsc) {
            log::warning("The {} and the TSC, which is invariant, disagree", state.reference.name);
            watch = clock::Watch(watch.hertz(), state.reference.hertz, see_both());
            return;
        }
        log::warning("The TSC changes its rate");
        leave_tsc();
        break;
    }
    machine::call_on(machine::online_cpus(), refresh_here, nullptr);
}

/// Boot CPU.
void on_watch(void*) {
    if (!machine::cycles_are_reliable()) {
        (void)platform_count();
        machine::call_on(machine::online_cpus(), refresh_here, nullptr);
    } else {
        judge_tsc();
    }
    watch_timer.set(machine::now() + watch_period());
}

} // namespace

void init_clocks() {
    const clock::Reference reference = state.reference = choose_reference();
    state.reference_count.begin(reference.read());
    log::info("Platform timer is {}.{:03}MHz {}", reference.hertz / 1'000'000, reference.hertz / 1000 % 1000,
              reference.name);
    const Frequencies f = calibrate(reference);
    if (f.tsc_hertz < 1'000'000) panic("clock: the TSC runs at {} Hz", f.tsc_hertz);
    state.khz = f.tsc_hertz / 1000;
    state.line.replace({rdtsc_ordered(), 0, clock::scale_of(f.tsc_hertz), false});
    tsc_hertz = f.tsc_hertz;
    apic::set_timer_frequency(f.apic_hertz / 1000, state.khz);
    apic::init_timer();
    if (apic::has_deadline_mode()) log::info("TSC deadline timer enabled");
    state.wall_base.store(rtc::read_epoch() * 1'000'000'000 - static_cast<u64>(machine::now()),
                          std::memory_order_relaxed);
    log::info("Detected {}.{:03} MHz processor.", state.khz / 1000, state.khz % 1000);
}

void check_clocks() {
    state.reference_count.begin(state.reference.read()); // nobody has looked for some time, and needed none
    for (u32 cpu = 1; cpu < max_cpus; ++cpu) {
        if (!machine::online_cpus().test(cpu)) continue;
        warp.last = 0;
        warp.arrived.store(0);
        CpuMask pair;
        pair.set(this_cpu().raw());
        pair.set(cpu);
        machine::call_on(pair, measure_warp, nullptr);
    }
    if (warp.worst != 0) {
        log::warning("TSCs of different CPUs differ by up to {} cycles", warp.worst);
        leave_tsc();
    }
    if (!cpu_features.invariant_tsc)
        log::info("The TSC is not invariant: it is compared with the {}", state.reference.name);
    watch = clock::Watch(tsc_hertz, state.reference.hertz, see_both());
    watch_timer.set(machine::now() + watch_period());
}

} // namespace x86

namespace machine {

using x86::state;

Nanoseconds now() { return static_cast<Nanoseconds>(state.line.now(&x86::count_of)); }
u64 cycles() { return x86::rdtsc_ordered(); }
u64 cycles_khz() { return state.khz; }
bool cycles_are_reliable() { return !state.line.get().is_platform; }
u32 time_scale_version() { return state.scale_version.load(std::memory_order_acquire); }

TimeScale time_scale() {
    const x86::clock::TimeLine line = state.line.get();
    if (!line.is_platform) return {line.start, line.base, line.scale.multiplier, line.scale.shift};
    // This CPU's TSC is good for the time until the next look.
    const IrqOff off;
    const u64 tsc = x86::rdtsc_ordered();
    const x86::clock::Scale scale = x86::clock::scale_of(x86::tsc_hertz);
    return {tsc, static_cast<u64>(now()), scale.multiplier, scale.shift};
}
u64 wall_clock_base() { return state.wall_base.load(std::memory_order_relaxed); }
void set_wall_clock_base(u64 nanoseconds) { state.wall_base.store(nanoseconds, std::memory_order_relaxed); }

void set_deadline(Nanoseconds when) {
    if (when == never) {
        x86::apic::stop_timer();
        return;
    }
    // Guests choose such times (SCHEDOP_poll): one may lie so long ago that the distance would come out as a wait.
    const Nanoseconds current = now();
    x86::apic::set_timer(when > current ? static_cast<u64>(when - current) : 0);
}

void halt() { x86::sti_hlt(); }

} // namespace machine
} // namespace px
