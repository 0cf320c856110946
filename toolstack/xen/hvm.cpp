// SPDX-License-Identifier: Apache-2.0
// Operations on hardware-assisted guests.
#include "xen/hvm.hpp"

#include "abi/sysctl.hpp"

#include <fmt/format.h>

namespace xen {
namespace {

/// More than any version of the interface serialises.
constexpr std::size_t most_leaves = 512, most_msrs = 128;

Result<> issue(Control const& control, abi::Domctl& op, abi::DomctlCommand command, DomId domain, char const* what) {
    op.cmd = static_cast<std::uint32_t>(command);
    op.interface_version = abi::domctl_interface_version;
    op.domain = domain.value;
    auto done = control.call(abi::Hypercall::Domctl, op);
    if (!done) return fail(done.error().code, fmt::format("{} of domain {}", what, domain.value));
    return {};
}

} // namespace

Result<> set_hvm_parameter(Control const& control, DomId domain, abi::HvmParamIndex index, std::uint64_t value) {
    abi::HvmParam op{domain.value, 0, static_cast<std::uint32_t>(index), value};
    auto done = control.call(abi::Hypercall::HvmOp, static_cast<std::uint64_t>(abi::HvmOp::SetParam), op);
    if (!done) return fail(done.error().code, fmt::format("parameter {} of domain {}", op.index, domain.value));
    return {};
}

Result<std::uint64_t> hvm_parameter(Control const& control, DomId domain, abi::HvmParamIndex index) {
    abi::HvmParam op{domain.value, 0, static_cast<std::uint32_t>(index), 0};
    auto done = control.call(abi::Hypercall::HvmOp, static_cast<std::uint64_t>(abi::HvmOp::GetParam), op);
    if (!done) return fail(done.error().code, fmt::format("parameter {} of domain {}", op.index, domain.value));
    return op.value;
}

Result<> set_paging_memory(Control const& control, DomId domain, std::uint64_t bytes) {
    constexpr int erestart = 85; // Linux's number: the hypervisor has not allocated all of it yet
    for (;;) {
        abi::Domctl op{};
        op.u.paging_mempool.size = bytes;
        auto done = issue(control, op, abi::DomctlCommand::SetPagingMempoolSize, domain, "paging memory");
        if (done || (done.error().code != EINTR && done.error().code != erestart)) return done;
    }
}

Result<std::vector<std::uint8_t>> hvm_context(Control const& control, DomId domain) {
    abi::Domctl op{};
    XEN_TRY(issue(control, op, abi::DomctlCommand::GetHvmContext, domain, "size of the state"));
    auto buffer = XEN_TRY(HypercallBuffer<std::uint8_t>::allocate(op.u.hvmcontext.size));
    op.u.hvmcontext.buffer = buffer.handle();
    XEN_TRY(issue(control, op, abi::DomctlCommand::GetHvmContext, domain, "state"));
    return std::vector<std::uint8_t>(buffer.data(),
                                     buffer.data() + std::min<std::size_t>(op.u.hvmcontext.size, buffer.size()));
}

Result<> set_hvm_context(Control const& control, DomId domain, std::span<std::uint8_t const> records) {
    auto buffer = XEN_TRY(HypercallBuffer<std::uint8_t>::copy_of(records));
    abi::Domctl op{};
    op.u.hvmcontext = {static_cast<std::uint32_t>(records.size()), buffer.handle()};
    return issue(control, op, abi::DomctlCommand::SetHvmContext, domain, "state");
}

Result<CpuPolicy> cpu_policy(Control const& control, DomId domain) {
    auto leaves = XEN_TRY(HypercallBuffer<abi::CpuidLeaf>::allocate(most_leaves));
    auto msrs = XEN_TRY(HypercallBuffer<abi::MsrEntry>::allocate(most_msrs));
    abi::Domctl op{};
    op.u.cpu_policy = {most_leaves, most_msrs, leaves.handle(), msrs.handle(), 0, 0, 0};
    XEN_TRY(issue(control, op, abi::DomctlCommand::GetCpuPolicy, domain, "CPU policy"));
    auto& answer = op.u.cpu_policy;
    return CpuPolicy{{leaves.data(), leaves.data() + std::min<std::size_t>(answer.nr_leaves, most_leaves)},
                     {msrs.data(), msrs.data() + std::min<std::size_t>(answer.nr_msrs, most_msrs)}};
}

Result<CpuPolicy> host_cpu_policy(Control const& control) {
    auto leaves = XEN_TRY(HypercallBuffer<abi::CpuidLeaf>::allocate(most_leaves));
    auto msrs = XEN_TRY(HypercallBuffer<abi::MsrEntry>::allocate(most_msrs));
    abi::Sysctl op{};
    op.cmd = static_cast<std::uint32_t>(abi::SysctlCommand::GetCpuPolicy);
    op.interface_version = abi::sysctl_interface_version;
    op.u.cpu_policy = {static_cast<std::uint32_t>(abi::CpuPolicyIndex::Host),
                       most_leaves,
                       most_msrs,
                       0,
                       leaves.handle(),
                       msrs.handle()};
    auto done = control.call(abi::Hypercall::Sysctl, op);
    if (!done) return fail(done.error().code, "CPU policy of the host");
    return CpuPolicy{{leaves.data(), leaves.data() + std::min<std::size_t>(op.u.cpu_policy.nr_leaves, most_leaves)},
                     {msrs.data(), msrs.data() + std::min<std::size_t>(op.u.cpu_policy.nr_msrs, most_msrs)}};
}

Result<> set_cpu_policy(Control const& control, DomId domain, CpuPolicy const& policy) {
    auto leaves = XEN_TRY(HypercallBuffer<abi::CpuidLeaf>::copy_of(std::span(policy.leaves)));
    auto msrs = XEN_TRY(HypercallBuffer<abi::MsrEntry>::copy_of(std::span(policy.msrs)));
    abi::Domctl op{};
    op.u.cpu_policy = {static_cast<std::uint32_t>(policy.leaves.size()),
                       static_cast<std::uint32_t>(policy.msrs.size()),
                       leaves.handle(),
                       msrs.handle(),
                       0,
                       0,
                       0};
    auto done = issue(control, op, abi::DomctlCommand::SetCpuPolicy, domain, "CPU policy");
    if (done) return {};
    auto& answer = op.u.cpu_policy;
    return fail(done.error().code, fmt::format("CPU policy of domain {} (leaf {:#x}.{:#x}, MSR {:#x})", domain.value,
                                               answer.err_leaf, answer.err_subleaf, answer.err_msr));
}

} // namespace xen
