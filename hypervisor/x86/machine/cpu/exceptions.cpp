// SPDX-License-Identifier: Apache-2.0
// Exceptions: who gets them, by where they came from.
#include "x86/machine/cpu/exceptions.hpp"

#include "base/log.hpp"
#include "x86/instructions.hpp"
#include "x86/layout.hpp"
#include "x86/machine/cpu/guest_hooks.hpp"
#include "x86/machine/cpu/panic.hpp"
#include "x86/machine/firmware/efi_runtime.hpp"
#include "x86/machine/interrupt/apic.hpp"
#include "x86/machine/mca/machine_check.hpp"
#include "x86/way_out.hpp"

#include <algorithm>

namespace px::x86 {

extern "C" const Fixup px_fixups_start[], px_fixups_end[];

u64 find_fixup(u64 rip) {
    for (const Fixup* f = px_fixups_start; f != px_fixups_end; ++f)
        if (f->fault == rip) return f->resume;
    return 0;
}

namespace exceptions {
namespace {

alignas(page_size) constinit Gate table[256] = {};
constinit bool (*nmi_handler)(Registers&) = nullptr;

/// Stubs of exception_entry.S, 16 bytes each.
extern "C" char px_vector_stubs[];
constexpr u64 stub_bytes = 16;

u8 ist_of(u8 vector) {
    switch (static_cast<Exception>(vector)) {
    case Exception::Debug: return ist_debug;
    case Exception::Nmi: return ist_nmi;
    case Exception::DoubleFault: return ist_double_fault;
    case Exception::MachineCheck: return ist_machine_check;
    default: return 0;
    }
}

PX_PER_CPU PerCpu<std::atomic<u32>> unknown_nmis; ///< not reported yet

void say_unknown_nmi() { log::warning("NMI of unknown origin on CPU {}", this_cpu()); }

/// On the main stack, with nothing of the hypervisor interrupted. The guest that runs next may not be the one that was
/// interrupted, and may be entered by SYSRET: NMIs, which wait for an IRET, are let in now (SDM volume 3, 6.7.1).
void take_guest_nmi() {
    unblock_nmis();
    say_unknown_nmi();
}

void handle_nmi(Registers& r) {
    if (nmi_handler && nmi_handler(r)) return;
    if (stop_requested()) stop_this_cpu();
    const u8 reason = in8(0x61); // port B: parity or I/O check
    if (reason & 0xc0) panic_with_registers(r, "NMI: memory or I/O check");
    if (is_guest_mode(r)) return take_guest_nmi();
    // What was interrupted may hold the console, or be on its way to a guest: nothing is printed or raised here.
    unknown_nmis.here().fetch_add(1, std::memory_order_relaxed);
    apic::send_ipi_here(apic::vector::event_check);
}

/// A debug exception in the hypervisor: a guest's breakpoint on data that a hypercall touched, or a single step that
/// came in with a guest's flags. Guests may not have breakpoints in our own address range.
void handle_own_debug(Registers& r) {
    // TF goes once an entry has saved the flags: the guest's kernel wants to see it.
    if (!guest_hooks::is_saving_flags(r)) r.rflags &= ~rflags::trap;
    write_dr6(dr6::nothing);
}

} // namespace

void report_nmis() {
    if (unknown_nmis.here().load(std::memory_order_relaxed) == 0) [[likely]]
        return;
    for (u32 n = unknown_nmis.here().exchange(0, std::memory_order_relaxed); n != 0; --n) say_unknown_nmi();
}

void init_table() {
    for (unsigned v = 0; v < 256; ++v) {
        const auto vector = static_cast<u8>(v);
        const auto e = static_cast<Exception>(vector);
        const u8 dpl = e == Exception::Breakpoint || e == Exception::Overflow ? 3 : 0;
        const u64 stub = reinterpret_cast<u64>(px_vector_stubs) + v * stub_bytes;
        table[v] = Gate::of(stub, selector::hypervisor_code, dpl, ist_of(vector));
    }
}

const void* table_address() { return table; }

void load_table() { lidt({sizeof table - 1, reinterpret_cast<u64>(table)}); }

void set_gate(u8 vector, void (*handler)(), u8 dpl) {
    table[vector] = Gate::of(reinterpret_cast<u64>(handler), selector::hypervisor_code, dpl, ist_of(vector));
}

void set_nmi_handler(bool (*handler)(Registers&)) { nmi_handler = handler; }

const char* name_of(u32 vector) {
    static constexpr const char* names[] = {"divide error",
                                            "debug",
                                            "nmi",
                                            "breakpoint",
                                            "overflow",
                                            "bounds",
                                            "invalid opcode",
                                            "device not available",
                                            "double fault",
                                            "coprocessor overrun",
                                            "invalid TSS",
                                            "segment not present",
                                            "stack fault",
                                            "general protection fault",
                                            "page fault",
                                            "reserved",
                                            "x87 error",
                                            "alignment check",
                                            "machine check",
                                            "SIMD error",
                                            "virtualization exception",
                                            "control protection"};
    return vector < std::size(names) ? names[vector] : "reserved";
}

} // namespace exceptions

/// From the entry code, interrupts off. Frames from ring 3 lie at the top of the stack, whatever the vector.
extern "C" void px_exception(Registers* registers) {
    using namespace exceptions;
    Registers& r = *registers;
    if (is_exception(r, Exception::Nmi)) return handle_nmi(r);
    if (is_exception(r, Exception::MachineCheck)) return mca::handle(r);
    if (is_guest_mode(r)) return guest_hooks::handle_exception(r);
    if (is_exception(r, Exception::Debug)) return handle_own_debug(r);
    if (is_exception(r, Exception::Breakpoint)) return print_registers(r); // our own int3 (debug key 'd')
    if (efi::handle_fault(r)) return;
    if (!is_exception(r, Exception::DoubleFault)) {
        way_out::note_handled();
        if (guest_hooks::handle_host_fault(r)) return;
        if (const u64 resume = find_fixup(r.rip)) {
            r.rip = resume;
            return;
        }
    }
    char reason[128];
    if (is_exception(r, Exception::PageFault))
        format_to(reason, "FATAL PAGE FAULT\n[error_code={:04x}]\nFaulting linear address: {:016x}", r.error_code,
                  read_cr2());
    else
        format_to(reason, "FATAL TRAP: vector = {} ({})\n[error_code={:04x}]", r.entry_vector, name_of(r.entry_vector),
                  r.error_code);
    panic_with_registers(r, reason);
}

} // namespace px::x86
