// SPDX-License-Identifier: Apache-2.0
// Debug keys of the machine itself.
#include "x86/machine/console/console_keys.hpp"

#include "domain/debug_keys.hpp"
#include "machine/machine.hpp"
#include "memory/heap.hpp"
#include "x86/machine/console/console.hpp"
#include "x86/machine/cpu/exceptions.hpp"
#include "x86/machine/cpu/panic.hpp"
#include "x86/machine/interrupt/irq.hpp"

namespace px::console {
namespace {

void reboot() {
    banner("'R' pressed -> rebooting machine");
    machine::reboot();
}

void crash() { panic("'C' pressed -> crashing"); }

void show_memory() {
    banner("Physical memory information:");
    banner("    Heap: {}kB free of {}kB", heap::free_frames() << 2, heap::total_frames() << 2);
    banner("    below 4 GiB: {}kB free", heap::free_frames_below(32) << 2);
}

void show_clock() {
    banner("Clock: {} ns since boot, {} kHz, {} CPUs", machine::now(), machine::cycles_khz(), machine::cpu_count());
}

void show_registers() {
    asm volatile("int3"); // the handler prints the frame and goes on
}

/// dmesg on the serial line.
void show_ring() {
    RingRange range = ring_range();
    char chunk[128];
    while (const u32 n = read_ring(range.start, chunk)) {
        write_raw({chunk, n});
        if (range.start - range.end < 0x80000000) break; // what comes in meanwhile is seen anyway
    }
}

} // namespace

void init_keys() {
    register_key('C', "trigger a crashdump", crash);
    register_key('R', "reboot machine", reboot);
    register_key('m', "memory info", show_memory);
    register_key('t', "display multi-cpu clock info", show_clock);
    register_key('d', "dump registers", show_registers);
    register_key('i', "dump interrupt bindings", x86::irq::dump);
    register_key('w', "synchronously dump console ring buffer (dmesg)", show_ring);
    register_domain_keys();
}

} // namespace px::console
