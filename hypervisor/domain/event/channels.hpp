// SPDX-License-Identifier: Apache-2.0
// Event channels of a domain: ports, their bindings, and how they are made pending (2-level or FIFO).
#pragma once

#include "abi/event_channel.hpp"
#include "abi/hypercall.hpp"
#include "base/lock.hpp"
#include "base/result.hpp"
#include "domain/domain.hpp"

namespace px {

/// Sends a virtual interrupt to the domain (global ones) or vCPU that bound it; nothing when it is not bound. Any
/// context.
void send_guest_virq(Vcpu& vcpu, abi::Virq virq);
/// Global VIRQ to the hardware domain (console, con_ring, dom_exc...).
void send_global_virq(abi::Virq virq);
/// A physical interrupt bound by bind_pirq has come in. Interrupt context.
void send_guest_pirq(Domain& domain, Pirq pirq);

/// EVTCHNOP_*: one function per sub-operation on the current domain; the hypercall decodes and calls.
/// Structures are the ABI's; out fields are filled. Errors as the ABI has them.
namespace event {
Result<> alloc_unbound(abi::EvtchnAllocUnbound& op);
Result<> bind_interdomain(abi::EvtchnBindInterdomain& op);
Result<> bind_virq(abi::EvtchnBindVirq& op);
Result<> bind_ipi(abi::EvtchnBindIpi& op);
Result<> bind_pirq(abi::EvtchnBindPirq& op);
Result<> close(Domain& domain, Port port);
Result<> send(Domain& domain, Port port);
Result<> status(abi::EvtchnStatus& op);
Result<> bind_vcpu(Domain& domain, Port port, VcpuId vcpu);
Result<> unmask(Domain& domain, Port port);
/// Fails with Restart when preempted.
Result<> reset(Domain& domain);
Result<> init_control(abi::EvtchnInitControl& op);
Result<> expand_array(abi::EvtchnExpandArray& op);
Result<> set_priority(abi::EvtchnSetPriority& op);

/// Parts of a domain's life.
Result<> init(Domain& domain);
/// Closes all ports; Restart when preempted.
Result<> destroy(Domain& domain);
void free(Domain& domain);
/// True if the port is bound and pending (SCHEDOP_poll).
[[nodiscard]] bool is_open_and_pending(Domain& domain, Port port);
/// The same with its channel's lock held, or the table's.
[[nodiscard]] bool is_pending(Domain& domain, Port port);
/// A vCPU's info moved: makes everything pending there so that nothing is lost.
void vcpu_info_moved(Vcpu& vcpu);
/// True for virtual interrupts that a domain gets once, not per vCPU.
[[nodiscard]] constexpr bool is_global(u32 virq) {
    return virq != static_cast<u32>(abi::Virq::Timer) && virq != static_cast<u32>(abi::Virq::Debug) &&
           virq != static_cast<u32>(abi::Virq::Xenpmu) && virq != static_cast<u32>(abi::Virq::Xenoprof);
}
/// set_virq_handler: a global VIRQ goes to this domain from now on. Errors: Invalid.
Result<> set_global_virq_handler(Domain& domain, u32 virq);
/// Its global VIRQs go to the hardware domain again (part of destroy()).
void forget_global_virq_handler(Domain& domain);
/// Debug key 'e'.
void dump(Domain& domain);
} // namespace event

} // namespace px
