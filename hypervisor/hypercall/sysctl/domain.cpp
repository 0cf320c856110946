// SPDX-License-Identifier: Apache-2.0
// sysctl: all domains, the one CPU pool, the scheduler's own parameters.
#include "domain/run/schedule.hpp"
#include "hypercall/control_bitmap.hpp"
#include "hypercall/domctl/domctl.hpp"
#include "hypercall/sysctl/sysctl.hpp"
#include "machine/machine.hpp"

namespace px::hypercall::sysctl_command {

Result<> domain_list(abi::SysctlGetDomainInfoList& op) {
    const GuestPointer<abi::DomctlGetDomainInfo> list(op.buffer);
    u32 count = 0;
    u16 id = op.first_domain;
    while (count < op.max_domains && id < abi::first_reserved) {
        const DomainRef domain = next_domain(DomId(id));
        if (!domain) break;
        TRY(list.write(domctl_command::information(*domain), count));
        ++count;
        id = static_cast<u16>(domain->id.raw() + 1);
    }
    op.num_domains = count;
    return {};
}

namespace {

constexpr u32 the_pool = 0;

Result<> pool_information(abi::SysctlCpupoolOp& op) {
    // Asked for the first pool from a number on: there is none after the first.
    if (op.cpupool_id != the_pool) return fail(Error::NoEntry);
    op.sched_id = static_cast<u32>(abi::SchedulerId::Credit2);
    op.n_dom = 0;
    for (DomainRef domain = next_domain(DomId(0)); domain; domain = next_domain(domain->id + 1)) ++op.n_dom;
    return write_bitmap(op.cpumap, machine::online_cpus());
}

Result<> move_domain(const abi::SysctlCpupoolOp& op) {
    if (op.domid == current_domain().id.raw()) return fail(Error::Invalid);
    const DomainRef domain = find_domain(DomId(static_cast<u16>(op.domid)));
    if (!domain || op.domid > 0xffff) return fail(Error::Search);
    if (op.cpupool_id != the_pool) return fail(Error::NoEntry);
    return {}; // it is there already
}

} // namespace

Result<> cpu_pool(abi::SysctlCpupoolOp& op) {
    switch (static_cast<abi::CpupoolOp>(op.op)) {
    case abi::CpupoolOp::Info: return pool_information(op);
    case abi::CpupoolOp::FreeInfo: return write_bitmap(op.cpumap, CpuMask{});
    case abi::CpupoolOp::MoveDomain: return move_domain(op);
    case abi::CpupoolOp::Create: return fail(Error::NotSupported);
    case abi::CpupoolOp::Destroy:
    case abi::CpupoolOp::AddCpu:
    case abi::CpupoolOp::RmCpu: return fail(op.cpupool_id == the_pool ? Error::Busy : Error::NoEntry);
    }
    return fail(Error::NoSys);
}

Result<> scheduler(abi::SysctlSchedulerOp& op) {
    if (op.cpupool_id != the_pool) return fail(Error::Search);
    if (op.sched_id != static_cast<u32>(abi::SchedulerId::Credit2)) return fail(Error::Invalid);
    abi::SysctlCredit2Schedule& parameters = op.u.sched_credit2;
    switch (static_cast<abi::SysctlSchedOp>(op.cmd)) {
    case abi::SysctlSchedOp::PutInfo: {
        const u32 us = parameters.ratelimit_us;
        if (us != 0 && (us < abi::sched_ratelimit_min_us || us > abi::sched_ratelimit_max_us))
            return fail(Error::Invalid);
        schedule::set_rate_limit_us(us);
        return {};
    }
    case abi::SysctlSchedOp::GetInfo: parameters.ratelimit_us = schedule::rate_limit_us(); return {};
    }
    return fail(Error::Invalid);
}

} // namespace px::hypercall::sysctl_command
