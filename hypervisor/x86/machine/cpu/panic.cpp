// SPDX-License-Identifier: Apache-2.0
// The end: says what happened in the form admins know, stops the other CPUs, reboots.
#include "x86/machine/cpu/panic.hpp"

#include "boot/options.hpp"
#include "machine/machine.hpp"
#include "x86/instructions.hpp"
#include "x86/machine/console/console.hpp"
#include "x86/machine/cpu/cpu.hpp"
#include "x86/machine/cpu/exceptions.hpp"
#include "x86/machine/cpu/symbols.hpp"
#include "x86/machine/interrupt/apic.hpp"

#include <algorithm>
#include <atomic>

namespace px {
namespace x86 {
namespace {

constinit bool stays = false;
PX_OPTION(noreboot, "noreboot", [](std::string_view v) {
    const auto on = options::boolean(v);
    stays = on.value_or(true);
    return on.has_value();
});

/// Lines of the stack in a dump, four words each.
constinit unsigned stack_lines = 20;
PX_OPTION(debug_stack_lines, "debug_stack_lines", [](std::string_view v) {
    const auto n = options::number(v);
    if (n) stack_lines = static_cast<unsigned>(std::min<u64>(*n, cpu_stack_size / (4 * sizeof(u64))));
    return n.has_value();
});

/// CPU that panics, plus 1.
constinit std::atomic<u32> panicking{0};
constexpr unsigned longest_trace = 32;

/// `within`: an address of the function to name. A return address can be that of the next one.
void print_address(u64 address, u64 within) {
    char name[192];
    if (symbols::describe(within, name)) console::banner("   [<{:016x}>] {}", address, static_cast<const char*>(name));
}

/// This CPU's stack, interrupt stacks with it: [bottom, top), without the page that is not mapped.
struct StackBounds {
    u64 top = reinterpret_cast<u64>(&cpu_info());
    u64 bottom = top & ~(cpu_stack_size - 1);
    u64 guard = bottom + interrupt_stacks_bytes;
    [[nodiscard]] bool holds(u64 address, u64 bytes) const {
        return address >= bottom && address <= top - bytes && address % sizeof(u64) == 0 &&
               (address + bytes <= guard || address >= guard + page_size);
    }
};

/// Follows frame pointers as long as they stay on this stack block and go up.
void print_trace(u64 rip, u64 frame) {
    console::banner("Xen call trace:");
    print_address(rip, rip);
    const StackBounds stack;
    for (unsigned i = 0; i < longest_trace && stack.holds(frame, 2 * sizeof(u64)); ++i) {
        const u64* words = reinterpret_cast<const u64*>(frame);
        if (!symbols::is_text(words[1])) break;
        print_address(words[1], words[1] - 1);
        if (words[0] <= frame) break;
        frame = words[0];
    }
}

void print_stack(u64 rsp) {
    const StackBounds stack;
    if (stack_lines == 0 || !stack.holds(rsp, sizeof(u64))) return;
    console::banner("Xen stack trace from rsp={:016x}:", rsp);
    for (unsigned line = 0; line < stack_lines && stack.holds(rsp, sizeof(u64)); ++line) {
        char text[96];
        std::size_t used = 0;
        for (unsigned i = 0; i < 4 && stack.holds(rsp, sizeof(u64)); ++i, rsp += sizeof(u64))
            used += format_to(std::span(text).subspan(used), " {:016x}", *reinterpret_cast<const u64*>(rsp));
        console::banner("  {}", static_cast<const char*>(text));
    }
}

void wait_seconds(unsigned seconds) {
    if (console::has_clock()) {
        const Nanoseconds end = machine::now() + Nanoseconds{seconds} * 1'000'000'000;
        while (machine::now() < end) pause();
    } else {
        for (u32 i = 0; i < seconds * 1'000'000; ++i) out8(0x80, 0); // about a microsecond each
    }
}

/// Only one CPU panics; a second panic of the same CPU ends quietly.
bool begin_panic() {
    disable_interrupts();
    u32 none = 0;
    const u32 me = cpu_info().cpu + 1;
    if (panicking.compare_exchange_strong(none, me)) {
        console::force();
        // First: what they print would tear the dump.
        if (console::has_clock() && machine::cpu_count() > 1) apic::send_nmi_to_others();
        return true;
    }
    if (none != me) stop_this_cpu();
    console::banner("Panic in a panic.");
    return false;
}

[[noreturn]] void end_panic(const char* reason) {
    console::banner("");
    console::banner("****************************************");
    console::banner("Panic on CPU {}:", this_cpu());
    console::banner("{}", reason);
    console::banner("****************************************");
    console::banner("");
    if (stays) {
        console::banner("Manual reset required ('noreboot' specified)");
        for (;;) hlt();
    }
    console::banner("Reboot in five seconds...");
    wait_seconds(5);
    machine::reboot();
}

} // namespace

bool stop_requested() { return panicking.load(std::memory_order_relaxed) != 0; }

void stop_this_cpu() {
    for (;;) {
        disable_interrupts();
        hlt();
    }
}

void print_registers(const Registers& r) {
    using console::banner;
    banner("----[ Proxenos-4.17  x86_64  Not tainted ]----");
    banner("CPU:    {}", this_cpu());
    char name[192] = "";
    symbols::describe(r.rip, name);
    banner("RIP:    {:04x}:[<{:016x}>] {}", r.cs & 0xffff, r.rip, static_cast<const char*>(name));
    banner("RFLAGS: {:016x}   CONTEXT: {}", r.rflags.raw(), is_guest_mode(r) ? "guest" : "hypervisor");
    banner("rax: {:016x}   rbx: {:016x}   rcx: {:016x}", r.rax, r.rbx, r.rcx);
    banner("rdx: {:016x}   rsi: {:016x}   rdi: {:016x}", r.rdx, r.rsi, r.rdi);
    banner("rbp: {:016x}   rsp: {:016x}   r8:  {:016x}", r.rbp, r.rsp, r.r8);
    banner("r9:  {:016x}   r10: {:016x}   r11: {:016x}", r.r9, r.r10, r.r11);
    banner("r12: {:016x}   r13: {:016x}   r14: {:016x}", r.r12, r.r13, r.r14);
    banner("r15: {:016x}   cr0: {:016x}   cr4: {:016x}", r.r15, read_cr0().raw(), read_cr4().raw());
    banner("cr3: {:016x}   cr2: {:016x}", read_cr3(), read_cr2());
    if (is_guest_mode(r)) return;
    print_stack(r.rsp);
    print_trace(r.rip, r.rbp);
}

void panic_with_registers(const Registers& registers, const char* reason, void (*more)()) {
    if (begin_panic()) {
        print_registers(registers);
        if (more) more();
    }
    end_panic(reason);
}

/// From panic_entry.S.
extern "C" [[noreturn]] void px_panic(const Registers& registers, const char* message) {
    panic_with_registers(registers, message);
}

} // namespace x86
} // namespace px
