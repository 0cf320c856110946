// SPDX-License-Identifier: Apache-2.0
// Dispatch of the architecture's domctls, and the small ones.
#include "x86/pv/domctl/domctl.hpp"

#include "machine/machine.hpp"
#include "x86/pv/emulate/port.hpp"
#include "x86/pv/hypercall_page.hpp"

namespace px::pv {
namespace domctl {
namespace {

Result<> set_address_size(const abi::DomctlAddressSize& op) {
    if (op.size == 64) return {};
    return fail(op.size == 32 ? Error::NotSupported : Error::Invalid);
}

/// The caller can give only what it has itself: not the ports that the hypervisor keeps.
Result<> permit_ports(PvDomain& domain, const abi::DomctlIoportPermission& op) {
    constexpr u32 end = 0x10000;
    if (op.nr_ports == 0 || op.first_port >= end || op.nr_ports > end - op.first_port) return fail(Error::Invalid);
    if (!has_port_permission(current_pv().pv_domain(), op.first_port, op.nr_ports)) return fail(Error::Perm);
    return set_port_permission(domain, op.first_port, op.nr_ports, op.allow_access != 0);
}

/// Holds a domain that is not the caller's still.
class PausedDomain {
  public:
    explicit PausedDomain(Domain& domain) : domain_(domain) { domain_.pause(); }
    ~PausedDomain() { domain_.unpause(); }
    PausedDomain(const PausedDomain&) = delete;
    PausedDomain& operator=(const PausedDomain&) = delete;

  private:
    Domain& domain_;
};

Result<> set_tsc(PvDomain& domain, const abi::DomctlTscInfo& op) {
    if (&domain == &current_domain()) return fail(Error::Invalid);
    const PausedDomain still(domain);
    return set_time_stamp(domain, op.tsc_mode, op.elapsed_nsec, op.gtsc_khz, op.incarnation);
}

/// The counter's age counts from the domain's start where it is emulated, and is the host's cycles in nanoseconds
/// otherwise.
Result<> get_tsc(const PvDomain& domain, abi::DomctlTscInfo& op) {
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

Result<PvVcpu*> named_vcpu(PvDomain& domain, u32 number) {
    Vcpu* vcpu = domain.vcpu(VcpuId(number));
    if (!vcpu) return fail(Error::Search);
    if (vcpu == &current()) return fail(Error::Invalid);
    return static_cast<PvVcpu*>(vcpu);
}

} // namespace domctl

Result<> PvDomain::arch_domctl(abi::Domctl& op, GuestVaddr, bool& copy_back) {
    using abi::DomctlCommand;
    switch (static_cast<DomctlCommand>(op.cmd)) {
    case DomctlCommand::HypercallInit: return init_hypercall_page(*this, Gfn(op.u.hypercall_init.gmfn));
    case DomctlCommand::SetAddressSize: return domctl::set_address_size(op.u.address_size);
    case DomctlCommand::GetAddressSize:
        op.u.address_size.size = 64;
        copy_back = true;
        return {};
    case DomctlCommand::SetTscInfo: return domctl::set_tsc(*this, op.u.tsc_info);
    case DomctlCommand::GetTscInfo: copy_back = true; return domctl::get_tsc(*this, op.u.tsc_info);
    case DomctlCommand::IoportPermission: return domctl::permit_ports(*this, op.u.ioport_permission);
    case DomctlCommand::GetCpuPolicy: copy_back = true; return domctl::get_cpu_policy(*this, op.u.cpu_policy);
    case DomctlCommand::SetCpuPolicy: copy_back = true; return domctl::set_cpu_policy(*this, op.u.cpu_policy);
    case DomctlCommand::GetExtVcpuContext:
        copy_back = true;
        return domctl::get_ext_context(*this, op.u.ext_vcpucontext);
    case DomctlCommand::SetExtVcpuContext: return domctl::set_ext_context(*this, op.u.ext_vcpucontext);
    case DomctlCommand::GetVcpuExtState: copy_back = true; return domctl::get_ext_state(*this, op.u.vcpuextstate);
    case DomctlCommand::SetVcpuExtState: return domctl::set_ext_state(*this, op.u.vcpuextstate);
    case DomctlCommand::GetVcpuMsrs: copy_back = true; return domctl::get_msrs(*this, op.u.vcpu_msrs);
    case DomctlCommand::SetVcpuMsrs: copy_back = true; return domctl::set_msrs(*this, op.u.vcpu_msrs);
    case DomctlCommand::GetPageFrameInfo3: return domctl::page_frame_info(*this, op.u.getpageframeinfo3);
    // Of other kinds of guests, or without an IOMMU: as the reference answers for a paravirtual domain.
    case DomctlCommand::GetHvmContext:
    case DomctlCommand::SetHvmContext:
    case DomctlCommand::GetHvmContextPartial:
    case DomctlCommand::SetPagingMempoolSize:
    case DomctlCommand::GetPagingMempoolSize:
    case DomctlCommand::MemoryMapping:
    case DomctlCommand::IoportMapping:
    case DomctlCommand::BindPtIrq:
    case DomctlCommand::UnbindPtIrq: return fail(Error::Invalid);
    case DomctlCommand::AssignDevice:
    case DomctlCommand::DeassignDevice:
    case DomctlCommand::TestAssignDevice:
    case DomctlCommand::GetDeviceGroup: return fail(Error::NoSys);
    default: return fail(Error::NoSys);
    }
}

} // namespace px::pv
