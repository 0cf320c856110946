// SPDX-License-Identifier: Apache-2.0
// Flushing translations, here and on other CPUs.
#include "x86/machine/interrupt/tlb.hpp"

#include "base/lock.hpp"
#include "machine/machine.hpp"
#include "x86/instructions.hpp"
#include "x86/machine/interrupt/apic.hpp"
#include "x86/machine/interrupt/cross_call.hpp"
#include "x86/machine/interrupt/ipi.hpp"

namespace px::machine {
namespace {

struct Flush {
    FlushKind kind;
    u64 address;
};
PX_PER_CPU PerCpu<CrossCallSlot<Flush>> flush_slots;
constinit CrossCall<Flush> flushes(flush_slots);

} // namespace

void flush_tlb_local(FlushKind kind, u64 address) {
    switch (kind) {
    case FlushKind::Address: x86::invlpg(address); return;
    case FlushKind::All: x86::write_cr3(x86::read_cr3()); return;
    case FlushKind::Global: {
        const IrqOff off; // an interrupt must not change CR4 in between
        const x86::Cr4 flags = x86::read_cr4();
        if (flags.has(x86::cr4::pge)) {
            x86::write_cr4(flags.without(x86::cr4::pge));
            x86::write_cr4(flags);
        } else {
            x86::write_cr3(x86::read_cr3());
        }
    }
    }
}

void serve_flushes() {
    flushes.serve([](const Flush& f) { flush_tlb_local(f.kind, f.address); });
}

void flush_tlb(const CpuMask& cpus, FlushKind kind, u64 address) {
    const IrqOff off; // stays on this CPU, and its request is not overwritten from an interrupt
    CpuMask others = cpus;
    others &= online_cpus();
    const u32 me = this_cpu().raw();
    const bool is_here = cpus.test(me);
    others.clear(me);
    const bool any = others.any();
    if (any) {
        flushes.post(others, {kind, address});
        x86::apic::send_ipi(others, x86::apic::vector::flush_tlb);
    }
    if (is_here) flush_tlb_local(kind, address);
    if (!any) return;
    while (!flushes.is_finished()) {
        serve_flushes(); // another CPU may wait for this one in the same way
        x86::pause();
    }
}

} // namespace px::machine
