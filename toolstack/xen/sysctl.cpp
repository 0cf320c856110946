// SPDX-License-Identifier: Apache-2.0
// System control operations.
#include "xen/sysctl.hpp"

#include <algorithm>
#include <cerrno>
#include <unistd.h>

namespace xen {
namespace {

abi::Sysctl request(abi::SysctlCommand command) {
    abi::Sysctl op{};
    op.cmd = static_cast<std::uint32_t>(command);
    op.interface_version = abi::sysctl_interface_version;
    return op;
}

Result<> issue(Control const& control, abi::Sysctl& op, char const* what) {
    auto done = control.call(abi::Hypercall::Sysctl, op);
    if (!done) return fail(done.error().code, what);
    return {};
}

std::size_t bytes_for(unsigned bits) { return (bits + 63) / 64 * 8; }

Result<abi::Sysctl> schedule_op(Control const& control, std::uint32_t pool, abi::SchedulerId scheduler,
                                abi::SysctlSchedOp command, abi::SysctlCreditSchedule const& value) {
    auto op = request(abi::SysctlCommand::SchedulerOp);
    op.u.scheduler_op.cpupool_id = pool;
    op.u.scheduler_op.sched_id = static_cast<std::uint32_t>(scheduler);
    op.u.scheduler_op.cmd = static_cast<std::uint32_t>(command);
    op.u.scheduler_op.u.sched_credit = value;
    XEN_TRY(issue(control, op, "scheduler parameters"));
    return op;
}

} // namespace

Result<abi::SysctlPhysinfo> physical_info(Control const& control) {
    auto op = request(abi::SysctlCommand::Physinfo);
    XEN_TRY(issue(control, op, "host information"));
    return op.u.physinfo;
}

Result<std::vector<DomainInfo>> list_domains(Control const& control, DomId first) {
    // A page holds 36 entries: enough for most hosts in one call.
    constexpr std::uint32_t room = static_cast<std::uint32_t>(page_size / sizeof(DomainInfo));
    auto buffer = XEN_TRY(HypercallBuffer<DomainInfo>::allocate(room));
    std::vector<DomainInfo> out;
    for (;;) {
        auto op = request(abi::SysctlCommand::GetDomainInfoList);
        op.u.getdomaininfolist = {first.value, room, buffer.handle(), 0};
        XEN_TRY(issue(control, op, "list of domains"));
        auto got = std::min(op.u.getdomaininfolist.num_domains, room);
        out.insert(out.end(), buffer.data(), buffer.data() + got);
        if (got < room) return out;
        first.value = static_cast<abi::domid_t>(out.back().domain + 1);
    }
}

Result<abi::SchedulerId> scheduler(Control const& control) {
    auto op = request(abi::SysctlCommand::SchedId);
    XEN_TRY(issue(control, op, "scheduler"));
    return static_cast<abi::SchedulerId>(op.u.sched_id.sched_id);
}

Result<> debug_keys(Control const& control, std::string_view keys) {
    auto buffer = XEN_TRY(HypercallBuffer<char>::copy_of(std::span(keys.data(), keys.size())));
    auto op = request(abi::SysctlCommand::DebugKeys);
    op.u.debug_keys = {buffer.handle<const char>(), static_cast<std::uint32_t>(keys.size())};
    return issue(control, op, "debug keys");
}

Result<std::string> read_console(Control const& control, bool clear) {
    constexpr std::uint32_t chunk = 16384;
    auto buffer = XEN_TRY(HypercallBuffer<char>::allocate(chunk));
    std::string text;
    std::uint32_t index = 0;
    for (;;) {
        auto op = request(abi::SysctlCommand::Readconsole);
        op.u.readconsole = {.clear = 0, .incremental = 1, .index = index, .buffer = buffer.handle(), .count = chunk};
        XEN_TRY(issue(control, op, "hypervisor console"));
        auto got = std::min(op.u.readconsole.count, chunk);
        text.append(buffer.data(), got);
        if (got < chunk) break;
        index = op.u.readconsole.index;
    }
    if (clear) {
        auto op = request(abi::SysctlCommand::Readconsole);
        op.u.readconsole = {.clear = 1, .buffer = buffer.handle(), .count = chunk};
        XEN_TRY(issue(control, op, "hypervisor console"));
    }
    return text;
}

Result<std::vector<CpuPool>> cpu_pools(Control const& control, unsigned cpus) {
    auto map = XEN_TRY(HypercallBuffer<std::uint8_t>::allocate(bytes_for(cpus)));
    std::vector<CpuPool> out;
    for (std::uint32_t id = 0;; ++id) {
        auto op = request(abi::SysctlCommand::CpupoolOp);
        op.u.cpupool_op.op = static_cast<std::uint32_t>(abi::CpupoolOp::Info);
        op.u.cpupool_op.cpupool_id = id;
        op.u.cpupool_op.cpumap = {map.handle(), static_cast<std::uint32_t>(map.size() * 8)};
        auto done = issue(control, op, "CPU pools");
        if (!done && done.error().code == ENOENT) return out; // no pool with this or a higher id
        if (!done) return std::unexpected(done.error());
        id = op.u.cpupool_op.cpupool_id;
        out.push_back({id, static_cast<abi::SchedulerId>(op.u.cpupool_op.sched_id), op.u.cpupool_op.n_dom,
                       Bitmap(map.span().begin(), map.span().end())});
    }
}

Result<Bitmap> free_cpus(Control const& control, unsigned cpus) {
    auto map = XEN_TRY(HypercallBuffer<std::uint8_t>::allocate(bytes_for(cpus)));
    auto op = request(abi::SysctlCommand::CpupoolOp);
    op.u.cpupool_op.op = static_cast<std::uint32_t>(abi::CpupoolOp::FreeInfo);
    op.u.cpupool_op.cpumap = {map.handle(), static_cast<std::uint32_t>(map.size() * 8)};
    XEN_TRY(issue(control, op, "free CPUs"));
    return Bitmap(map.span().begin(), map.span().end());
}

Result<> move_to_pool(Control const& control, DomId domain, std::uint32_t pool) {
    auto op = request(abi::SysctlCommand::CpupoolOp);
    op.u.cpupool_op.op = static_cast<std::uint32_t>(abi::CpupoolOp::MoveDomain);
    op.u.cpupool_op.cpupool_id = pool;
    op.u.cpupool_op.domid = domain.value;
    return issue(control, op, "move to another CPU pool");
}

namespace {

Result<std::uint32_t> pool_op(Control const& control, abi::CpupoolOp what, abi::SysctlCpupoolOp fields,
                              const char* text) {
    auto op = request(abi::SysctlCommand::CpupoolOp);
    op.u.cpupool_op = fields;
    op.u.cpupool_op.op = static_cast<std::uint32_t>(what);
    XEN_TRY(issue(control, op, text));
    return op.u.cpupool_op.cpupool_id;
}

} // namespace

Result<std::uint32_t> create_pool(Control const& control, abi::SchedulerId scheduler) {
    return pool_op(control, abi::CpupoolOp::Create,
                   {.cpupool_id = abi::cpupool_par_any, .sched_id = static_cast<std::uint32_t>(scheduler)},
                   "new CPU pool");
}

Result<> destroy_pool(Control const& control, std::uint32_t pool) {
    XEN_TRY(pool_op(control, abi::CpupoolOp::Destroy, {.cpupool_id = pool}, "end of a CPU pool"));
    return {};
}

Result<> add_to_pool(Control const& control, std::uint32_t pool, unsigned cpu) {
    XEN_TRY(pool_op(control, abi::CpupoolOp::AddCpu, {.cpupool_id = pool, .cpu = cpu}, "CPU into a pool"));
    return {};
}

Result<> remove_from_pool(Control const& control, std::uint32_t pool, unsigned cpu) {
    constexpr int tries = 50;
    constexpr unsigned pause_us = 100'000;
    for (int i = 1;; ++i) {
        auto done = pool_op(control, abi::CpupoolOp::RmCpu, {.cpupool_id = pool, .cpu = cpu}, "CPU out of a pool");
        if (done) return {};
        if ((done.error().code != EBUSY && done.error().code != EAGAIN) || i == tries)
            return std::unexpected(done.error());
        usleep(pause_us);
    }
}

Result<abi::SysctlCreditSchedule> credit_parameters(Control const& control, std::uint32_t pool) {
    return XEN_TRY(schedule_op(control, pool, abi::SchedulerId::Credit, abi::SysctlSchedOp::GetInfo, {}))
        .u.scheduler_op.u.sched_credit;
}

Result<> set_credit_parameters(Control const& control, std::uint32_t pool, abi::SysctlCreditSchedule value) {
    XEN_TRY(schedule_op(control, pool, abi::SchedulerId::Credit, abi::SysctlSchedOp::PutInfo, value));
    return {};
}

Result<abi::SysctlCredit2Schedule> credit2_parameters(Control const& control, std::uint32_t pool) {
    return XEN_TRY(schedule_op(control, pool, abi::SchedulerId::Credit2, abi::SysctlSchedOp::GetInfo, {}))
        .u.scheduler_op.u.sched_credit2;
}

Result<> set_credit2_parameters(Control const& control, std::uint32_t pool, abi::SysctlCredit2Schedule value) {
    auto op = request(abi::SysctlCommand::SchedulerOp);
    op.u.scheduler_op = {pool,
                         static_cast<std::uint32_t>(abi::SchedulerId::Credit2),
                         static_cast<std::uint32_t>(abi::SysctlSchedOp::PutInfo),
                         {}};
    op.u.scheduler_op.u.sched_credit2 = value;
    return issue(control, op, "scheduler parameters");
}

Result<std::vector<abi::SysctlCputopo>> cpu_topology(Control const& control, unsigned cpus) {
    auto buffer = XEN_TRY(HypercallBuffer<abi::SysctlCputopo>::allocate(cpus));
    auto op = request(abi::SysctlCommand::Cputopoinfo);
    op.u.cputopoinfo = {cpus, buffer.handle()};
    XEN_TRY(issue(control, op, "CPU topology"));
    auto count = std::min(op.u.cputopoinfo.num_cpus, cpus);
    return std::vector(buffer.data(), buffer.data() + count);
}

Result<Numa> numa(Control const& control) {
    auto op = request(abi::SysctlCommand::Numainfo);
    XEN_TRY(issue(control, op, "NUMA nodes")); // null handles ask for the number of nodes
    auto count = op.u.numainfo.num_nodes;
    if (count > 1024) return fail(E2BIG, "NUMA nodes");
    auto memory = XEN_TRY(HypercallBuffer<abi::SysctlMeminfo>::allocate(count));
    auto distance = XEN_TRY(HypercallBuffer<std::uint32_t>::allocate(std::size_t{count} * count));
    op = request(abi::SysctlCommand::Numainfo);
    op.u.numainfo = {count, memory.handle(), distance.handle()};
    XEN_TRY(issue(control, op, "NUMA nodes"));
    return Numa{{memory.data(), memory.data() + count},
                {distance.data(), distance.data() + std::size_t{count} * count}};
}

} // namespace xen
