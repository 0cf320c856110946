// SPDX-License-Identifier: Apache-2.0
// Soft interrupts: raising them on any CPU, and handling what is pending on this one.
#include "schedule/softirq.hpp"

#include "machine/machine.hpp"

namespace px::softirq {

PX_PER_CPU PerCpu<std::atomic<u64>> pending;

namespace {
constexpr unsigned handler_count = static_cast<unsigned>(SoftIrq::Count);
Handler handlers[handler_count]; // written at boot only
} // namespace

void set_handler(SoftIrq which, Handler handler) { handlers[static_cast<unsigned>(which)] = handler; }

// An interrupt of this CPU may raise too, hence the atomic operation; other CPUs' raises pair with the exchange in
// process().
void raise(SoftIrq which) { pending.here().fetch_or(u64{1} << static_cast<unsigned>(which)); }

// (tests/models/way_out.pml) Why a bit that is set already needs no second interrupt: it is cleared only by its CPU, in
// process(), which then runs the handler. So whoever finds it set comes before that handler, which sees what he did
// before (both operations are full barriers). And the CPU gets to process() by itself, because of who set the bit:
// - This CPU, in a handler of an interrupt. What was interrupted is a guest or a halt, and the way back to either
// looks;
//   or the hypervisor with interrupts on, which has its last look before a guest or a halt still before it: from that
//   look on interrupts are off (x86/way_out.hpp, idle_loop), and NMIs raise nothing.
// - This CPU, at work: the same last look is still to come.
// - Another CPU: it sends the interrupt right after, and nothing interrupts it for long in between. The interrupt comes
//   before the last look, or interrupts the guest or the halt that follows it.
// An interrupt is not lost either: one that is not taken yet stays in the local APIC's request register, where a second
// one of the same vector would only merge with it.
void raise_on(CpuId cpu, SoftIrq which) {
    const bool was_set = test_and_set(pending.on(cpu), static_cast<unsigned>(which));
    if (!was_set && cpu != this_cpu()) machine::send_event_check(cpu);
}

void raise_again(CpuId cpu, SoftIrq which) {
    test_and_set(pending.on(cpu), static_cast<unsigned>(which));
    if (cpu != this_cpu()) machine::send_event_check(cpu);
}

void process() {
    // Bit by bit and always of the CPU's present word: the Schedule handler may leave for another vCPU and never
    // return.
    for (;;) {
        const u64 bits = pending.here().load(std::memory_order_relaxed);
        if (bits == 0) return;
        const unsigned which = static_cast<unsigned>(std::countr_zero(bits));
        test_and_clear(pending.here(), which);
        if (which < handler_count && handlers[which]) handlers[which]();
    }
}

} // namespace px::softirq
