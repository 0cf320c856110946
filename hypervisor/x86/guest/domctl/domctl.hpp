// SPDX-License-Identifier: Apache-2.0
// domctls that domains of every kind on x86 have (public/domctl.h).
#pragma once

#include "abi/domctl.hpp"
#include "domain/guest_pointer.hpp"
#include "x86/guest/x86_vcpu.hpp"

namespace px::guest::domctl {

/// The vCPU that an operation names. Errors: Search, Invalid (the caller itself).
Result<X86Vcpu*> named_vcpu(X86Domain& domain, u32 number);

/// Holds a domain or a vCPU, not the caller's, still for a look inside.
template <class Pausable> class Paused {
  public:
    explicit Paused(Pausable& what) : what_(what) { what_.pause(); }
    ~Paused() { what_.unpause(); }
    Paused(const Paused&) = delete;
    Paused& operator=(const Paused&) = delete;

  private:
    Pausable& what_;
};

/// Does what every kind does alike. Sets copy_back if `op` is to be written back. Errors: NoSys for others.
Result<> execute(X86Domain& domain, abi::Domctl& op, bool& copy_back);

// policy.cpp
Result<> get_cpu_policy(X86Domain& domain, abi::DomctlCpuPolicy& op);
/// All entries are taken, or none. Errors: Invalid, Range (err_* name the entry), Exists once a vCPU has a context.
Result<> set_cpu_policy(X86Domain& domain, abi::DomctlCpuPolicy& op);

// state.cpp
Result<> get_ext_state(X86Domain& domain, abi::DomctlVcpuExtState& op);
Result<> set_ext_state(X86Domain& domain, const abi::DomctlVcpuExtState& op);
Result<> get_msrs(X86Domain& domain, abi::DomctlVcpuMsrs& op);
Result<> set_msrs(X86Domain& domain, abi::DomctlVcpuMsrs& op);

} // namespace px::guest::domctl
