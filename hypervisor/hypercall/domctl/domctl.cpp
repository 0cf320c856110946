// SPDX-License-Identifier: Apache-2.0
// domctl: who may call, the domain it is about, and which command.
#include "hypercall/domctl/domctl.hpp"

#include "hypercall/handlers.hpp"

namespace px::hypercall {

namespace {

using abi::DomctlCommand;
using domctl_command::Command;

/// Commands exclude each other. Who finds it taken comes again, so that nobody waits with interrupts' work undone.
SpinLock<LockRank::DomctlGlobal> lock;

Result<> run(Command& c, GuestVaddr address) {
    namespace cmd = domctl_command;
    switch (static_cast<DomctlCommand>(c.op.cmd)) {
    case DomctlCommand::DestroyDomain: return cmd::destroy(c);
    case DomctlCommand::PauseDomain: return cmd::pause(c);
    case DomctlCommand::UnpauseDomain: return cmd::unpause(c);
    case DomctlCommand::ResumeDomain: return cmd::resume(c);
    case DomctlCommand::MaxVcpus: return cmd::max_vcpus(c);
    case DomctlCommand::MaxMem: return cmd::max_mem(c);
    case DomctlCommand::SetDomainHandle: return cmd::set_handle(c);
    case DomctlCommand::SetTimeOffset: return cmd::set_time_offset(c);
    case DomctlCommand::Subscribe: return cmd::subscribe(c);
    case DomctlCommand::SetVcpuContext: return cmd::set_context(c);
    case DomctlCommand::GetVcpuContext: return cmd::get_context(c);
    case DomctlCommand::GetVcpuInfo: return cmd::vcpu_info(c);
    case DomctlCommand::SetVcpuAffinity: return cmd::set_affinity(c);
    case DomctlCommand::GetVcpuAffinity: return cmd::get_affinity(c);
    case DomctlCommand::SendTrigger: return cmd::send_trigger(c);
    case DomctlCommand::IrqPermission: return cmd::irq_permission(c);
    case DomctlCommand::IomemPermission: return cmd::iomem_permission(c);
    case DomctlCommand::SetNodeAffinity: return cmd::set_node_affinity(c);
    case DomctlCommand::GetNodeAffinity: return cmd::get_node_affinity(c);
    case DomctlCommand::SetVirqHandler: return cmd::virq_handler(c);
    case DomctlCommand::SchedulerOp: return cmd::scheduler(c);
    default: return c.domain.arch_domctl(c.op, address, c.copy_back);
    }
}

/// getdomaininfo answers for the first domain from the given number on: tools walk the list by it.
Result<bool> get_domain_info(abi::Domctl& op) {
    if (op.domain >= abi::first_reserved) return fail(Error::Invalid);
    const DomainRef domain = next_domain(DomId(op.domain));
    if (!domain) return fail(Error::Search);
    op.u.getdomaininfo = domctl_command::information(*domain);
    op.domain = op.u.getdomaininfo.domain;
    return true;
}

/// True if op is to be copied back.
Result<bool> execute(abi::Domctl& op, GuestVaddr address) {
    if (op.cmd == static_cast<u32>(DomctlCommand::GetDomainInfo)) return get_domain_info(op);
    if (op.cmd == static_cast<u32>(DomctlCommand::CreateDomain)) {
        TRY(domctl_command::create_domain(op));
        return true;
    }
    const DomainRef domain = find_domain(DomId(op.domain));
    if (!domain) return fail(Error::Search);
    Command command{op, *domain};
    const Result<> done = run(command, address);
    // Some answers go with a failure: how much room is needed, which leaf was wrong.
    if (!done && command.copy_back) {
        if (Result<> written = GuestPointer<abi::Domctl>(address.raw()).write(op); !written) return fail(Error::Fault);
    }
    if (!done) return fail(done.error());
    return command.copy_back;
}

bool may_call(u32 command) {
    const Domain& caller = current_domain();
    return caller.is_privileged ||
           (caller.is_xenstore_domain && command == static_cast<u32>(DomctlCommand::GetDomainInfo));
}

} // namespace

Outcome domctl(Call& call) {
    if (!current_domain().is_privileged && !current_domain().is_xenstore_domain) return Outcome::error(Error::Perm);
    const GuestPointer<abi::Domctl> pointer(call.args[0]);
    Result<abi::Domctl> op = pointer.read();
    if (!op) return Outcome::error(op.error());
    if (op->interface_version != abi::domctl_interface_version) return Outcome::error(Error::Access);
    if (!may_call(op->cmd)) return Outcome::error(Error::Perm);

    if (!lock.try_lock()) return Outcome::restart();
    Result<bool> done = execute(*op, pointer.address());
    if (done && *done)
        if (Result<> written = pointer.write(*op); !written) done = fail(written.error());
    lock.unlock();
    if (!done) return done.error() == Error::Restart ? Outcome::restart() : Outcome::error(done.error());
    return Outcome::of(0);
}

} // namespace px::hypercall
