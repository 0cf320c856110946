// SPDX-License-Identifier: Apache-2.0
// Linux' ioctl interface of /dev/xen/*: numbers and argument layouts. All are _IOC_NONE.
#pragma once

#include <cstddef>
#include <cstdint>
#include <sys/ioctl.h>

namespace xen::linux_ioctl {

template <class Argument> constexpr unsigned long number(char type, unsigned index) {
    return _IOC(_IOC_NONE, static_cast<unsigned>(type), index, sizeof(Argument));
}

struct PrivcmdHypercall {
    std::uint64_t op;
    std::uint64_t arg[5];
};
struct PrivcmdMmapBatchV2 {
    std::uint32_t count;
    std::uint16_t domain;
    std::uint64_t address;
    std::uint64_t const* frames;
    int* errors;
};
struct PrivcmdDmOpBuffer {
    void* address;
    std::size_t size;
};
struct PrivcmdDmOp {
    std::uint16_t domain;
    std::uint16_t count;
    PrivcmdDmOpBuffer const* buffers;
};
struct PrivcmdMmapResource {
    std::uint16_t domain;
    std::uint32_t type;
    std::uint32_t id;
    std::uint32_t index;
    std::uint64_t count;
    std::uint64_t address;
};
static_assert(sizeof(PrivcmdHypercall) == 48 && sizeof(PrivcmdMmapBatchV2) == 32);
static_assert(sizeof(PrivcmdMmapResource) == 32 && sizeof(PrivcmdDmOp) == 16);

inline constexpr unsigned long privcmd_hypercall = number<PrivcmdHypercall>('P', 0);
inline constexpr unsigned long privcmd_mmap_batch_v2 = number<PrivcmdMmapBatchV2>('P', 4);
inline constexpr unsigned long privcmd_dm_op = number<PrivcmdDmOp>('P', 5);
inline constexpr unsigned long privcmd_mmap_resource = number<PrivcmdMmapResource>('P', 7);

struct EvtchnOne { // bind_virq, bind_unbound_port, unbind, notify: one number
    std::uint32_t value;
};
struct EvtchnBindInterdomain {
    std::uint32_t remote_domain, remote_port;
};
inline constexpr unsigned long evtchn_bind_virq = number<EvtchnOne>('E', 0);
inline constexpr unsigned long evtchn_bind_interdomain = number<EvtchnBindInterdomain>('E', 1);
inline constexpr unsigned long evtchn_bind_unbound_port = number<EvtchnOne>('E', 2);
inline constexpr unsigned long evtchn_unbind = number<EvtchnOne>('E', 3);
inline constexpr unsigned long evtchn_notify = number<EvtchnOne>('E', 4);
inline constexpr unsigned long evtchn_reset = _IOC(_IOC_NONE, 'E', 5, 0);

struct GntdevRef {
    std::uint32_t domain, ref;
};
/// Followed in memory by count - 1 further refs.
struct GntdevMap {
    std::uint32_t count, pad;
    std::uint64_t index; // out: offset for mmap()
    GntdevRef refs[1];
};
struct GntdevUnmap {
    std::uint64_t index;
    std::uint32_t count, pad;
};
struct GntdevUnmapNotify {
    std::uint64_t index;
    std::uint32_t action, event_channel_port;
};
inline constexpr unsigned long gntdev_map = number<GntdevMap>('G', 0);
inline constexpr unsigned long gntdev_unmap = number<GntdevUnmap>('G', 1);
inline constexpr unsigned long gntdev_unmap_notify = number<GntdevUnmapNotify>('G', 7);

inline constexpr unsigned long xenbus_backend_evtchn = _IOC(_IOC_NONE, 'B', 0, 0);

} // namespace xen::linux_ioctl
