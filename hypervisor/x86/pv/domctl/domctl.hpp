// SPDX-License-Identifier: Apache-2.0
// domctls that only paravirtual domains have, or have in a way of their own (public/domctl.h).
#pragma once

#include "abi/domctl.hpp"
#include "domain/guest_pointer.hpp"
#include "x86/pv/pv_vcpu.hpp"

namespace px::pv::domctl {

// state.cpp
Result<> get_ext_context(PvDomain& domain, abi::DomctlExtVcpuContext& op);
Result<> set_ext_context(PvDomain& domain, const abi::DomctlExtVcpuContext& op);
/// Types of frames, for a saver. Errors: Restart is not needed: at most 1024 at a time.
Result<> page_frame_info(PvDomain& domain, const abi::DomctlGetPageFrameInfo3& op);

} // namespace px::pv::domctl
