// SPDX-License-Identifier: Apache-2.0
// Flushes that guests ask for.
#pragma once

#include "base/bitmap.hpp"
#include "base/result.hpp"

namespace px::pv {

/// CPUs that may hold translations of the current domain's vCPUs in a guest's bitmap (64-bit words at this address).
/// Errors: Fault.
Result<CpuMask> cpus_of_guest_mask(GuestVaddr mask);
/// The flags argument of update_va_mapping (abi::uvmf_*). Errors: Fault, Invalid.
Result<> flush_by_flags(GuestVaddr address, u64 flags);

} // namespace px::pv
