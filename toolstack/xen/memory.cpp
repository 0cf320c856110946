// SPDX-License-Identifier: Apache-2.0
// Memory operations of the tools.
#include "xen/memory.hpp"

#include "abi/event_channel.hpp"
#include "abi/grant_table.hpp"
#include "abi/pv.hpp"

#include <fmt/format.h>

namespace xen {

Result<std::size_t> populate(Control const& control, DomId domain, HypercallBuffer<Frame> const& frames,
                             std::size_t first, std::size_t count, unsigned order) {
    abi::MemoryReservation op{};
    op.extent_start = {frames.address() + first * sizeof(Frame)};
    op.nr_extents = count;
    op.extent_order = order;
    op.domid = domain.value;
    auto done = control.call(abi::Hypercall::MemoryOp, static_cast<std::uint64_t>(abi::MemoryOp::PopulatePhysmap), op);
    if (!done) return fail(done.error().code, fmt::format("memory of domain {}", domain.value));
    return static_cast<std::size_t>(*done);
}

Result<> claim_pages(Control const& control, DomId domain, std::uint64_t pages) {
    abi::MemoryReservation op{};
    op.nr_extents = pages;
    op.domid = domain.value;
    auto done = control.call(abi::Hypercall::MemoryOp, static_cast<std::uint64_t>(abi::MemoryOp::ClaimPages), op);
    if (!done) return fail(done.error().code, fmt::format("claim of {} MiB for domain {}", pages >> 8, domain.value));
    return {};
}

Result<> set_memory_map(Control const& control, DomId domain, std::span<abi::E820Entry const> map) {
    auto entries = XEN_TRY(HypercallBuffer<abi::E820Entry>::copy_of(map));
    abi::ForeignMemoryMap op{};
    op.domid = domain.value;
    op.map = {static_cast<std::uint32_t>(map.size()), entries.handle()};
    auto done = control.call(abi::Hypercall::MemoryOp, static_cast<std::uint64_t>(abi::MemoryOp::SetMemoryMap), op);
    if (!done) return fail(done.error().code, fmt::format("memory map of domain {}", domain.value));
    return {};
}

Result<> set_memory_map_limit(Control const& control, DomId domain, std::uint64_t kib) {
    abi::E820Entry const ram{0, kib << 10, static_cast<std::uint32_t>(abi::E820Type::Ram)};
    return set_memory_map(control, domain, {&ram, 1});
}

Result<long> sharing_freed_pages(Control const& control) {
    return control.call(abi::Hypercall::MemoryOp, static_cast<std::uint64_t>(abi::MemoryOp::GetSharingFreedPages));
}

Result<long> sharing_used_pages(Control const& control) {
    return control.call(abi::Hypercall::MemoryOp, static_cast<std::uint64_t>(abi::MemoryOp::GetSharingSharedPages));
}

Result<> pin_top_level(Control const& control, DomId domain, Frame frame) {
    abi::MmuextOp op{};
    op.cmd = static_cast<std::uint32_t>(abi::MmuextCommand::PinL4Table);
    op.arg1.mfn = frame.value;
    auto buffer = XEN_TRY(HypercallBuffer<abi::MmuextOp>::copy_of(op));
    auto done = control.privcmd().hypercall(abi::Hypercall::MmuextOp, buffer.address(), 1, 0, domain.value);
    if (!done) return fail(done.error().code, fmt::format("page tables of domain {}", domain.value));
    return {};
}

Result<Port> alloc_unbound(Control const& control, DomId domain, DomId remote) {
    abi::EvtchnAllocUnbound op{domain.value, remote.value, 0};
    auto done =
        control.call(abi::Hypercall::EventChannelOp, static_cast<std::uint64_t>(abi::EventChannelOp::AllocUnbound), op);
    if (!done) return fail(done.error().code, fmt::format("event channel for domain {}", domain.value));
    return Port{op.port};
}

Result<Frame> grant_table_frame(Control const& control, DomId domain) {
    auto frame = XEN_TRY(HypercallBuffer<Frame>::allocate());
    abi::GnttabSetupTable op{};
    op.dom = domain.value;
    op.nr_frames = 1;
    op.frame_list = frame.handle<abi::xen_pfn_t>();
    auto buffer = XEN_TRY(HypercallBuffer<abi::GnttabSetupTable>::copy_of(op));
    auto done = control.privcmd().hypercall(
        abi::Hypercall::GrantTableOp, static_cast<std::uint64_t>(abi::GrantTableOp::SetupTable), buffer.address(), 1);
    if (!done) return fail(done.error().code, fmt::format("grant table of domain {}", domain.value));
    if (static_cast<int>(buffer->status) != 0) return fail(EIO, fmt::format("grant table of domain {}", domain.value));
    return *frame;
}

} // namespace xen
