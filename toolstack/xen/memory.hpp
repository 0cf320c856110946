// SPDX-License-Identifier: Apache-2.0
// Memory operations of the tools: populating a guest, claims, sharing counts (public/memory.h).
#pragma once

#include "abi/memory.hpp"
#include "xen/control.hpp"
#include "xen/numbers.hpp"

#include <cstdint>
#include <span>

namespace xen {

/// Gives a PV guest memory at the guest frames in `frames`, extents of 2^order frames each. On return the entries that
/// were populated (their number is the result) hold machine frames. Fewer than asked for means out of memory at that
/// order. `frames` must lie in hypercall memory.
[[nodiscard]] Result<std::size_t> populate(Control const&, DomId, HypercallBuffer<Frame> const& frames,
                                           std::size_t first, std::size_t count, unsigned order);

/// Reserves memory for a domain, in pages, so that two creations do not race for it; 0 gives back what is left.
[[nodiscard]] Result<> claim_pages(Control const&, DomId, std::uint64_t pages);

/// The memory map that a guest will ask for.
[[nodiscard]] Result<> set_memory_map(Control const&, DomId, std::span<abi::E820Entry const>);

/// Tells a PV guest that its memory map is one stretch of RAM of this size: how far it may balloon.
[[nodiscard]] Result<> set_memory_map_limit(Control const&, DomId, std::uint64_t kib);

/// Pages freed by sharing, and pages shared; errors where the hypervisor has no sharing.
[[nodiscard]] Result<long> sharing_freed_pages(Control const&);
[[nodiscard]] Result<long> sharing_used_pages(Control const&);

/// Type-checks and pins a PV guest's top-level page table.
[[nodiscard]] Result<> pin_top_level(Control const&, DomId, Frame);

/// Opens a port in `domain` that `remote` may bind to.
[[nodiscard]] Result<Port> alloc_unbound(Control const&, DomId domain, DomId remote);

/// Machine frames of a PV guest's own grant table; for hypervisors that cannot map it as a resource.
[[nodiscard]] Result<Frame> grant_table_frame(Control const&, DomId);

} // namespace xen
