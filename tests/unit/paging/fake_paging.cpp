// SPDX-License-Identifier: Apache-2.0
// Stubs for what the page-type code needs of the rest of a paravirtual domain.
#include "paging/fake_paging.hpp"

#include "memory/heap.hpp"
#include "schedule/softirq.hpp"
#include "x86/pv/paging/descriptor.hpp"
#include "x86/pv/paging/tlb.hpp"
#include "x86/pv/xpti/xpti.hpp"

#include <algorithm>

namespace px {

constinit PerCpu<std::atomic<u64>> softirq::pending;
void Vcpu::on_singleshot(void*) {}
void Vcpu::on_poll_timeout(void*) {}
void Vcpu::on_periodic(void*) {}
void Domain::on_watchdog(void*) {}

guest::X86Domain::~X86Domain() = default;
guest::X86Vcpu::~X86Vcpu() = default;

namespace pv {

constinit const GuestKind guest_kind{};

PvDomain::~PvDomain() = default;
const CpuPolicy& PvDomain::largest_policy() const { std::abort(); }
Result<Vcpu*> PvDomain::make_vcpu(VcpuId) { return fail(Error::NoSys); }
Result<Mfn> PvDomain::translate(Gfn gfn) { return Mfn(gfn.raw()); }
Result<> PvDomain::map_frame(Gfn, Mfn, unsigned) { return {}; }
Result<> PvDomain::unmap_frame(Gfn, Mfn, unsigned) { return {}; }
void PvDomain::flush_tlb() {}
Result<> PvDomain::arch_domctl(abi::Domctl&, GuestVaddr, bool&) { return fail(Error::NoSys); }
Result<> PvDomain::relinquish() { return {}; }
u32 PvDomain::features() const { return 0; }
u32 PvDomain::info_flags() const { return 0; }

PvVcpu::~PvVcpu() = default;
u64 PvVcpu::copy_from_guest(void*, GuestVaddr, u64 bytes) { return bytes; }
u64 PvVcpu::copy_to_guest(GuestVaddr, const void*, u64 bytes) { return bytes; }
Result<> PvVcpu::set_context(const void*, bool) { return fail(Error::NoSys); }
Result<> PvVcpu::get_context(void*) { return fail(Error::NoSys); }
void PvVcpu::save_state() {}
void PvVcpu::load_state() {}
void PvVcpu::save_extended_state() {}
void PvVcpu::load_extended_state() {}
PvVcpu::Continuation PvVcpu::continuation() const { return nullptr; }
void PvVcpu::reset() {}
void PvVcpu::dump_registers() {}
bool PvVcpu::may_address(GuestVaddr, u64) const { return true; }

void load_cr3(Mfn) {}
void xpti::forget_copies() {}
void xpti::entry_changed(const PvDomain&) {}
void release_descriptor_tables(PvVcpu&) {}
u64 physical_frame_limit() { return u64{1} << 28; }
void fill_hypervisor_slots(Frame& l4, const PvDomain&) {
    std::fill_n(to_virtual<u64>(l4) + 256, 16, ~u64{0}); // must never be followed
}
void clear_hypervisor_slots(Frame& l4) { std::fill_n(to_virtual<u64>(l4) + 256, 16, 0); }

} // namespace pv

namespace fake {

void set_preempted(bool yes) { softirq::pending.here().store(yes, std::memory_order_relaxed); }

Guest::Guest(u16 id, unsigned vcpus) : domain(DomId(id)) {
    domain.max_vcpus = vcpus;
    domain.vcpus = new Vcpu*[vcpus];
    for (unsigned i = 0; i < vcpus; ++i) domain.vcpus[i] = new pv::PvVcpu(domain, VcpuId(i));
    domain.owned_regions = new std::atomic<u64>[64];
    for (int i = 0; i < 64; ++i) domain.owned_regions[i] = ~u64{0};
}

Guest::~Guest() {
    for (unsigned i = 0; i < domain.max_vcpus; ++i) delete &vcpu(i);
    delete[] domain.vcpus;
    delete[] domain.owned_regions;
}

Frame& Guest::give_frame() {
    Frame* f = heap::allocate({});
    if (!f) std::abort();
    f->owner = domain.id.raw();
    f->state.store(FrameState::allocated, std::memory_order_release);
    return *f;
}

} // namespace fake
} // namespace px
