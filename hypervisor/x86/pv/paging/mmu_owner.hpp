// SPDX-License-Identifier: Apache-2.0
// Whose page tables a memory-management call works on, and whose frames it maps.
#pragma once

#include "domain/domain_list.hpp"
#include "x86/pv/pv_vcpu.hpp"

namespace px::pv {

/// A domain that a call names, referenced unless it is the current or a system domain.
class NamedDomain {
  public:
    /// The current domain.
    NamedDomain() : domain_(&current_domain()) {}
    /// @param id  domid_self, domid_io, domid_xen (frames only) or another domain that the current one controls.
    /// Errors: Search, Perm.
    static Result<NamedDomain> find(u16 id);

    [[nodiscard]] Domain& operator*() const { return *domain_; }
    /// True if it is a guest, not the owner of devices' or the hypervisor's frames.
    [[nodiscard]] bool is_guest() const { return domain_->id.raw() < abi::first_reserved; }
    /// Only if is_guest().
    [[nodiscard]] PvDomain& pv() const { return static_cast<PvDomain&>(*domain_); }

  private:
    DomainRef reference_;
    Domain* domain_;
};

} // namespace px::pv
