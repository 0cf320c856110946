// SPDX-License-Identifier: Apache-2.0
// The way from the hypervisor to a guest, as every kind of guest goes it: one state machine.
//
//     working ──────> last look ──────> entering ──────> guest
//        ^   interrupts   │   nothing to do │
//        │   off          │                 │
//        ├────────────────┘                 │
//        └──────────────────────────────────┘ the instruction that enters the guest has failed
//
// Working: hypercalls, exceptions, soft interrupts; interrupts may be on. Last look: is a soft interrupt pending, is
// there something to deliver to the guest? From here to the guest interrupts are off, so that what comes now interrupts
// the guest at once: nothing is looked at too early. Entering: what only the CPU can check (selectors, a VM's state) is
// checked by the instruction that enters. If it fails, the guest's registers are put where they were and the CPU is
// working again: nothing may be done about the fault and then the instruction be repeated, because what was seen by the
// last look (soft interrupts, events, copies of page tables) is out of date as soon as interrupts were on.
//
// tests/models/way_out.pml is this machine, against all that may come in between.
//
// An NMI may come anywhere. Its handler raises nothing and changes nothing that the last look looks at.
#pragma once

#include "schedule/softirq.hpp"
#include "x86/instructions.hpp"

#ifdef PROXENOS_DEBUG
#include "base/panic.hpp"
#endif

namespace px::x86::way_out {

#ifdef PROXENOS_DEBUG
namespace detail {
/// Interrupts and faults that this CPU has handled; and how many it were at the last look.
struct Handled {
    u64 count, at_last_look;
};
PX_PER_CPU inline PerCpu<Handled> handled;
} // namespace detail
/// An interrupt, or a fault in the hypervisor, is being handled on this CPU. Not for NMIs.
inline void note_handled() { ++detail::handled.here().count; }
inline void note_last_look() { detail::handled.here().at_last_look = detail::handled.here().count; }
/// As late as possible before the guest runs. A soft interrupt may be pending by now, but only by another CPU, whose
/// interrupt waits: for one of this CPU's own something must have been handled since the last look.
inline void check_nothing_came_between() {
    PX_ASSERT(!interrupts_enabled());
    PX_ASSERT(detail::handled.here().count == detail::handled.here().at_last_look);
}
#else
inline void note_handled() {}
inline void note_last_look() {}
inline void check_nothing_came_between() {}
#endif

/// From working to the last look that finds nothing to do. Called with interrupts off, on an empty stack; may not
/// return (another vCPU may get the CPU, and goes its own way out).
/// @param deliver  delivers one thing that the guest waits for, true if there was one. Called with interrupts off; may
/// turn them on for a while, if it returns true.
template <class Deliver> void look_last(Deliver&& deliver) {
    for (;;) {
        if (softirq::is_pending()) [[unlikely]] {
            enable_interrupts();
            softirq::process();
            disable_interrupts();
            continue;
        }
        if (!deliver()) [[likely]]
            break;
    }
    note_last_look();
}

} // namespace px::x86::way_out
