// SPDX-License-Identifier: Apache-2.0
// Rights of a guest on the machine itself.
#include "xen/rights.hpp"

#include "abi/domctl.hpp"
#include "abi/physdev.hpp"

#include <fmt/format.h>

namespace xen {
namespace {

Result<> issue(Control const& control, abi::Domctl& op, abi::DomctlCommand command, DomId domain) {
    op.cmd = static_cast<std::uint32_t>(command);
    op.interface_version = abi::domctl_interface_version;
    op.domain = domain.value;
    auto done = control.call(abi::Hypercall::Domctl, op);
    if (!done) return fail(done.error().code, fmt::format("rights of domain {}", domain.value));
    return {};
}

} // namespace

Result<> allow_ports(Control const& control, DomId domain, std::uint32_t first, std::uint32_t count) {
    abi::Domctl op{};
    op.u.ioport_permission = {first, count, 1};
    return issue(control, op, abi::DomctlCommand::IoportPermission, domain);
}

Result<> allow_frames(Control const& control, DomId domain, std::uint64_t first, std::uint64_t count) {
    abi::Domctl op{};
    op.u.iomem_permission = {first, count, 1};
    return issue(control, op, abi::DomctlCommand::IomemPermission, domain);
}

Result<> allow_interrupt(Control const& control, DomId domain, std::uint32_t number) {
    abi::PhysdevMapPirq map{};
    map.domid = domain.value;
    map.type = static_cast<std::int32_t>(abi::MapPirqType::Gsi);
    map.index = map.pirq = static_cast<std::int32_t>(number);
    auto mapped = control.call(abi::Hypercall::PhysdevOp, static_cast<std::uint64_t>(abi::PhysdevOp::MapPirq), map);
    if (!mapped) return fail(mapped.error().code, fmt::format("interrupt {} for domain {}", number, domain.value));
    abi::Domctl op{};
    op.u.irq_permission.pirq = static_cast<std::uint32_t>(map.pirq);
    op.u.irq_permission.allow_access = 1;
    return issue(control, op, abi::DomctlCommand::IrqPermission, domain);
}

} // namespace xen
