// SPDX-License-Identifier: Apache-2.0
// Flushes that guests ask for: here, on some vCPUs' CPUs, or on all of the domain's.
#include "x86/pv/paging/mmu_flush.hpp"

#include "domain/guest_pointer.hpp"
#include "x86/instructions.hpp"
#include "x86/pv/paging/tlb.hpp"

namespace px::pv {

Result<CpuMask> cpus_of_guest_mask(GuestVaddr mask) {
    const Domain& domain = current_domain();
    const GuestPointer<u64> words(mask.raw());
    CpuMask cpus;
    for (u32 first = 0; first < domain.max_vcpus; first += 64) {
        u64 word = TRY(words.read(first / 64));
        for (; word != 0; word &= word - 1) {
            const u32 id = first + static_cast<u32>(__builtin_ctzll(word));
            if (id >= domain.max_vcpus) break;
            if (const Vcpu* vcpu = domain.vcpu(VcpuId(id))) add_dirty_cpus(cpus, *vcpu);
        }
    }
    return cpus;
}

Result<> flush_by_flags(GuestVaddr address, u64 flags) {
    const u64 what = flags & abi::uvmf_flushtype_mask;
    if (what == abi::uvmf_none) return {};
    if (what != abi::uvmf_tlb_flush && what != abi::uvmf_invlpg) return fail(Error::Invalid);
    const u64 where = flags & ~abi::uvmf_flushtype_mask;
    const bool whole = what == abi::uvmf_tlb_flush;
    if (where == abi::uvmf_local) {
        if (whole) flush_tlb_here();
        else x86::invlpg(address.raw());
        return {};
    }
    const CpuMask cpus =
        where == abi::uvmf_all ? dirty_cpus(current_domain()) : TRY(cpus_of_guest_mask(GuestVaddr(where)));
    if (whole) flush_tlb(cpus);
    else flush_page(cpus, address);
    return {};
}

} // namespace px::pv
