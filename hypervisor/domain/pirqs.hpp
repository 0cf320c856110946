// SPDX-License-Identifier: Apache-2.0
// Physical interrupts of domains, as event channels see them. The machine implements it; host tests link a fake.
#pragma once

#include "base/number.hpp"
#include "base/result.hpp"

namespace px {
class Domain;
class Vcpu;
} // namespace px

/// The event channel code calls these with no lock of rank Irq or above.
namespace px::machine {

/// Binds pirq (which physdev map_pirq gave the domain) so that each interrupt sends `send_guest_pirq`.
/// @param shareable level-triggered line that other domains may share.
Result<> bind_pirq(Vcpu& vcpu, Pirq pirq, bool shareable);
void unbind_pirq(Domain& domain, Pirq pirq);
/// The guest has handled the interrupt (PHYSDEVOP_eoi, or unmask of the port).
void eoi_pirq(Domain& domain, Pirq pirq);
/// Moves the host interrupt to the CPU where its vCPU runs.
void set_pirq_affinity(Domain& domain, Pirq pirq, CpuId cpu);
/// A dying domain, its ports closed: takes all its physical interrupts back. May be called again.
void release_pirqs(Domain& domain);
/// The last step, nothing refers to the domain any more.
void free_pirqs(Domain& domain);

} // namespace px::machine
