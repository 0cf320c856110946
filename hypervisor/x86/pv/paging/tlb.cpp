// SPDX-License-Identifier: Apache-2.0
// The TLB clock: it ticks with each flush; a CPU whose last flush is later than a frame's stamp holds nothing of it.
#include "x86/pv/paging/tlb.hpp"

#include "domain/machine.hpp"
#include "x86/instructions.hpp"
#include "x86/pv/xpti/xpti.hpp"

namespace px {

namespace {

std::atomic<u32> flush_clock{1};
PX_PER_CPU PerCpu<std::atomic<u32>> flushed_at;

/// Flushes by loading CR3. The clock ticks before: a stamp taken after the tick is not covered by this flush.
void load_and_tick(u64 cr3) {
    IrqOff off; // a flush that interrupts us must not leave an older time behind a newer one
    const u32 time = flush_clock.fetch_add(1, std::memory_order_seq_cst) + 1;
    x86::write_cr3(cr3);
    flushed_at.here().store(time, std::memory_order_release);
}

void flush_all_here(void*) { load_and_tick(x86::read_cr3()); }
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

} // namespace

namespace tlb {

u32 now() {
    // The page-table entry was removed before: its store must be visible before the clock is read, or a CPU could
    // flush in between and walk the old entry again.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    return flush_clock.load(std::memory_order_relaxed);
}

void flush_older(u32 stamp) {
    CpuMask mask;
    const CpuMask& online = machine::online_cpus();
    const u32 time = flush_clock.load(std::memory_order_relaxed);
    for (unsigned cpu = online.find(); cpu < max_cpus; cpu = online.find(cpu + 1)) {
        const u32 flushed = flushed_at.on(CpuId(cpu)).load(std::memory_order_acquire);
        // A CPU that has not flushed for long does too, before its time could be mistaken for one in the future.
        if (static_cast<s32>(flushed - stamp) <= 0 || time - flushed > 1u << 30) mask.set(cpu);
    }
    if (mask.any()) on_cpus(mask, flush_all_here, nullptr);
}

} // namespace tlb

namespace pv {

void load_cr3(Mfn l4) {
    xpti::forget_copies();
    load_and_tick(paddr_of(l4).raw());
}

void flush_tlb_here() { flush_all_here(nullptr); }

void flush_tlb(const CpuMask& mask) { on_cpus(mask, flush_all_here, nullptr); }

void flush_page(const CpuMask& mask, u64 address) { on_cpus(mask, flush_page_here, reinterpret_cast<void*>(address)); }

CpuMask dirty_cpus(const Domain& domain) {
    CpuMask mask;
    for (u32 i = 0; i < domain.max_vcpus; ++i) {
        const Vcpu* vcpu = domain.vcpus[i];
        if (!vcpu) continue;
        if (const u32 cpu = vcpu->dirty_cpu; cpu < max_cpus) mask.set(cpu);
        // It may be on its way to run there.
        if (vcpu->is_running.load(std::memory_order_acquire)) mask.set(vcpu->processor.load(std::memory_order_relaxed));
    }
    return mask;
}

void PvDomain::flush_tlb() { pv::flush_tlb(dirty_cpus(*this)); }

} // namespace pv
} // namespace px
