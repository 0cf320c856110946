// SPDX-License-Identifier: Apache-2.0
// The state in which a PVH guest's machine starts, as records of the hypervisor's stream (public/hvm/save.h): pure.
#pragma once

#include "image/bytes.hpp"
#include "xen/hvm.hpp"

#include <cstdint>
#include <vector>

namespace image {

/// From the context of the new, untouched domain: the first vCPU in flat 32-bit protected mode at `entry` with ebx =
/// `start_info` (docs/misc/pvh.pandoc), all memory cacheable on every vCPU. Errors: the stream is damaged or lacks a
/// record.
toolstack::Result<std::vector<std::uint8_t>> initial_context(View current, std::uint64_t entry,
                                                             std::uint64_t start_info);

/// How a guest's processors appear: as cores without siblings. APIC ids are twice the vCPU's number, so the fields that
/// count ids double (APM vol. 3 E.4.7, SDM CPUID leaves 1 and 4). `invariant` says whether the TSC is called so.
void shape_policy(xen::CpuPolicy& policy, bool invariant);

/// Whether a processor has an invariant time stamp counter.
bool has_invariant_tsc(const xen::CpuPolicy& policy);

} // namespace image
