// SPDX-License-Identifier: Apache-2.0
// What hardware-assisted guests (HVM, PVH) have: parameters, machine state, paging memory; and what every guest sees of
// its CPU (public/hvm/params.h, hvm/save.h, domctl.h, sysctl.h).
#pragma once

#include "abi/domctl.hpp"
#include "abi/hvm.hpp"
#include "xen/control.hpp"
#include "xen/numbers.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace xen {

[[nodiscard]] Result<> set_hvm_parameter(Control const&, DomId, abi::HvmParamIndex, std::uint64_t value);
[[nodiscard]] Result<std::uint64_t> hvm_parameter(Control const&, DomId, abi::HvmParamIndex);

/// Memory that the hypervisor keeps a guest's physical map in, in bytes (whole pages). Goes on until all is there.
[[nodiscard]] Result<> set_paging_memory(Control const&, DomId, std::uint64_t bytes);

/// The state of the whole virtual machine as a stream of records (public/hvm/save.h).
[[nodiscard]] Result<std::vector<std::uint8_t>> hvm_context(Control const&, DomId);
/// Loads records; a stream that has only some of them changes only these. The guest must not run.
[[nodiscard]] Result<> set_hvm_context(Control const&, DomId, std::span<std::uint8_t const>);

/// What a guest sees of its CPU.
struct CpuPolicy {
    std::vector<abi::CpuidLeaf> leaves;
    std::vector<abi::MsrEntry> msrs;
};
[[nodiscard]] Result<CpuPolicy> cpu_policy(Control const&, DomId);
/// What the hypervisor itself has to give.
[[nodiscard]] Result<CpuPolicy> host_cpu_policy(Control const&);
/// The error names the leaf or MSR that the hypervisor refuses.
[[nodiscard]] Result<> set_cpu_policy(Control const&, DomId, CpuPolicy const&);

} // namespace xen
