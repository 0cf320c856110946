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
    /// Null if it is no paravirtual guest: one of another kind, or the owner of devices' or the hypervisor's frames.
    [[nodiscard]] PvDomain* pv() const { return as_pv(*domain_); }

  private:
    DomainRef reference_;
    Domain* domain_;
};

} // namespace px::pv
