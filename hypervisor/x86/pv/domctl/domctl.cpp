// SPDX-License-Identifier: Apache-2.0
// Dispatch of a paravirtual domain's domctls, and the small ones.
#include "x86/pv/domctl/domctl.hpp"

#include "x86/guest/domctl/domctl.hpp"
#include "x86/pv/hypercall_page.hpp"

namespace px::pv {

namespace {

Result<> set_address_size(const abi::DomctlAddressSize& op) {
    if (op.size == 64) return {};
    return fail(op.size == 32 ? Error::NotSupported : Error::Invalid);
}

} // namespace

Result<> PvDomain::arch_domctl(abi::Domctl& op, GuestVaddr, bool& copy_back) {
    using abi::DomctlCommand;
    switch (static_cast<DomctlCommand>(op.cmd)) {
    case DomctlCommand::HypercallInit: return init_hypercall_page(*this, Gfn(op.u.hypercall_init.gmfn));
    case DomctlCommand::SetAddressSize: return set_address_size(op.u.address_size);
    case DomctlCommand::GetAddressSize:
        op.u.address_size.size = 64;
        copy_back = true;
        return {};
    case DomctlCommand::GetExtVcpuContext:
        copy_back = true;
        return domctl::get_ext_context(*this, op.u.ext_vcpucontext);
    case DomctlCommand::SetExtVcpuContext: return domctl::set_ext_context(*this, op.u.ext_vcpucontext);
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
    default: return guest::domctl::execute(*this, op, copy_back);
    }
}

} // namespace px::pv
