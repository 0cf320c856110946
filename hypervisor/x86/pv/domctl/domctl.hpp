// SPDX-License-Identifier: Apache-2.0
// domctls that only paravirtual domains, or only this architecture, have (public/domctl.h).
#pragma once

#include "abi/domctl.hpp"
#include "domain/guest_pointer.hpp"
#include "x86/pv/pv_vcpu.hpp"

namespace px::pv::domctl {

/// The vCPU that an operation names, with its domain not the caller's. Errors: Search, Invalid (its own).
Result<PvVcpu*> named_vcpu(PvDomain& domain, u32 number);

// policy.cpp
Result<> get_cpu_policy(PvDomain& domain, abi::DomctlCpuPolicy& op);
/// All entries are taken, or none. Errors: Invalid, Range (err_* name the entry), Exists once a vCPU has a context.
Result<> set_cpu_policy(PvDomain& domain, abi::DomctlCpuPolicy& op);

// state.cpp
Result<> get_ext_context(PvDomain& domain, abi::DomctlExtVcpuContext& op);
Result<> set_ext_context(PvDomain& domain, const abi::DomctlExtVcpuContext& op);
Result<> get_ext_state(PvDomain& domain, abi::DomctlVcpuExtState& op);
Result<> set_ext_state(PvDomain& domain, const abi::DomctlVcpuExtState& op);
Result<> get_msrs(PvDomain& domain, abi::DomctlVcpuMsrs& op);
Result<> set_msrs(PvDomain& domain, abi::DomctlVcpuMsrs& op);
/// Types of frames, for a saver. Errors: Restart is not needed: at most 1024 at a time.
Result<> page_frame_info(PvDomain& domain, const abi::DomctlGetPageFrameInfo3& op);

} // namespace px::pv::domctl
