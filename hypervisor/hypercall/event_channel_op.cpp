// SPDX-License-Identifier: Apache-2.0
// event_channel_op (32): decode, call, copy back.
#include "domain/domain_list.hpp"
#include "domain/event/channels.hpp"
#include "hypercall/handlers.hpp"
#include "hypercall/operation.hpp"
#include "machine/machine.hpp"

namespace px::hypercall {
namespace {

Result<> close(abi::EvtchnClose& op) { return event::close(current_domain(), Port(op.port)); }
Result<> send(abi::EvtchnSend& op) { return event::send(current_domain(), Port(op.port)); }
Result<> unmask(abi::EvtchnUnmask& op) { return event::unmask(current_domain(), Port(op.port)); }
Result<> bind_vcpu(abi::EvtchnBindVcpu& op) {
    return event::bind_vcpu(current_domain(), Port(op.port), VcpuId(op.vcpu));
}
Result<> reset(abi::EvtchnReset& op) {
    DomainRef domain = TRY(op.dom == abi::domid_self ? find_domain_or_self(op.dom) : find_controlled_domain(op.dom));
    return event::reset(*domain);
}

Result<> perform(abi::EventChannelOp command, u64 address) {
    using Op = abi::EventChannelOp;
    switch (command) {
    case Op::AllocUnbound: return with_result(address, &event::alloc_unbound);
    case Op::BindInterdomain: return with_result(address, &event::bind_interdomain);
    case Op::BindVirq: return with_result(address, &event::bind_virq);
    case Op::BindIpi: return with_result(address, &event::bind_ipi);
    case Op::BindPirq: return with_result(address, &event::bind_pirq);
    case Op::Close: return without_result(address, &close);
    case Op::Send: return without_result(address, &send);
    case Op::Status: return with_result(address, &event::status);
    case Op::BindVcpu: return without_result(address, &bind_vcpu);
    case Op::Unmask: return without_result(address, &unmask);
    case Op::Reset:
    case Op::ResetCont: return without_result(address, &reset);
    case Op::InitControl: return with_result(address, &event::init_control);
    case Op::ExpandArray: return without_result(address, &event::expand_array);
    case Op::SetPriority: return without_result(address, &event::set_priority);
    }
    return fail(Error::NoSys);
}

} // namespace

Outcome event_channel_op(Call& call) {
    const auto command = static_cast<abi::EventChannelOp>(static_cast<u32>(call.args[0]));
    const Result<> result = perform(command, call.args[1]);
    // Only reset is preemptible; it remembers in the table where to go on.
    if (!result && result.error() == Error::Restart) return Outcome::restart();
    return Outcome::of(result);
}

/// The form before 2006: one structure, which begins with the command. The operations of then only.
Outcome event_channel_op_compat(Call& call) {
    constexpr u64 operands = sizeof(u32);
    const auto command = GuestPointer<u32>(call.args[0]).read();
    if (!command) return Outcome::error(command.error());
    using Op = abi::EventChannelOp;
    switch (const auto op = static_cast<Op>(*command)) {
    case Op::AllocUnbound:
    case Op::BindInterdomain:
    case Op::BindVirq:
    case Op::BindIpi:
    case Op::BindPirq:
    case Op::Close:
    case Op::Send:
    case Op::Status: return Outcome::of(perform(op, call.args[0] + operands));
    default: return Outcome::error(Error::NoSys);
    }
}

} // namespace px::hypercall
