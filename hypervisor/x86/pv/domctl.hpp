// SPDX-License-Identifier: Apache-2.0
// The domctls of paravirtual domains, by group. All are called by a privileged domain, one at a time.
#pragma once

#include "abi/domctl.hpp"
#include "x86/pv/pv_vcpu.hpp"

namespace px::pv::domctl_command {

/// Errors: Invalid for a number without vCPU, and for the calling vCPU's own domain.
Result<PvVcpu*> vcpu_of(PvDomain& domain, u32 number);

// domctl_policy.cpp
Result<> get_policy(PvDomain& domain, abi::DomctlCpuPolicy& op);
Result<> set_policy(PvDomain& domain, abi::DomctlCpuPolicy& op);
// domctl_state.cpp
Result<> set_extended_context(PvDomain& domain, const abi::DomctlExtVcpuContext& op);
Result<> get_extended_context(PvDomain& domain, abi::DomctlExtVcpuContext& op);
Result<> set_extended_state(PvDomain& domain, const abi::DomctlVcpuExtState& op);
Result<> get_extended_state(PvDomain& domain, abi::DomctlVcpuExtState& op);
Result<> set_msrs(PvDomain& domain, const abi::DomctlVcpuMsrs& op);
Result<> get_msrs(PvDomain& domain, abi::DomctlVcpuMsrs& op);

} // namespace px::pv::domctl_command
