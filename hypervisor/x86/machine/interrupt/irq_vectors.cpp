// SPDX-License-Identifier: Apache-2.0
// Vectors of all CPUs: taken where an interrupt is wanted, or where most are free.
#include "machine/machine.hpp"
#include "x86/machine/interrupt/irq_internal.hpp"
#include "x86/machine/interrupt/vector_table.hpp"

namespace px::x86::irq {
namespace {

PX_PER_CPU PerCpu<VectorTable> tables;
SpinLock<LockRank::Machine> vectors_lock;

} // namespace

Irq vector_owner(u8 vector) { return tables.here().owner(vector); }

Descriptor::Place take_vector(Irq irq, CpuId near) {
    IrqGuard guard(vectors_lock);
    if (const u8 v = tables.on(near).take(irq)) return {v, near.raw()};
    u32 best = near.raw();
    for (unsigned cpu = machine::online_cpus().find(); cpu < max_cpus; cpu = machine::online_cpus().find(cpu + 1))
        if (tables.on(CpuId(cpu)).used() < tables.on(CpuId(best)).used()) best = cpu;
    return {tables.on(CpuId(best)).take(irq), best};
}

Descriptor::Place take_vector_on(Irq irq, CpuId cpu, u8 same, bool only_same) {
    IrqGuard guard(vectors_lock);
    VectorTable& table = tables.on(cpu);
    if (table.take(irq, same)) return {same, cpu.raw()};
    return {only_same ? u8{0} : table.take(irq), cpu.raw()};
}

void release_vector(Descriptor::Place& place) {
    if (place.vector == 0) return;
    IrqGuard guard(vectors_lock);
    tables.on(CpuId(place.cpu)).release(place.vector);
    place.vector = 0;
}

} // namespace px::x86::irq
