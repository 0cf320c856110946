// SPDX-License-Identifier: Apache-2.0
// Interrupting other CPUs: to look at soft interrupts, or to run a function.
#include "x86/machine/interrupt/ipi.hpp"

#include "base/lock.hpp"
#include "base/panic.hpp"
#include "machine/machine.hpp"
#include "x86/instructions.hpp"
#include "x86/machine/interrupt/apic.hpp"
#include "x86/machine/interrupt/cross_call.hpp"

namespace px::machine {
namespace {

struct FunctionCall {
    void (*function)(void*);
    void* argument;
};
PX_PER_CPU PerCpu<CrossCallSlot<FunctionCall>> call_slots;
constinit CrossCall<FunctionCall> calls(call_slots);

} // namespace

void send_event_check(CpuId cpu) {
    if (cpu != this_cpu()) x86::apic::send_ipi(cpu, x86::apic::vector::event_check);
}

void serve_calls() {
    calls.serve([](const FunctionCall& c) { c.function(c.argument); });
}

void call_on(const CpuMask& mask, void (*function)(void*), void* argument) {
    // With interrupts off, two CPUs that call each other would wait forever for what neither serves.
    PX_ASSERT(x86::interrupts_enabled());
    CpuMask others = mask;
    others &= online_cpus();
    const u32 me = this_cpu().raw();
    const bool is_here = mask.test(me);
    others.clear(me);
    if (others.any()) {
        const IrqOff off;
        calls.post(others, {function, argument});
        x86::apic::send_ipi(others, x86::apic::vector::call_function);
    }
    if (is_here) {
        const IrqOff off; // as on the others
        function(argument);
    }
    while (!calls.is_finished()) x86::pause();
}

} // namespace px::machine
