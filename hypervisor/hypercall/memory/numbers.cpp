// SPDX-License-Identifier: Apache-2.0
// Numbers of a domain's memory: sizes, claims, targets.
#include "hypercall/memory/memory_op.hpp"

namespace px::hypercall::memory {

Outcome domain_number(const Operation& op) {
    const Result<abi::MemoryDomain> which = GuestPointer<abi::MemoryDomain>(op.address).read();
    if (!which) return Outcome::error(which.error());
    const Result<DomainRef> domain = find_controlled_domain(which->domid);
    if (!domain) return Outcome::error(domain.error());
    switch (op.command) {
    case abi::MemoryOp::CurrentReservation: return Outcome::of(static_cast<s64>((*domain)->total_pages.load()));
    case abi::MemoryOp::MaximumReservation: return Outcome::of(static_cast<s64>((*domain)->max_pages));
    default: return Outcome::of(static_cast<s64>((*domain)->shared_info->arch.max_pfn) - 1); // as the guest says itself
    }
}

Result<> claim_pages(const Operation& op) {
    if (!current_domain().is_privileged) return fail(Error::Perm);
    const auto r = TRY(GuestPointer<abi::MemoryReservation>(op.address).read());
    if (!r.extent_start.is_null() || r.extent_order != 0 || r.mem_flags != 0) return fail(Error::Invalid);
    const DomainRef domain = find_domain(DomId(r.domid));
    if (!domain) return fail(Error::Invalid);
    return domain->claim(r.nr_extents);
}

/// Populate-on-demand: a paravirtual domain has none, so that every target is met already. The tools ask for all.
Result<> pod_target(const Operation& op) {
    if (!current_domain().is_privileged) return fail(Error::Perm);
    const GuestPointer<abi::PodTarget> pointer(op.address);
    auto target = TRY(pointer.read());
    const DomainRef domain = TRY(find_domain_or_self(target.domid));
    if (op.command == abi::MemoryOp::SetPodTarget && target.target_pages > domain->max_pages)
        return fail(Error::Invalid);
    target.tot_pages = domain->total_pages.load();
    target.pod_cache_pages = 0;
    target.pod_entries = 0;
    return pointer.write(target);
}

} // namespace px::hypercall::memory
