// SPDX-License-Identifier: Apache-2.0
// A paravirtual domain's life.
#include "abi/version.hpp"
#include "domain/domain_list.hpp"
#include "memory/heap.hpp"
#include "x86/guest/policy/cpuid.hpp"
#include "x86/pv/hypercall_page.hpp"
#include "x86/pv/paging/pagetable.hpp"
#include "x86/pv/pv_vcpu.hpp"

namespace px::pv {

PvDomain::~PvDomain() { destroy_per_domain_area(*this); }

Result<Domain*> make_pv_domain(DomId id, const abi::DomctlCreateDomain& config) {
    constexpr u32 allowed = abi::cdf_xs_domain | abi::cdf_oos_off | abi::cdf_s3_integrity;
    if ((config.flags & ~allowed) != 0 || config.arch.emulation_flags != 0) return fail(Error::Invalid);
    PvDomain* const domain = make<PvDomain>(id);
    if (!domain) return fail(Error::NoMemory);
    domain->absent_entries = x86::speculation::absent_entries(id.raw() == 0);
    domain->is_isolated = x86::speculation::isolates_page_tables(id.raw() == 0);
    domain->policy = make<CpuPolicy>(host_policies.pv);
    Result<> made = domain->policy ? create_per_domain_area(*domain) : fail(Error::NoMemory);
    if (!made) {
        destroy(domain);
        return fail(made.error());
    }
    return domain;
}

Result<> init_hypercall_page(PvDomain& domain, Gfn gfn) {
    const Mfn mfn = TRY(domain.translate(gfn));
    if (!is_valid(mfn) || !acquire_writable(frame_of(mfn), domain.id)) return fail(Error::Access);
    fill_hypercall_page(to_virtual(mfn));
    release_writable(frame_of(mfn));
    return {};
}

const CpuPolicy& PvDomain::largest_policy() const { return host_policies.pv; }

Result<> PvDomain::relinquish() { return release_page_tables(*this); }

u32 PvDomain::features() const {
    using abi::Feature;
    const auto bit = [](Feature f) { return 1u << static_cast<u32>(f); };
    u32 bits = bit(Feature::MmuPtUpdatePreserveAd) | bit(Feature::HighmemAssist) | bit(Feature::GnttabMapAvailBits) |
               bit(Feature::MemoryOpVnodeSupported) | bit(Feature::DirectMapped);
    if (vm_assist >> static_cast<u32>(abi::VmAssistType::PaeExtendedCr3) & 1) bits |= bit(Feature::PaePgdirAbove4gb);
    if (is_hardware_domain) bits |= bit(Feature::Dom0);
    return bits;
}

u32 PvDomain::info_flags() const { return 0; }

} // namespace px::pv
