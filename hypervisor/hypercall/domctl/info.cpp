// SPDX-License-Identifier: Apache-2.0
// domctl and sysctl: what a domain looks like from outside.
#include "hypercall/domctl/domctl.hpp"

#include <cstring>

namespace px::hypercall::domctl_command {

namespace {

/// Width of guest physical addresses that tools may assume.
constexpr u8 address_bits = 48;

/// Counts the vCPUs, sums their times, and finds out what the domain as a whole does: blocked if all are.
u32 look_at_vcpus(const Domain& domain, abi::DomctlGetDomainInfo& info) {
    u32 flags = abi::dominf_blocked;
    info.max_vcpu_id = abi::invalid_max_vcpu_id;
    for (u32 i = 0; i < domain.max_vcpus; ++i) {
        const Vcpu* vcpu = domain.vcpus[i];
        if (!vcpu) continue;
        abi::VcpuRunstateInfo runstate;
        vcpu->get_runstate(runstate);
        info.cpu_time += runstate.time[static_cast<int>(abi::Runstate::Running)];
        info.max_vcpu_id = i;
        const u32 vcpu_flags = vcpu->flags.load(std::memory_order_relaxed);
        if (vcpu_flags & vcpu_flag::down) continue;
        if ((vcpu_flags & vcpu_flag::blocked) == 0) flags &= ~abi::dominf_blocked;
        if (vcpu->is_running.load(std::memory_order_relaxed)) flags |= abi::dominf_running;
        ++info.nr_online_vcpus;
    }
    return info.nr_online_vcpus ? flags : 0;
}

} // namespace

abi::DomctlGetDomainInfo information(const Domain& domain) {
    abi::DomctlGetDomainInfo info{};
    info.domain = domain.id.raw();
    info.flags = look_at_vcpus(domain, info) | domain.info_flags();
    if (domain.life.load() == DomainLife::Dead) info.flags |= abi::dominf_dying;
    if (domain.is_shut_down) info.flags |= abi::dominf_shutdown;
    if (domain.controller_paused.load() != 0) info.flags |= abi::dominf_paused;
    if (domain.is_xenstore_domain) info.flags |= abi::dominf_xs_domain;
    info.flags |= domain.shutdown_code << abi::dominf_shutdown_shift; // all ones while it has none
    info.tot_pages = domain.total_pages.load(std::memory_order_relaxed);
    info.max_pages = domain.max_pages;
    info.outstanding_pages = domain.outstanding_claim;
    info.shared_info_frame = mfn_of(to_physical(domain.shared_info)).raw();
    info.ssidref = domain.config.ssidref;
    std::memcpy(info.handle, domain.handle, sizeof(info.handle));
    info.cpupool = domain.cpu_pool;
    info.gpaddr_bits = address_bits;
    info.arch_config = domain.config.arch;
    return info;
}

} // namespace px::hypercall::domctl_command
