// SPDX-License-Identifier: Apache-2.0
// The reference counters (IA-PC HPET 1.0a; ACPI 6.5, section 4.8.2.1; Intel 8254).
#include "x86/machine/clock/clock_reference.hpp"

#include "base/lock.hpp"
#include "x86/instructions.hpp"
#include "x86/machine/firmware/acpi.hpp"
#include "x86/machine/paging/paging.hpp"

#include <atomic>

namespace px::x86::clock {
namespace {

// -- HPET --

constexpr u64 hpet_bytes = 1024;
enum HpetRegister : unsigned { Capabilities = 0, Configuration = 0x10, Counter = 0xf0 };
constexpr u64 femtoseconds_per_second = 1'000'000'000'000'000;
constexpr u32 longest_period = 100'000'000; // femtoseconds, by the specification

volatile u64* hpet;

u64 read_hpet() { return *reinterpret_cast<volatile u32*>(hpet + Counter / 8); } // 32 bits: no torn reads anywhere

// -- PM timer --

constexpr u64 pm_timer_hertz = 3'579'545;
u16 pm_timer_port;

u64 read_pm_timer() { return in32(pm_timer_port); }

// -- PIT --

constexpr u64 pit_hertz = 1'193'182;
constexpr u16 pit_channel2 = 0x42, pit_command = 0x43, port_b = 0x61;

/// Latching and reading belong together. Not a ranked lock: time is read with any of those held.
std::atomic_flag pit_in_use;

u64 read_pit() {
    const IrqOff off;
    while (pit_in_use.test_and_set(std::memory_order_acquire)) pause();
    out8(pit_command, 0x80); // latch channel 2
    const u16 low = in8(pit_channel2);
    const u16 value = static_cast<u16>(low | in8(pit_channel2) << 8);
    pit_in_use.clear(std::memory_order_release);
    return static_cast<u16>(~value); // it counts down
}

} // namespace

Reference start_hpet() {
    const u64 address = acpi::fixed_hardware().hpet;
    if (address == 0) return {};
    hpet = static_cast<volatile u64*>(map_device(Paddr(address), hpet_bytes));
    const u64 capabilities = hpet[Capabilities / 8];
    const u32 period = static_cast<u32>(capabilities >> 32);
    if (capabilities == ~u64{0} || period == 0 || period > longest_period) return {};
    hpet[Configuration / 8] = (hpet[Configuration / 8] & ~u64{2}) | 1; // runs, without legacy interrupts
    return {"HPET", femtoseconds_per_second / period, 0xffffffff, read_hpet};
}

Reference start_pm_timer() {
    const acpi::Register& r = acpi::fixed_hardware().pm_timer;
    if (r.address == 0 || r.is_memory || r.address > 0xffff) return {};
    pm_timer_port = static_cast<u16>(r.address);
    return {"ACPI PM Timer", pm_timer_hertz, 0xffffff, read_pm_timer}; // 24 bits are always there
}

Reference start_pit() {
    out8(port_b, static_cast<u8>((in8(port_b) & ~2) | 1)); // gate on, speaker off
    out8(pit_command, 0xb4);                               // channel 2, both bytes, rate generator
    out8(pit_channel2, 0);
    out8(pit_channel2, 0);
    return {"PIT", pit_hertz, 0xffff, read_pit};
}

} // namespace px::x86::clock
