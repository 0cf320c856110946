// SPDX-License-Identifier: Apache-2.0
// Linux's /dev/xen devices as the toolstack uses them: ioctl numbers and arguments (hosted only).
#pragma once

#include "abi/types.hpp"

namespace abi::device {

/// Linux _IOC with no direction bits, which all these devices use.
constexpr unsigned long ioctl_number(char type, unsigned nr, size_t size) {
    return (size << 16) | (static_cast<unsigned long>(type) << 8) | nr;
}

/// /dev/xen/privcmd
struct PrivcmdHypercall {
    uint64_t op;
    uint64_t arg[5];
};
static_assert(sizeof(PrivcmdHypercall) == 48);
static_assert(offsetof(PrivcmdHypercall, arg) == 8);

/// Maps foreign frames at addr in the process.
struct PrivcmdMmapbatchV2 {
    uint32_t num;
    domid_t dom;
    uint64_t addr;
    const xen_pfn_t* arr;
    int* err; ///< out: 0 or negative errno for each page
};
static_assert(sizeof(PrivcmdMmapbatchV2) == 32);
static_assert(offsetof(PrivcmdMmapbatchV2, addr) == 8);
static_assert(offsetof(PrivcmdMmapbatchV2, err) == 24);

/// Buffer of a device-model operation.
struct PrivcmdDmOpBuf {
    void* uptr;
    size_t size;
};
static_assert(sizeof(PrivcmdDmOpBuf) == 16);
static_assert(offsetof(PrivcmdDmOpBuf, size) == 8);

/// A device-model operation on dom.
struct PrivcmdDmOp {
    domid_t dom;
    uint16_t num;
    const PrivcmdDmOpBuf* ubufs;
};
static_assert(sizeof(PrivcmdDmOp) == 16);
static_assert(offsetof(PrivcmdDmOp, ubufs) == 8);

/// num 0 and addr 0 ask for the size.
struct PrivcmdMmapResource {
    domid_t dom;
    uint32_t type;
    uint32_t id;
    uint32_t idx;
    uint64_t num;
    uint64_t addr;
};
static_assert(sizeof(PrivcmdMmapResource) == 32);
static_assert(offsetof(PrivcmdMmapResource, type) == 4);
static_assert(offsetof(PrivcmdMmapResource, addr) == 24);

inline constexpr auto privcmd_hypercall = ioctl_number('P', 0, sizeof(PrivcmdHypercall));
inline constexpr auto privcmd_mmapbatch_v2 = ioctl_number('P', 4, sizeof(PrivcmdMmapbatchV2));
inline constexpr auto privcmd_dm_op = ioctl_number('P', 5, sizeof(PrivcmdDmOp));
inline constexpr auto privcmd_restrict = ioctl_number('P', 6, sizeof(domid_t));
inline constexpr auto privcmd_mmap_resource = ioctl_number('P', 7, sizeof(PrivcmdMmapResource));

/// /dev/xen/evtchn: the binding calls return the local port.
struct EvtchnBindVirq {
    uint32_t virq;
};
static_assert(sizeof(EvtchnBindVirq) == 4);

/// New port joined to a remote one.
struct EvtchnBindInterdomain {
    uint32_t remote_domain, remote_port;
};
static_assert(sizeof(EvtchnBindInterdomain) == 8);
static_assert(offsetof(EvtchnBindInterdomain, remote_port) == 4);

/// New port for a remote domain.
struct EvtchnBindUnboundPort {
    uint32_t remote_domain;
};
static_assert(sizeof(EvtchnBindUnboundPort) == 4);

/// Closes a port.
struct EvtchnUnbind {
    uint32_t port;
};
static_assert(sizeof(EvtchnUnbind) == 4);

/// Sends on a port.
struct EvtchnNotify {
    uint32_t port;
};
static_assert(sizeof(EvtchnNotify) == 4);

inline constexpr auto evtchn_bind_virq = ioctl_number('E', 0, sizeof(EvtchnBindVirq));
inline constexpr auto evtchn_bind_interdomain = ioctl_number('E', 1, sizeof(EvtchnBindInterdomain));
inline constexpr auto evtchn_bind_unbound_port = ioctl_number('E', 2, sizeof(EvtchnBindUnboundPort));
inline constexpr auto evtchn_unbind = ioctl_number('E', 3, sizeof(EvtchnUnbind));
inline constexpr auto evtchn_notify = ioctl_number('E', 4, sizeof(EvtchnNotify));
inline constexpr auto evtchn_reset = ioctl_number('E', 5, 0);
inline constexpr auto evtchn_restrict_domid = ioctl_number('E', 6, sizeof(domid_t));

/// /dev/xen/gntdev
struct GntdevGrantRef {
    uint32_t domid;
    uint32_t ref;
};
static_assert(sizeof(GntdevGrantRef) == 8);
static_assert(offsetof(GntdevGrantRef, ref) == 4);

/// count - 1 further GntdevGrantRef follow; index is the mmap offset.
struct GntdevMapGrantRef {
    uint32_t count;
    uint32_t pad;
    uint64_t index;
    GntdevGrantRef refs[1];
};
static_assert(sizeof(GntdevMapGrantRef) == 24);
static_assert(offsetof(GntdevMapGrantRef, refs) == 16);

/// Forgets grants at a mmap offset.
struct GntdevUnmapGrantRef {
    uint64_t index;
    uint32_t count;
    uint32_t pad;
};
static_assert(sizeof(GntdevUnmapGrantRef) == 16);
static_assert(offsetof(GntdevUnmapGrantRef, pad) == 12);

/// Finds the mmap offset of a mapped address.
struct GntdevGetOffsetForVaddr {
    uint64_t vaddr;
    uint64_t offset;
    uint32_t count;
    uint32_t pad;
};
static_assert(sizeof(GntdevGetOffsetForVaddr) == 24);
static_assert(offsetof(GntdevGetOffsetForVaddr, pad) == 20);

/// Ignored by current kernels.
struct GntdevSetMaxGrants {
    uint32_t count;
};
static_assert(sizeof(GntdevSetMaxGrants) == 4);

/// What happens when the mapping goes: index is the byte's mmap offset.
struct GntdevUnmapNotify {
    uint64_t index;
    uint32_t action;
    uint32_t event_channel_port;
};
static_assert(sizeof(GntdevUnmapNotify) == 16);
static_assert(offsetof(GntdevUnmapNotify, event_channel_port) == 12);
inline constexpr uint32_t unmap_notify_clear_byte = 1;
inline constexpr uint32_t unmap_notify_send_event = 2;

inline constexpr auto gntdev_map_grant_ref = ioctl_number('G', 0, sizeof(GntdevMapGrantRef));
inline constexpr auto gntdev_unmap_grant_ref = ioctl_number('G', 1, sizeof(GntdevUnmapGrantRef));
inline constexpr auto gntdev_get_offset_for_vaddr = ioctl_number('G', 2, sizeof(GntdevGetOffsetForVaddr));
inline constexpr auto gntdev_set_max_grants = ioctl_number('G', 3, sizeof(GntdevSetMaxGrants));
inline constexpr auto gntdev_set_unmap_notify = ioctl_number('G', 7, sizeof(GntdevUnmapNotify));

/// /dev/xen/gntalloc
struct GntallocAllocGref {
    uint16_t domid;
    uint16_t flags;
    uint32_t count;
    uint64_t index;
    uint32_t gref_ids[1];
};
static_assert(sizeof(GntallocAllocGref) == 24);
static_assert(offsetof(GntallocAllocGref, gref_ids) == 16);

/// Frees pages at a mmap offset.
struct GntallocDeallocGref {
    uint64_t index;
    uint32_t count;
};
static_assert(sizeof(GntallocDeallocGref) == 16);
static_assert(offsetof(GntallocDeallocGref, count) == 8);
inline constexpr uint16_t gntalloc_flag_writable = 1;
inline constexpr auto gntalloc_alloc_gref = ioctl_number('G', 5, sizeof(GntallocAllocGref));
inline constexpr auto gntalloc_dealloc_gref = ioctl_number('G', 6, sizeof(GntallocDeallocGref));

/// /dev/xen/xenbus_backend: set up the store page and port for an own xenstored.
inline constexpr auto xenbus_backend_evtchn = ioctl_number('B', 0, 0);
inline constexpr auto xenbus_backend_setup = ioctl_number('B', 1, 0);

} // namespace abi::device
