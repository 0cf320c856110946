// SPDX-License-Identifier: Apache-2.0
// Flushes: on which CPUs, and by whose stamps they are needed.
#include "x86/guest/tlb.hpp"

#include "machine/machine.hpp"
#include "x86/guest/tlb_clock.hpp"
#include "x86/instructions.hpp"

namespace px {

namespace {

constinit guest::TlbClock tlb_clock;
PX_PER_CPU PerCpu<std::atomic<u64>> flushed_at; ///< time of the CPU's last flush

/// Flushes by loading CR3: all translations but global ones, of which guests have none, and the caches of upper tables
/// (SDM volume 3, 4.10.4.1; APM volume 2, 5.5).
void load_and_note(u64 cr3) {
    IrqOff off; // a flush that interrupts us must not leave an older time behind a newer one
    const u64 time = tlb_clock.begin_flush();
    x86::write_cr3(cr3);
    flushed_at.here().store(time, std::memory_order_release);
}

void flush_all_here(void*) { load_and_note(x86::read_cr3()); }
void flush_page_here(void* address) { x86::invlpg(reinterpret_cast<u64>(address)); }

void on_cpus(CpuMask mask, void (*function)(void*), void* argument) {
    mask &= machine::online_cpus();
    const unsigned here = this_cpu().raw();
    if (mask.test(here)) {
        mask.clear(here);
        function(argument);
    }
    if (mask.any()) machine::call_on(mask, function, argument);
}

/// Flushes on those CPUs of the mask that have not flushed since the stamp.
void flush_stale(CpuMask mask, u32 stamp) {
    for (unsigned cpu = mask.find(); cpu < max_cpus; cpu = mask.find(cpu + 1))
        if (!tlb_clock.may_hold(flushed_at.on(CpuId(cpu)).load(std::memory_order_acquire), stamp)) mask.clear(cpu);
    if (mask.any()) on_cpus(mask, flush_all_here, nullptr);
}

} // namespace

namespace tlb {

u32 now() { return tlb_clock.stamp(); }

void flush_older(u32 stamp) { flush_stale(machine::online_cpus(), stamp); }

void flush_older(u32 stamp, const Domain& user) {
    // A CPU that is not in the mask holds nothing: one that left the domain has loaded another CR3 before it said so;
    // one that comes to it said so before it loaded CR3, which is serialising (SDM volume 3, 9.3; APM volume 2, 7.6.4),
    // and we have not seen it: so its walks come after our look, and what was removed was visible to all before that.
    flush_stale(guest::dirty_cpus(user), stamp);
}

} // namespace tlb

namespace guest {

void load_top_table(Mfn l4) { load_and_note(paddr_of(l4).raw()); }

void flush_tlb_here() { flush_all_here(nullptr); }

void flush_tlb(const CpuMask& mask) { on_cpus(mask, flush_all_here, nullptr); }

void flush_page(const CpuMask& mask, GuestVaddr address) {
    on_cpus(mask, flush_page_here, reinterpret_cast<void*>(address.raw()));
}

void add_dirty_cpus(CpuMask& mask, const Vcpu& vcpu) {
    if (const u32 cpu = vcpu.dirty_cpu.load(std::memory_order_seq_cst); cpu < max_cpus) mask.set(cpu);
    if (vcpu.is_running.load(std::memory_order_acquire)) mask.set(vcpu.processor.load(std::memory_order_relaxed));
}

CpuMask dirty_cpus(const Domain& domain) {
    CpuMask mask;
    for (u32 i = 0; i < domain.max_vcpus; ++i)
        if (const Vcpu* vcpu = domain.vcpus[i]) add_dirty_cpus(mask, *vcpu);
    return mask;
}

} // namespace guest
} // namespace px
