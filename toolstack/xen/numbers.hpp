// SPDX-License-Identifier: Apache-2.0
// Strong numbers of the toolstack: domain ids, event channel ports, grant references, guest frames.
#pragma once

#include <compare>
#include <cstdint>

#include "abi/types.hpp"

namespace xen {

/// A domain's id. Ordinary domains are below abi::first_reserved.
struct DomId {
    abi::domid_t value = 0;
    auto operator<=>(DomId const&) const = default;
    [[nodiscard]] constexpr bool is_ordinary() const { return value < abi::first_reserved; }
};
inline constexpr DomId domid_self{abi::domid_self};
inline constexpr DomId domid_zero{0};

/// An event channel port, local to one domain.
struct Port {
    abi::evtchn_port_t value = 0;
    auto operator<=>(Port const&) const = default;
};

/// An index into a domain's grant table.
struct GrantRef {
    abi::grant_ref_t value = 0;
    auto operator<=>(GrantRef const&) const = default;
};

/// A frame number as memory operations take it: machine frame of a PV guest, guest frame otherwise.
struct Frame {
    abi::xen_pfn_t value = 0;
    auto operator<=>(Frame const&) const = default;
};
static_assert(sizeof(Frame) == sizeof(abi::xen_pfn_t), "arrays of Frame are passed to the kernel as they are");

inline constexpr std::size_t page_size = abi::page_size;

} // namespace xen
