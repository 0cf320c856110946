// SPDX-License-Identifier: Apache-2.0
// Looking into a domain.
#include "xen/inspect.hpp"

#include "abi/memory.hpp"

#include <fmt/format.h>

namespace xen {
namespace {

Result<> issue(Control const& control, abi::Domctl& op, abi::DomctlCommand command, DomId domain, char const* what) {
    op.cmd = static_cast<std::uint32_t>(command);
    op.interface_version = abi::domctl_interface_version;
    op.domain = domain.value;
    auto done = control.call(abi::Hypercall::Domctl, op);
    if (!done) return fail(done.error().code, fmt::format("{} of domain {}", what, domain.value));
    return {};
}

} // namespace

Result<std::unique_ptr<abi::VcpuGuestContext>> vcpu_context(Control const& control, DomId domain, unsigned vcpu) {
    auto buffer = XEN_TRY(HypercallBuffer<abi::VcpuGuestContext>::allocate());
    abi::Domctl op{};
    op.u.vcpucontext = {vcpu, buffer.handle()};
    XEN_TRY(issue(control, op, abi::DomctlCommand::GetVcpuContext, domain, "registers"));
    return std::make_unique<abi::VcpuGuestContext>(*buffer);
}

Result<std::uint64_t> greatest_frame(Control const& control, DomId domain) {
    abi::MemoryDomain op{domain.value};
    auto done = control.call(abi::Hypercall::MemoryOp, static_cast<std::uint64_t>(abi::MemoryOp::MaximumGpfn), op);
    if (!done) return fail(done.error().code, fmt::format("size of domain {}", domain.value));
    return static_cast<std::uint64_t>(*done);
}

Result<> page_types(Control const& control, DomId domain, HypercallBuffer<std::uint64_t> const& frames,
                    std::size_t count) {
    abi::Domctl op{};
    op.u.getpageframeinfo3 = {count, frames.handle<abi::xen_pfn_t>()};
    return issue(control, op, abi::DomctlCommand::GetPageFrameInfo3, domain, "page types");
}

} // namespace xen
