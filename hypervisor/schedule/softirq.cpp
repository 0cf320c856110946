// SPDX-License-Identifier: Apache-2.0
// Soft interrupts: raising them on any CPU, and handling what is pending on this one.
#include "schedule/softirq.hpp"

#include "domain/machine.hpp"
#include "start/parts.hpp"

namespace px::softirq {

PX_PER_CPU PerCpu<std::atomic<u64>> pending;

namespace {
constexpr unsigned handler_count = static_cast<unsigned>(SoftIrq::Count);
Handler handlers[handler_count]; // written at boot only
} // namespace

void init() {}

void set_handler(SoftIrq which, Handler handler) { handlers[static_cast<unsigned>(which)] = handler; }

// An interrupt of this CPU may raise too, hence the atomic operation; other CPUs' raises pair with the exchange in
// process().
void raise(SoftIrq which) { pending.here().fetch_or(u64{1} << static_cast<unsigned>(which)); }

void raise_on(CpuId cpu, SoftIrq which) {
    const bool was_set = test_and_set(pending.on(cpu), static_cast<unsigned>(which));
    if (!was_set && cpu != this_cpu()) machine::send_event_check(cpu);
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
