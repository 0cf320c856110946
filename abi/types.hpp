// SPDX-License-Identifier: Apache-2.0
// Scalar types, guest handles and reserved domain ids that every other ABI header uses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace abi {

using domid_t = std::uint16_t;
using evtchn_port_t = std::uint32_t;
using grant_ref_t = std::uint32_t;
using grant_handle_t = std::uint32_t;
/// Frame number: machine frame for PV, guest frame for HVM and PVH, as each field says.
using xen_pfn_t = std::uint64_t;
using xen_ulong_t = std::uint64_t;
using ioservid_t = std::uint16_t;

/// Address of a T, or of an array of T, in the caller's virtual address space (guest virtual for
/// guests, process virtual for tools). Serves both XEN_GUEST_HANDLE and XEN_GUEST_HANDLE_64.
/// Never dereferenced directly: the hypervisor copies through its guest-memory type.
template <class T> struct GuestHandle {
    std::uint64_t address;

    /// True where the caller asked only for a count (many calls accept a null buffer).
    [[nodiscard]] constexpr bool is_null() const { return address == 0; }
};
static_assert(sizeof(GuestHandle<void>) == 8 && alignof(GuestHandle<void>) == 8);
static_assert(std::is_standard_layout_v<GuestHandle<void>> && std::is_trivial_v<GuestHandle<void>>);

/// UUID of a domain, in big-endian byte order.
using DomainHandle = std::uint8_t[16];

/// public/xen.h: domain ids from first_reserved on name no ordinary domain.
inline constexpr domid_t first_reserved = 0x7ff0;
inline constexpr domid_t domid_self = 0x7ff0;
inline constexpr domid_t domid_io = 0x7ff1;
inline constexpr domid_t domid_xen = 0x7ff2;
inline constexpr domid_t domid_cow = 0x7ff3;
inline constexpr domid_t domid_invalid = 0x7ff4;
inline constexpr domid_t domid_idle = 0x7fff;
inline constexpr domid_t domid_mask = 0x7fff;

inline constexpr std::uint64_t page_size = 4096;

/// xenctl_bitmap: bit map in caller memory; bytes past (nr_bits + 7) / 8 are not touched.
struct ControlBitmap {
    GuestHandle<std::uint8_t> bitmap;
    std::uint32_t nr_bits;
};
static_assert(sizeof(ControlBitmap) == 16);
static_assert(offsetof(ControlBitmap, nr_bits) == 8);

} // namespace abi
