// SPDX-License-Identifier: Apache-2.0
// Domain control operations.
#include "xen/domctl.hpp"

#include <cerrno>
#include <fmt/format.h>
#include <unistd.h>

namespace xen {
namespace {

abi::Domctl request(abi::DomctlCommand command, DomId domain) {
    abi::Domctl op{};
    op.cmd = static_cast<std::uint32_t>(command);
    op.interface_version = abi::domctl_interface_version;
    op.domain = domain.value;
    return op;
}

Result<> issue(Control const& control, abi::Domctl& op, char const* what) {
    for (;;) {
        auto done = control.call(abi::Hypercall::Domctl, op);
        if (done) return {};
        if (done.error().code == EAGAIN) {
            usleep(10);
            continue;
        }
        return fail(done.error().code, fmt::format("{} of domain {}", what, op.domain));
    }
}

abi::ControlBitmap bitmap(HypercallBuffer<std::uint8_t> const& buffer) {
    return {buffer.handle(), static_cast<std::uint32_t>(buffer.size() * 8)};
}

std::size_t bytes_for(unsigned bits) { return (bits + 63) / 64 * 8; }

Bitmap copy(HypercallBuffer<std::uint8_t> const& buffer) { return {buffer.span().begin(), buffer.span().end()}; }

} // namespace

Result<DomId> create_domain(Control const& control, abi::DomctlCreateDomain const& config, DomId wanted) {
    auto op = request(abi::DomctlCommand::CreateDomain, wanted);
    op.u.createdomain = config;
    if (auto done = control.call(abi::Hypercall::Domctl, op); !done)
        return fail(done.error().code, "creation of a domain");
    return DomId{op.domain};
}

Result<> destroy_domain(Control const& control, DomId domain) {
    constexpr int erestart = 85; // Linux's number; the hypervisor answers it while it frees memory
    for (;;) {
        auto op = request(abi::DomctlCommand::DestroyDomain, domain);
        auto done = issue(control, op, "destruction");
        if (done || done.error().code != erestart) return done;
    }
}

Result<> pause_domain(Control const& control, DomId domain) {
    auto op = request(abi::DomctlCommand::PauseDomain, domain);
    return issue(control, op, "pausing");
}

Result<> unpause_domain(Control const& control, DomId domain) {
    auto op = request(abi::DomctlCommand::UnpauseDomain, domain);
    return issue(control, op, "unpausing");
}

Result<DomainInfo> domain_info(Control const& control, DomId domain) {
    auto op = request(abi::DomctlCommand::GetDomainInfo, domain);
    XEN_TRY(issue(control, op, "information"));
    // The hypervisor answers with the next domain when this one is gone.
    if (op.u.getdomaininfo.domain != domain.value) return fail(ESRCH, fmt::format("domain {}", domain.value));
    return op.u.getdomaininfo;
}

Result<> set_max_memory(Control const& control, DomId domain, std::uint64_t kib) {
    auto op = request(abi::DomctlCommand::MaxMem, domain);
    op.u.max_mem.max_memkb = kib;
    return issue(control, op, "memory limit");
}

Result<> set_max_vcpus(Control const& control, DomId domain, unsigned count) {
    auto op = request(abi::DomctlCommand::MaxVcpus, domain);
    op.u.max_vcpus.max = count;
    return issue(control, op, "virtual CPUs");
}

Result<abi::DomctlGetVcpuInfo> vcpu_info(Control const& control, DomId domain, unsigned vcpu) {
    auto op = request(abi::DomctlCommand::GetVcpuInfo, domain);
    op.u.getvcpuinfo.vcpu = vcpu;
    XEN_TRY(issue(control, op, "virtual CPU information"));
    return op.u.getvcpuinfo;
}

Result<Affinity> vcpu_affinity(Control const& control, DomId domain, unsigned vcpu, unsigned cpus) {
    auto hard = XEN_TRY(HypercallBuffer<std::uint8_t>::allocate(bytes_for(cpus)));
    auto soft = XEN_TRY(HypercallBuffer<std::uint8_t>::allocate(bytes_for(cpus)));
    auto op = request(abi::DomctlCommand::GetVcpuAffinity, domain);
    op.u.vcpuaffinity = {vcpu, abi::vcpuaffinity_hard | abi::vcpuaffinity_soft, bitmap(hard), bitmap(soft)};
    XEN_TRY(issue(control, op, "affinity"));
    return Affinity{copy(hard), copy(soft)};
}

Result<Affinity> set_vcpu_affinity(Control const& control, DomId domain, unsigned vcpu, Bitmap const* hard,
                                   Bitmap const* soft, bool force) {
    Bitmap const none(8);
    auto hard_buffer = XEN_TRY(HypercallBuffer<std::uint8_t>::copy_of(std::span(hard ? *hard : none)));
    auto soft_buffer = XEN_TRY(HypercallBuffer<std::uint8_t>::copy_of(std::span(soft ? *soft : none)));
    auto op = request(abi::DomctlCommand::SetVcpuAffinity, domain);
    std::uint32_t flags = (hard ? abi::vcpuaffinity_hard : 0) | (soft ? abi::vcpuaffinity_soft : 0) |
                          (force ? abi::vcpuaffinity_force : 0);
    op.u.vcpuaffinity = {vcpu, flags, bitmap(hard_buffer), bitmap(soft_buffer)};
    XEN_TRY(issue(control, op, "affinity"));
    return Affinity{copy(hard_buffer), copy(soft_buffer)};
}

Result<Bitmap> node_affinity(Control const& control, DomId domain, unsigned nodes) {
    auto map = XEN_TRY(HypercallBuffer<std::uint8_t>::allocate(bytes_for(nodes)));
    auto op = request(abi::DomctlCommand::GetNodeAffinity, domain);
    op.u.nodeaffinity.nodemap = bitmap(map);
    XEN_TRY(issue(control, op, "node affinity"));
    return copy(map);
}

Result<> set_vcpu_context(Control const& control, DomId domain, unsigned vcpu, abi::VcpuGuestContext const& context) {
    auto buffer = XEN_TRY(HypercallBuffer<abi::VcpuGuestContext>::copy_of(context));
    auto op = request(abi::DomctlCommand::SetVcpuContext, domain);
    op.u.vcpucontext = {vcpu, buffer.handle()};
    return issue(control, op, "initial state");
}

Result<abi::DomctlSchedCredit> scheduling(Control const& control, DomId domain, abi::SchedulerId scheduler) {
    auto op = request(abi::DomctlCommand::SchedulerOp, domain);
    op.u.scheduler_op.sched_id = static_cast<std::uint32_t>(scheduler);
    op.u.scheduler_op.cmd = static_cast<std::uint32_t>(abi::DomctlSchedOp::GetInfo);
    XEN_TRY(issue(control, op, "scheduling parameters"));
    return op.u.scheduler_op.u.credit;
}

Result<> set_scheduling(Control const& control, DomId domain, abi::SchedulerId scheduler,
                        abi::DomctlSchedCredit value) {
    auto op = request(abi::DomctlCommand::SchedulerOp, domain);
    op.u.scheduler_op.sched_id = static_cast<std::uint32_t>(scheduler);
    op.u.scheduler_op.cmd = static_cast<std::uint32_t>(abi::DomctlSchedOp::PutInfo);
    op.u.scheduler_op.u.credit = value;
    return issue(control, op, "scheduling parameters");
}

Result<> set_tsc_mode(Control const& control, DomId domain, unsigned mode) {
    auto op = request(abi::DomctlCommand::SetTscInfo, domain);
    op.u.tsc_info.tsc_mode = mode;
    return issue(control, op, "TSC mode");
}

Result<> set_time_offset(Control const& control, DomId domain, std::int64_t seconds) {
    auto op = request(abi::DomctlCommand::SetTimeOffset, domain);
    op.u.settimeoffset.time_offset_seconds = seconds;
    return issue(control, op, "time offset");
}

Result<> init_hypercall_page(Control const& control, DomId domain, Frame frame) {
    auto op = request(abi::DomctlCommand::HypercallInit, domain);
    op.u.hypercall_init.gmfn = frame.value;
    return issue(control, op, "hypercall page");
}

Result<> set_address_size(Control const& control, DomId domain, unsigned bits) {
    auto op = request(abi::DomctlCommand::SetAddressSize, domain);
    op.u.address_size.size = bits;
    return issue(control, op, "address size");
}

Result<unsigned> address_size(Control const& control, DomId domain) {
    auto op = request(abi::DomctlCommand::GetAddressSize, domain);
    XEN_TRY(issue(control, op, "address size"));
    return op.u.address_size.size;
}

Result<> send_trigger(Control const& control, DomId domain, abi::Trigger trigger, unsigned vcpu) {
    auto op = request(abi::DomctlCommand::SendTrigger, domain);
    op.u.sendtrigger = {static_cast<std::uint32_t>(trigger), vcpu};
    return issue(control, op, "trigger");
}

} // namespace xen
