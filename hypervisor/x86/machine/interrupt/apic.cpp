// SPDX-License-Identifier: Apache-2.0
// The local APIC: modes, interprocessor interrupts and the one-shot timer (SDM volume 3, chapter 11).
#include "x86/machine/interrupt/apic.hpp"

#include "base/lock.hpp"
#include "base/log.hpp"
#include "base/percpu.hpp"
#include "boot/options.hpp"
#include "x86/instructions.hpp"
#include "x86/machine/firmware/acpi.hpp"
#include "x86/machine/interrupt/apic_timer.hpp"
#include "x86/machine/paging/paging.hpp"

#include <limits>

namespace px::x86::apic {
namespace {

constexpr u64 base_enabled = 1 << 11, base_x2apic = 1 << 10;

/// Register offsets in the xAPIC page; divided by 16 they are the x2APIC's MSR numbers.
enum class Register : u32 {
    Id = 0x20,
    TaskPriority = 0x80,
    EndOfInterrupt = 0xb0,
    LogicalDestination = 0xd0,
    SpuriousVector = 0xf0,
    ErrorStatus = 0x280,
    LvtCmci = 0x2f0,
    CommandLow = 0x300,
    CommandHigh = 0x310,
    LvtTimer = 0x320,
    LvtThermal = 0x330,
    LvtPerformance = 0x340,
    LvtLint0 = 0x350,
    LvtLint1 = 0x360,
    LvtError = 0x370,
    TimerInitialCount = 0x380,
    TimerCurrentCount = 0x390,
    TimerDivide = 0x3e0,
    SelfIpi = 0x3f0, // x2APIC only
};

constexpr u32 lvt_masked = 1 << 16, lvt_nmi = 4 << 8, lvt_tsc_deadline = 2 << 17;
constexpr u32 software_enable = 1 << 8;
constexpr u32 command_busy = 1 << 12, level_assert = 1 << 14, trigger_level = 1 << 15;
constexpr u32 shorthand_self = 1 << 18;
constexpr u32 mode_nmi = 4 << 8, mode_init = 5 << 8, mode_startup = 6 << 8;
constexpr u32 divide_by_1 = 0xb;

struct {
    volatile u32* registers = nullptr;
    bool is_x2apic = false;
    bool has_deadline_mode = false;
    bool may_use_x2apic = true;
    bool is_timer_known = false;
    TickScale timer; ///< nanoseconds to APIC timer ticks
    TickScale tsc;   ///< nanoseconds to TSC ticks
    u32 ids[max_cpus];
} state;

bool parse_x2apic(std::string_view value) {
    const auto wanted = options::boolean(value);
    if (wanted) state.may_use_x2apic = *wanted;
    return wanted.has_value();
}
PX_OPTION(x2apic, "x2apic", parse_x2apic);

u32 read(Register r) {
    const u32 offset = static_cast<u32>(r);
    return state.is_x2apic ? static_cast<u32>(rdmsr(Msr::X2Apic + offset / 16)) : state.registers[offset / 4];
}
void write(Register r, u32 value) {
    const u32 offset = static_cast<u32>(r);
    if (state.is_x2apic) wrmsr(Msr::X2Apic + offset / 16, value);
    else state.registers[offset / 4] = value;
}

/// Writes the interrupt command register. Interrupts off: the two halves of the xAPIC's register belong together.
void command(u32 destination, u32 low) {
    const IrqOff off;
    if (state.is_x2apic) {
        mfence(); // WRMSR to the x2APIC is not serialising: what the target is to see comes first
        wrmsr(Msr::X2Apic + static_cast<u32>(Register::CommandLow) / 16, u64{destination} << 32 | low);
        return;
    }
    while (read(Register::CommandLow) & command_busy) pause();
    write(Register::CommandHigh, destination << 24);
    write(Register::CommandLow, low);
}

void wait_for_delivery() {
    if (state.is_x2apic) return;
    for (unsigned i = 0; i < 1'000'000 && read(Register::CommandLow) & command_busy; ++i) pause();
}

} // namespace

void init() {
    const CpuidResult features = cpuid(1);
    const u64 base = rdmsr(Msr::ApicBase);
    const bool firmware_uses_x2apic = (base & base_x2apic) != 0;
    const bool has_x2apic = features.has(leaf_1c::x2apic);
    state.has_deadline_mode = features.has(leaf_1c::tsc_deadline);
    state.is_x2apic = has_x2apic && (state.may_use_x2apic || firmware_uses_x2apic);
    if (!state.is_x2apic)
        state.registers = static_cast<volatile u32*>(map_device(acpi::local_apic_address(), page_size));
    init_cpu();
    log::info("Using APIC driver {}", state.is_x2apic ? "x2apic" : "default");
}

void init_cpu() {
    u64 base = rdmsr(Msr::ApicBase) | base_enabled;
    if (state.is_x2apic) {
        wrmsr(Msr::ApicBase, base); // from off to x2APIC there is no direct way
        base |= base_x2apic;
    }
    wrmsr(Msr::ApicBase, base);
    write(Register::TaskPriority, 0);
    // Firmware may have left interrupts in service that nobody will end.
    for (unsigned i = 0; i < 256; ++i) {
        bool any = false;
        for (u32 word = 0; word < 8; ++word) any |= read(static_cast<Register>(0x100 + word * 16)) != 0;
        if (!any) break;
        write(Register::EndOfInterrupt, 0);
    }
    write(Register::LvtTimer, lvt_masked | vector::timer);
    write(Register::LvtPerformance, lvt_masked);
    write(Register::LvtLint0, lvt_masked); // the PICs are masked: no external interrupts
    write(Register::LvtLint1, lvt_nmi | (this_cpu() == CpuId(0) ? 0 : lvt_masked));
    write(Register::LvtError, vector::error);
    write(Register::SpuriousVector, software_enable | vector::spurious);
    write(Register::ErrorStatus, 0);
    if (!state.is_x2apic) write(Register::ErrorStatus, 0);
    write(Register::TimerDivide, divide_by_1);
    state.ids[this_cpu().raw()] = own_id();
    if (state.is_timer_known) init_timer();
}

u32 own_id() { return state.is_x2apic ? read(Register::Id) : read(Register::Id) >> 24; }
u32 id_of(CpuId cpu) { return state.ids[cpu.raw()]; }
void set_id_of(CpuId cpu, u32 apic_id) { state.ids[cpu.raw()] = apic_id; }
bool is_x2apic() { return state.is_x2apic; }

void end_of_interrupt() { write(Register::EndOfInterrupt, 0); }

void send_ipi(CpuId cpu, u8 vector) { command(id_of(cpu), level_assert | vector); }

void send_ipi(const CpuMask& cpus, u8 vector) {
    for (unsigned cpu = cpus.find(); cpu < max_cpus; cpu = cpus.find(cpu + 1)) send_ipi(CpuId(cpu), vector);
}

void send_ipi_here(u8 vector) {
    if (state.is_x2apic) {
        wrmsr(Msr::X2Apic + static_cast<u32>(Register::SelfIpi) / 16, vector);
        return;
    }
    // By the shorthand: the upper half, which may be somebody's who was interrupted, has no part in it.
    wait_for_delivery();
    write(Register::CommandLow, shorthand_self | level_assert | vector);
    wait_for_delivery();
}

void send_init(u32 apic_id) {
    command(apic_id, mode_init | level_assert | trigger_level);
    wait_for_delivery();
    command(apic_id, mode_init | trigger_level); // old CPUs want the line released
    wait_for_delivery();
}

void send_startup(u32 apic_id, u8 page) {
    command(apic_id, mode_startup | level_assert | page);
    wait_for_delivery();
}

void send_nmi_to_others() {
    // Not the broadcast shorthand: CPUs that were never started must not wake up.
    if (!state.is_x2apic && !state.registers) return;
    const u32 own = own_id();
    for (const acpi::Cpu& cpu : acpi::cpus())
        for (u32 i = 0; i < max_cpus; ++i)
            if (state.ids[i] == cpu.apic_id && cpu.apic_id != own) {
                command(cpu.apic_id, mode_nmi | level_assert);
                break;
            }
}

// -- timer --

u32 timer_start_counting() {
    write(Register::LvtTimer, lvt_masked | vector::timer);
    write(Register::TimerInitialCount, std::numeric_limits<u32>::max());
    return std::numeric_limits<u32>::max();
}
u32 timer_count() { return read(Register::TimerCurrentCount); }

void set_timer_frequency(u64 apic_khz, u64 tsc_khz) {
    state.timer = TickScale(apic_khz);
    state.tsc = TickScale(tsc_khz);
    state.is_timer_known = true;
}

void init_timer() {
    write(Register::TimerInitialCount, 0);
    write(Register::LvtTimer, vector::timer | (state.has_deadline_mode ? lvt_tsc_deadline : 0));
    if (state.has_deadline_mode) mfence(); // the mode is set before the first write to the deadline (SDM 11.5.4.1)
}

bool has_deadline_mode() { return state.has_deadline_mode; }

void set_timer(u64 nanoseconds) {
    if (state.has_deadline_mode) {
        wrmsr(Msr::TscDeadline, rdtsc() + state.tsc.ticks(nanoseconds) + 1);
        return;
    }
    // The two clocks are calibrated to some millionths: rather a little late than an interrupt that comes for nothing.
    const u64 ticks = state.timer.ticks(nanoseconds + (nanoseconds >> 16)) + 1;
    const u64 most = std::numeric_limits<u32>::max(); // a longer wait ends early; the timer queue sets it again
    write(Register::TimerInitialCount, static_cast<u32>(ticks < most ? ticks : most));
}

void stop_timer() {
    if (state.has_deadline_mode) wrmsr(Msr::TscDeadline, 0);
    else write(Register::TimerInitialCount, 0);
}

void report_error() {
    write(Register::ErrorStatus, 0);
    const u32 errors = read(Register::ErrorStatus);
    if (errors != 0) log::warning("APIC error on CPU{}: {:#x}", this_cpu(), errors);
}

} // namespace px::x86::apic
