// SPDX-License-Identifier: Apache-2.0
// Start of the interrupt controllers, and the dispatch of every interrupt by its vector.
#include "x86/machine/interrupt/interrupts.hpp"

#include "base/log.hpp"
#include "schedule/softirq.hpp"
#include "x86/instructions.hpp"
#include "x86/machine/cpu/exceptions.hpp"
#include "x86/machine/interrupt/apic.hpp"
#include "x86/machine/interrupt/apic_timer.hpp"
#include "x86/machine/interrupt/ipi.hpp"
#include "x86/machine/interrupt/irq.hpp"
#include "x86/machine/mca/machine_check.hpp"
#include "x86/registers.hpp"
#include "x86/way_out.hpp"

namespace px::x86 {
namespace {

constexpr u16 pic1_command = 0x20, pic1_data = 0x21, pic2_command = 0xa0, pic2_data = 0xa1;
constexpr u8 first_pic_vector = 0x20;

/// The two 8259As: out of the way, their spurious interrupts on vectors that nothing else uses.
void mask_pics() {
    out8(pic1_data, 0xff);
    out8(pic2_data, 0xff);
    out8(pic1_command, 0x11);
    out8(pic2_command, 0x11);
    out8(pic1_data, first_pic_vector);
    out8(pic2_data, first_pic_vector + 8);
    out8(pic1_data, 4);
    out8(pic2_data, 2);
    out8(pic1_data, 1);
    out8(pic2_data, 1);
    out8(pic1_data, 0xff);
    out8(pic2_data, 0xff);
}

} // namespace

void init_interrupts() {
    mask_pics();
    apic::init();
    irq::init();
}

/// Every interrupt comes here with interrupts off (exception_entry.S).
extern "C" void px_interrupt(Registers* registers) {
    const u8 vector = static_cast<u8>(registers->entry_vector);
    way_out::note_handled();
    switch (vector) {
    case apic::vector::timer:
        apic::end_of_interrupt();
        softirq::raise(SoftIrq::Timer);
        return;
    case apic::vector::event_check: // the way back looks at soft interrupts
        apic::end_of_interrupt();
        exceptions::report_nmis();
        mca::raise_for_records();
        return;
    case apic::vector::flush_tlb:
        apic::end_of_interrupt();
        machine::serve_flushes();
        return;
    case apic::vector::call_function:
        apic::end_of_interrupt();
        machine::serve_calls();
        return;
    case apic::vector::error:
        apic::end_of_interrupt();
        apic::report_error();
        return;
    case apic::vector::spurious: return; // no EOI: nothing is in service
    default: break;
    }
    if (vector >= first_pic_vector && vector < first_pic_vector + 16) return; // spurious, from a PIC
    irq::handle(vector);
}

} // namespace px::x86
