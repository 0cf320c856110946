// SPDX-License-Identifier: Apache-2.0
// Dispatch of the domctls that domains of every kind on x86 have, and the small ones.
#include "x86/guest/domctl/domctl.hpp"

#include "machine/machine.hpp"
#include "x86/guest/port.hpp"

namespace px::guest::domctl {
namespace {

/// The caller can give only what it has itself: not the ports that the hypervisor keeps.
Result<> permit_ports(X86Domain& domain, const abi::DomctlIoportPermission& op) {
    constexpr u32 end = 0x10000;
    if (op.nr_ports == 0 || op.first_port >= end || op.nr_ports > end - op.first_port) return fail(Error::Invalid);
    if (!has_port_permission(current_x86().x86_domain(), op.first_port, op.nr_ports)) return fail(Error::Perm);
    return set_port_permission(domain, op.first_port, op.nr_ports, op.allow_access != 0);
}

Result<> set_tsc(X86Domain& domain, const abi::DomctlTscInfo& op) {
    if (&domain == &current_domain()) return fail(Error::Invalid);
    const Paused<Domain> still(domain);
    return set_time_stamp(domain, op.tsc_mode, op.elapsed_nsec, op.gtsc_khz, op.incarnation);
}

/// The counter's age counts from the domain's start where it is emulated, and is the host's cycles in nanoseconds
/// otherwise.
Result<> get_tsc(const X86Domain& domain, abi::DomctlTscInfo& op) {
    if (&domain == &current_domain()) return fail(Error::Invalid);
    const TimeStamp& t = domain.time_stamp;
    op.tsc_mode = domain.tsc_mode;
    op.incarnation = t.incarnation;
    if (domain.tsc_mode == abi::tsc_mode_never_emulate) {
        op.gtsc_khz = 0;
        op.elapsed_nsec = 0;
    } else if (t.is_emulated) {
        op.gtsc_khz = t.khz;
        op.elapsed_nsec = static_cast<u64>(machine::now()) - static_cast<u64>(t.start);
    } else {
        op.gtsc_khz = static_cast<u32>(machine::cycles_khz());
        op.elapsed_nsec = static_cast<u64>(machine::now());
    }
    return {};
}

} // namespace

Result<X86Vcpu*> named_vcpu(X86Domain& domain, u32 number) {
    X86Vcpu* const vcpu = vcpu_of(domain, number);
    if (!vcpu) return fail(Error::Search);
    if (vcpu == &current()) return fail(Error::Invalid);
    return vcpu;
}

Result<> execute(X86Domain& domain, abi::Domctl& op, bool& copy_back) {
    using abi::DomctlCommand;
    switch (static_cast<DomctlCommand>(op.cmd)) {
    case DomctlCommand::SetTscInfo: return set_tsc(domain, op.u.tsc_info);
    case DomctlCommand::GetTscInfo: copy_back = true; return get_tsc(domain, op.u.tsc_info);
    case DomctlCommand::IoportPermission: return permit_ports(domain, op.u.ioport_permission);
    case DomctlCommand::GetCpuPolicy: copy_back = true; return get_cpu_policy(domain, op.u.cpu_policy);
    case DomctlCommand::SetCpuPolicy: copy_back = true; return set_cpu_policy(domain, op.u.cpu_policy);
    case DomctlCommand::GetVcpuExtState: copy_back = true; return get_ext_state(domain, op.u.vcpuextstate);
    case DomctlCommand::SetVcpuExtState: return set_ext_state(domain, op.u.vcpuextstate);
    case DomctlCommand::GetVcpuMsrs: copy_back = true; return get_msrs(domain, op.u.vcpu_msrs);
    case DomctlCommand::SetVcpuMsrs: copy_back = true; return set_msrs(domain, op.u.vcpu_msrs);
    default: return fail(Error::NoSys); // those of devices behind an IOMMU among them
    }
}

} // namespace px::guest::domctl
