// SPDX-License-Identifier: Apache-2.0
// sysctl: who may call, and which command.
#include "hypercall/sysctl/sysctl.hpp"

#include "domain/guest_pointer.hpp"
#include "domain/host_policy.hpp"
#include "hypercall/handlers.hpp"

namespace px::hypercall {

namespace {

using abi::SysctlCommand;

/// Commands exclude each other, apart from domctl's.
SpinLock<LockRank::DomctlGlobal> lock;

Result<> run(abi::Sysctl& op) {
    namespace cmd = sysctl_command;
    switch (static_cast<SysctlCommand>(op.cmd)) {
    case SysctlCommand::Readconsole: return cmd::read_console(op.u.readconsole);
    case SysctlCommand::DebugKeys: return cmd::debug_keys(op.u.debug_keys);
    case SysctlCommand::Physinfo: return cmd::physical_information(op.u.physinfo);
    case SysctlCommand::Cputopoinfo: return cmd::cpu_topology(op.u.cputopoinfo);
    case SysctlCommand::Numainfo: return cmd::numa_information(op.u.numainfo);
    case SysctlCommand::Pcitopoinfo: return cmd::pci_topology(op.u.pcitopoinfo);
    case SysctlCommand::GetCpuinfo: return cmd::cpu_information(op.u.getcpuinfo);
    case SysctlCommand::Availheap: return cmd::available_heap(op.u.availheap);
    case SysctlCommand::PageOfflineOp: return cmd::page_offline(op.u.page_offline);
    case SysctlCommand::GetDomainInfoList: return cmd::domain_list(op.u.getdomaininfolist);
    case SysctlCommand::CpupoolOp: return cmd::cpu_pool(op.u.cpupool_op);
    case SysctlCommand::SchedulerOp: return cmd::scheduler(op.u.scheduler_op);
    case SysctlCommand::SchedId: op.u.sched_id.sched_id = static_cast<u32>(abi::SchedulerId::Credit2); return {};
    case SysctlCommand::GetCpuPolicy: return host_policy::get(op.u.cpu_policy);
    case SysctlCommand::GetCpuFeatureset: return host_policy::get_featureset(op.u.cpu_featureset);
    case SysctlCommand::GetCpuLevellingCaps:
        op.u.cpu_levelling_caps.caps = host_policy::levelling_capabilities();
        return {};
    // No power management of the host's CPUs, no cache or bandwidth control, no coverage, no CPU hotplug.
    case SysctlCommand::GetPmstat:
    case SysctlCommand::PmOp:
    case SysctlCommand::PsrCmtOp:
    case SysctlCommand::PsrAlloc: return fail(Error::NoDevice);
    case SysctlCommand::CpuHotplug:
    case SysctlCommand::CoverageOp: return fail(Error::NotSupported);
    default: return fail(Error::NoSys); // trace buffers, counters, lock profiles, live patches: not built in
    }
}

bool may_call(u32 command) {
    const Domain& caller = current_domain();
    return caller.is_privileged ||
           (caller.is_xenstore_domain && command == static_cast<u32>(SysctlCommand::GetDomainInfoList));
}

} // namespace

Outcome sysctl(Call& call) {
    if (!current_domain().is_privileged && !current_domain().is_xenstore_domain) return Outcome::error(Error::Perm);
    const GuestPointer<abi::Sysctl> pointer(call.args[0]);
    Result<abi::Sysctl> op = pointer.read();
    if (!op) return Outcome::error(op.error());
    if (op->interface_version != abi::sysctl_interface_version) return Outcome::error(Error::Access);
    if (!may_call(op->cmd)) return Outcome::error(Error::Perm);

    if (!lock.try_lock()) return Outcome::restart();
    Result<> done = run(*op);
    if (done) done = pointer.write(*op);
    lock.unlock();
    return Outcome::of(done);
}

} // namespace px::hypercall
