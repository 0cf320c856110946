// SPDX-License-Identifier: Apache-2.0
// Switching the machine off and starting it again (ACPI 6.5, sections 4.8.3 and 16.1.3).
#include "x86/machine/firmware/power.hpp"

#include "base/log.hpp"
#include "boot/options.hpp"
#include "machine/machine.hpp"
#include "x86/instructions.hpp"
#include "x86/machine/console/console.hpp"
#include "x86/machine/firmware/acpi.hpp"
#include "x86/machine/firmware/acpi_tables.hpp"
#include "x86/machine/firmware/efi_runtime.hpp"
#include "x86/machine/paging/paging.hpp"

namespace px {
namespace x86::power {
namespace {

enum class Method : u8 { Acpi, Keyboard, Pci, Efi, Triple };
Method method = Method::Acpi;
bool is_warm = false;

bool parse_word(std::string_view word) {
    if (word == "acpi" || word == "a") method = Method::Acpi;
    else if (word == "kbd" || word == "k") method = Method::Keyboard;
    else if (word == "pci" || word == "p") method = Method::Pci;
    else if (word == "efi" || word == "e") method = Method::Efi;
    else if (word == "triple" || word == "t") method = Method::Triple;
    else if (word == "warm" || word == "w") is_warm = true;
    else if (word == "cold" || word == "c") is_warm = false;
    else return false;
    return true;
}
PX_OPTION(reboot, "reboot", [](std::string_view v) { return options::list(v, parse_word); });

/// Long enough for a reset to happen; not a clock, because after a panic nothing is sure.
void wait_a_little() {
    for (unsigned i = 0; i < 100'000; ++i) (void)in8(0x80);
}

void write(const acpi::Register& r, u32 value) {
    if (r.address == 0) return;
    if (r.is_memory) {
        void* at = map_device(Paddr(r.address), 4);
        if (!at) return;
        if (r.bits <= 8) *static_cast<volatile u8*>(at) = static_cast<u8>(value);
        else if (r.bits <= 16) *static_cast<volatile u16*>(at) = static_cast<u16>(value);
        else *static_cast<volatile u32*>(at) = value;
        return;
    }
    const u16 port = static_cast<u16>(r.address);
    if (r.bits <= 8) out8(port, static_cast<u8>(value));
    else out16(port, static_cast<u16>(value));
}

void reset_by(Method m) {
    switch (m) {
    case Method::Acpi: {
        const acpi::FixedHardware& hardware = acpi::fixed_hardware();
        if (!hardware.has_reset) return;
        write(hardware.reset, hardware.reset_value);
        break;
    }
    case Method::Keyboard: out8(0x64, 0xfe); break;
    case Method::Pci: {
        const u8 kind = is_warm ? 2 : 0xa; // hard reset, or a full power cycle; then bit 2 starts it
        out8(0xcf9, kind);
        out8(0xcf9, static_cast<u8>(kind | 4));
        break;
    }
    case Method::Efi: efi::reset_system(is_warm ? efi::Reset::Warm : efi::Reset::Cold); return;
    case Method::Triple: {
        const DescriptorTablePointer nothing{0, 0};
        lidt(nothing);
        asm volatile("int3");
        break;
    }
    }
    wait_a_little();
}

std::optional<SleepType> s5_from_firmware() {
    const u64 address = acpi::fixed_hardware().dsdt;
    if (address == 0) return std::nullopt;
    const void* header = map_memory(Paddr(address), sizeof(acpi::Header));
    if (!header) return std::nullopt;
    constexpr u32 most = 16 << 20;
    const u32 length = static_cast<const acpi::Header*>(header)->length;
    if (length < sizeof(acpi::Header) || length > most) return std::nullopt;
    const void* table = map_memory(Paddr(address), length);
    if (!table) return std::nullopt;
    return find_s5({static_cast<const u8*>(table) + sizeof(acpi::Header), length - sizeof(acpi::Header)});
}

constexpr u16 sleep_enable = 1 << 13;
constexpr unsigned sleep_type_shift = 10;

} // namespace

Result<> enter_s5(u16 pm1a, u16 pm1b) {
    const acpi::FixedHardware& hardware = acpi::fixed_hardware();
    if (hardware.pm1a_control.address == 0 && hardware.pm1b_control.address == 0) return fail(Error::Perm);
    log::info("Preparing system for ACPI S5 state.");
    console::flush();
    disable_interrupts();
    write(hardware.pm1a_event, 1 << 15); // wake status: what is left over must not wake it at once
    write(hardware.pm1a_control, pm1a | sleep_enable);
    write(hardware.pm1b_control, pm1b | sleep_enable);
    for (;;) hlt();
}

} // namespace x86::power

namespace machine {

void power_off() {
    if (const auto s5 = x86::power::s5_from_firmware()) {
        auto value = [](u8 type) { return static_cast<u16>((type & 7) << x86::power::sleep_type_shift); };
        (void)x86::power::enter_s5(value(s5->a), value(s5->b));
    }
    x86::efi::reset_system(x86::efi::Reset::Shutdown);
    log::warning("The firmware says no way to switch off: halted");
    console::flush();
    x86::disable_interrupts();
    for (;;) x86::hlt();
}

void reboot() {
    using enum x86::power::Method;
    console::flush();
    x86::disable_interrupts();
    for (;;) {
        x86::power::reset_by(x86::power::method);
        for (const auto other : {Acpi, Efi, Keyboard, Pci, Triple}) x86::power::reset_by(other);
    }
}

} // namespace machine
} // namespace px
