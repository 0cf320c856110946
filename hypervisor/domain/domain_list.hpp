// SPDX-License-Identifier: Apache-2.0
// Finding domains: counted references, ids that grow.
#pragma once

#include "base/result.hpp"
#include "domain/domain.hpp"

namespace px {

/// A counted reference to a domain; empty when there is none. Move only.
class DomainRef {
  public:
    DomainRef() = default;
    /// Adopts a reference already taken.
    explicit DomainRef(Domain* adopted) : domain_(adopted) {}
    DomainRef(DomainRef&& other) noexcept : domain_(other.release()) {}
    DomainRef& operator=(DomainRef&& other) noexcept {
        if (this != &other) {
            drop();
            domain_ = other.release();
        }
        return *this;
    }
    ~DomainRef() { drop(); }
    explicit operator bool() const { return domain_ != nullptr; }
    Domain* operator->() const { return domain_; }
    Domain& operator*() const { return *domain_; }
    [[nodiscard]] Domain* get() const { return domain_; }
    Domain* release() {
        Domain* d = domain_;
        domain_ = nullptr;
        return d;
    }

  private:
    void drop();
    Domain* domain_ = nullptr;
};

/// Domain with this id, dying ones included (destroydomain needs them). Empty if there is none.
[[nodiscard]] DomainRef find_domain(DomId id);
/// The same, with DOMID_SELF for the current one. Errors: Search.
[[nodiscard]] Result<DomainRef> find_domain_or_self(u16 id);
/// First domain with id >= `from`, in order of ids (getdomaininfolist).
[[nodiscard]] DomainRef next_domain(DomId from);
/// The same, but only if the current domain may control it. Errors: Search, Perm.
[[nodiscard]] Result<DomainRef> find_controlled_domain(u16 id);
/// dom0, once made.
[[nodiscard]] Domain* hardware_domain();

/// Takes a free id (`wanted`, or the next that grows when 0) and puts the domain on the list. Errors: Exists, NoMemory.
Result<DomId> reserve_domain_id(u16 wanted);
void insert_domain(Domain& domain);
/// Last step of destruction: takes it off; the id may be used again once all references are gone.
void remove_domain(Domain& domain);

/// Makes a domain of the kind that its flags ask for: checks the configuration, builds its parts (events, grants,
/// shared page, vCPU array) and lists it. Rolled back on failure. wanted 0: next free id. Errors: Invalid, NoMemory,
/// Exists.
Result<Domain*> create_domain(u16 wanted, const abi::DomctlCreateDomain& config, bool privileged);
/// destroydomain: preemptible; Restart when there is more to do.
Result<> destroy_domain(Domain& domain);
/// Makes vCPU `number` through the guest kind and gives it to the scheduler.
Result<Vcpu*> create_vcpu(Domain& domain, VcpuId number);

} // namespace px
