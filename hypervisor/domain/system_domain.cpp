// SPDX-License-Identifier: Apache-2.0
// Domains that are no guests: every operation of a guest kind fails on them.
#include "domain/system_domain.hpp"

#include "base/panic.hpp"
#include "memory/heap.hpp"

namespace px {

namespace {

class SystemDomain final : public Domain {
  public:
    using Domain::Domain;
    Result<Vcpu*> make_vcpu(VcpuId) override { return fail(Error::Invalid); }
    Result<Mfn> translate(Gfn gfn) override { return Mfn(gfn.raw()); }
    Result<> map_frame(Gfn, Mfn, unsigned) override { return fail(Error::Invalid); }
    Result<> unmap_frame(Gfn, Mfn, unsigned) override { return fail(Error::Invalid); }
    Result<> map_grant(u64, Mfn, u32, u64) override { return fail(Error::Invalid); }
    Result<> unmap_grant(u64, Mfn, u32, u64) override { return fail(Error::Invalid); }
    Result<> arch_domctl(abi::Domctl&, GuestVaddr, bool&) override { return fail(Error::NoSys); }
    void flush_tlb() override {}
    Result<> relinquish() override { return {}; }
    [[nodiscard]] u32 features() const override { return 0; }
    [[nodiscard]] u32 info_flags() const override { return 0; }
};

Domain* idle_domain;
Domain* xen_domain;
Domain* io_domain;

Domain& get_or_make(Domain*& domain, u16 id) {
    if (!domain) domain = make<SystemDomain>(DomId(id));
    if (!domain) panic("no memory for domain {}", id);
    return *domain;
}

} // namespace

Domain& system_domain(u16 id) {
    // Made at start, by the boot CPU alone: init_domains() asks for all three.
    if (id == abi::domid_xen) return get_or_make(xen_domain, id);
    if (id == abi::domid_io) return get_or_make(io_domain, id);
    return get_or_make(idle_domain, abi::domid_idle);
}

Domain* frame_owner_domain(u16 id) {
    return id == abi::domid_xen || id == abi::domid_io ? &system_domain(id) : nullptr;
}

} // namespace px
