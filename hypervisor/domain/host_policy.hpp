// SPDX-License-Identifier: Apache-2.0
// The host's CPU policies, as the tools ask for them. The guest kinds' architecture implements it.
#pragma once

#include "abi/sysctl.hpp"
#include "base/number.hpp"
#include "base/result.hpp"

namespace px::host_policy {

/// get_cpu_policy: the buffers are the caller's; null ones ask for the numbers of entries. Fills the out fields.
/// Errors: Invalid, NotSupported for a kind of guest that is not there, NoBuffers, Fault.
Result<> get(abi::SysctlCpuPolicy& op);
/// get_cpu_featureset, with the same rules.
Result<> get_featureset(abi::SysctlCpuFeatureset& op);
/// get_cpu_levelling_caps: which CPUID leaves the hardware can mask for paravirtual guests.
[[nodiscard]] u32 levelling_capabilities();

} // namespace px::host_policy
