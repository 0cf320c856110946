// SPDX-License-Identifier: Apache-2.0
// Domain control: one typed function per operation of hypercall 36 (public/domctl.h).
#pragma once

#include "abi/domctl.hpp"
#include "xen/control.hpp"
#include "xen/numbers.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace xen {

using DomainInfo = abi::DomctlGetDomainInfo;

/// A CPU or node bitmap as the hypervisor takes it, least significant bit first.
using Bitmap = std::vector<std::uint8_t>;

/// Creates a domain. `wanted` 0 lets the hypervisor choose the id. Returns the new id.
[[nodiscard]] Result<DomId> create_domain(Control const&, abi::DomctlCreateDomain const&, DomId wanted = {});
/// Destroys a domain; goes on until the hypervisor has freed all (it answers ERESTART while it works).
[[nodiscard]] Result<> destroy_domain(Control const&, DomId);
[[nodiscard]] Result<> pause_domain(Control const&, DomId);
[[nodiscard]] Result<> unpause_domain(Control const&, DomId);
/// Facts about one domain; ESRCH where it does not exist.
[[nodiscard]] Result<DomainInfo> domain_info(Control const&, DomId);
/// Upper limit of memory in KiB.
[[nodiscard]] Result<> set_max_memory(Control const&, DomId, std::uint64_t kib);
[[nodiscard]] Result<> set_max_vcpus(Control const&, DomId, unsigned count);
[[nodiscard]] Result<abi::DomctlGetVcpuInfo> vcpu_info(Control const&, DomId, unsigned vcpu);

/// Hard and soft affinity of a vCPU.
struct Affinity {
    Bitmap hard, soft;
};
[[nodiscard]] Result<Affinity> vcpu_affinity(Control const&, DomId, unsigned vcpu, unsigned cpus);
/// Sets what is given; `force` overrides a temporary pinning. Returns what the hypervisor made of it.
[[nodiscard]] Result<Affinity> set_vcpu_affinity(Control const&, DomId, unsigned vcpu, Bitmap const* hard,
                                                 Bitmap const* soft, bool force = false);
[[nodiscard]] Result<Bitmap> node_affinity(Control const&, DomId, unsigned nodes);

[[nodiscard]] Result<> set_vcpu_context(Control const&, DomId, unsigned vcpu, abi::VcpuGuestContext const&);
/// Weight and cap; credit and credit2 have the same layout.
[[nodiscard]] Result<abi::DomctlSchedCredit> scheduling(Control const&, DomId, abi::SchedulerId);
[[nodiscard]] Result<> set_scheduling(Control const&, DomId, abi::SchedulerId, abi::DomctlSchedCredit);

[[nodiscard]] Result<> set_tsc_mode(Control const&, DomId, unsigned mode);
[[nodiscard]] Result<> set_time_offset(Control const&, DomId, std::int64_t seconds);
/// Writes the hypercall stubs into a guest's page (machine frame for PV).
[[nodiscard]] Result<> init_hypercall_page(Control const&, DomId, Frame);
[[nodiscard]] Result<> set_address_size(Control const&, DomId, unsigned bits);
/// Width of a PV guest's words, in bits: 32 or 64.
[[nodiscard]] Result<unsigned> address_size(Control const&, DomId);
[[nodiscard]] Result<> send_trigger(Control const&, DomId, abi::Trigger, unsigned vcpu);

} // namespace xen
