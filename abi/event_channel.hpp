// SPDX-License-Identifier: Apache-2.0
// Event channel operations and the FIFO structures shared with guests (public/event_channel.h).
#pragma once

#include "abi/types.hpp"

namespace abi {

/// First argument of hypercall event_channel_op.
enum class EventChannelOp : uint32_t {
    BindInterdomain = 0,
    BindVirq = 1,
    BindPirq = 2,
    Close = 3,
    Send = 4,
    Status = 5,
    AllocUnbound = 6,
    BindIpi = 7,
    BindVcpu = 8,
    Unmask = 9,
    Reset = 10,
    InitControl = 11,
    ExpandArray = 12,
    SetPriority = 13,
    ResetCont = 14, ///< the hypervisor's own continuation of Reset
};

/// What a port is bound to (EvtchnStatus::status).
enum class EvtchnState : uint32_t {
    Closed = 0,
    Unbound = 1,
    Interdomain = 2,
    Pirq = 3,
    Virq = 4,
    Ipi = 5,
};

inline constexpr uint32_t bind_pirq_will_share = 1;

/// New port in dom that remote_dom may bind to.
struct EvtchnAllocUnbound {
    domid_t dom, remote_dom;
    evtchn_port_t port; ///< out
};
static_assert(sizeof(EvtchnAllocUnbound) == 8);
static_assert(offsetof(EvtchnAllocUnbound, port) == 4);

/// Joins a new local port to a remote unbound one.
struct EvtchnBindInterdomain {
    domid_t remote_dom;
    evtchn_port_t remote_port;
    evtchn_port_t local_port; ///< out
};
static_assert(sizeof(EvtchnBindInterdomain) == 12);
static_assert(offsetof(EvtchnBindInterdomain, remote_port) == 4);
static_assert(offsetof(EvtchnBindInterdomain, local_port) == 8);

/// New port for a VIRQ of a vCPU (0 for global VIRQs).
struct EvtchnBindVirq {
    uint32_t virq;
    uint32_t vcpu;
    evtchn_port_t port; ///< out
};
static_assert(sizeof(EvtchnBindVirq) == 12);
static_assert(offsetof(EvtchnBindVirq, port) == 8);

/// New port for a physical interrupt.
struct EvtchnBindPirq {
    uint32_t pirq;
    uint32_t flags;
    evtchn_port_t port; ///< out
};
static_assert(sizeof(EvtchnBindPirq) == 12);
static_assert(offsetof(EvtchnBindPirq, port) == 8);

/// New port by which vCPUs of the domain call one another.
struct EvtchnBindIpi {
    uint32_t vcpu;
    evtchn_port_t port; ///< out
};
static_assert(sizeof(EvtchnBindIpi) == 8);
static_assert(offsetof(EvtchnBindIpi, port) == 4);

/// Frees a local port.
struct EvtchnClose {
    evtchn_port_t port;
};
static_assert(sizeof(EvtchnClose) == 4);

/// Notifies the other end of a local port.
struct EvtchnSend {
    evtchn_port_t port;
};
static_assert(sizeof(EvtchnSend) == 4);

/// State of a port.
struct EvtchnStatus {
    domid_t dom;
    evtchn_port_t port;
    uint32_t status; ///< out: EvtchnState
    uint32_t vcpu;   ///< out: vCPU that is notified
    union {
        struct {
            domid_t dom;
        } unbound;
        struct {
            domid_t dom;
            evtchn_port_t port;
        } interdomain;
        uint32_t pirq;
        uint32_t virq;
    } u;
};
static_assert(sizeof(EvtchnStatus) == 24);
static_assert(offsetof(EvtchnStatus, port) == 4);
static_assert(offsetof(EvtchnStatus, u) == 16);

/// Moves the notifications of a port to a vCPU.
struct EvtchnBindVcpu {
    evtchn_port_t port;
    uint32_t vcpu;
};
static_assert(sizeof(EvtchnBindVcpu) == 8);
static_assert(offsetof(EvtchnBindVcpu, vcpu) == 4);

/// Clears the mask bit and delivers what is pending.
struct EvtchnUnmask {
    evtchn_port_t port;
};
static_assert(sizeof(EvtchnUnmask) == 4);

/// Closes all ports of a domain and returns it to the 2-level form.
struct EvtchnReset {
    domid_t dom;
};
static_assert(sizeof(EvtchnReset) == 2);

/// Switches the calling domain to FIFO events; the control block must not cross a page.
struct EvtchnInitControl {
    uint64_t control_gfn;
    uint32_t offset;
    uint32_t vcpu;
    uint8_t link_bits; ///< out
    uint8_t _pad[7];
};
static_assert(sizeof(EvtchnInitControl) == 24);
static_assert(offsetof(EvtchnInitControl, _pad) == 17);

/// Adds a page (guest frame) of event words.
struct EvtchnExpandArray {
    uint64_t array_gfn;
};
static_assert(sizeof(EvtchnExpandArray) == 8);

/// FIFO priority of a port, 0 highest.
struct EvtchnSetPriority {
    evtchn_port_t port;
    uint32_t priority;
};
static_assert(sizeof(EvtchnSetPriority) == 8);
static_assert(offsetof(EvtchnSetPriority, priority) == 4);

/// Argument of the old event_channel_op_compat call.
struct EvtchnOp {
    uint32_t cmd;
    union {
        EvtchnAllocUnbound alloc_unbound;
        EvtchnBindInterdomain bind_interdomain;
        EvtchnBindVirq bind_virq;
        EvtchnBindPirq bind_pirq;
        EvtchnBindIpi bind_ipi;
        EvtchnClose close;
        EvtchnSend send;
        EvtchnStatus status;
        EvtchnBindVcpu bind_vcpu;
        EvtchnUnmask unmask;
    } u;
};
static_assert(sizeof(EvtchnOp) == 28);
static_assert(offsetof(EvtchnOp, u) == 4);

inline constexpr uint32_t evtchn_2l_nr_channels = 64 * 64;
inline constexpr uint32_t evtchn_2l_max_vcpu_info = 32;

inline constexpr uint32_t fifo_priority_max = 0;
inline constexpr uint32_t fifo_priority_default = 7;
inline constexpr uint32_t fifo_priority_min = 15;
inline constexpr uint32_t fifo_max_queues = 16;

/// Event word: state bits at the top, port of the next queued event in the link field.
using event_word_t = uint32_t;
inline constexpr uint32_t fifo_pending_bit = 31;
inline constexpr uint32_t fifo_masked_bit = 30;
inline constexpr uint32_t fifo_linked_bit = 29;
inline constexpr uint32_t fifo_busy_bit = 28;
inline constexpr uint32_t fifo_link_bits = 17;
inline constexpr uint32_t fifo_link_mask = (1u << fifo_link_bits) - 1;
inline constexpr uint32_t fifo_nr_channels = 1u << fifo_link_bits;

/// Per-vCPU control block: one ready bit and one queue head per priority.
struct EvtchnFifoControlBlock {
    uint32_t ready;
    uint32_t _rsvd;
    uint32_t head[fifo_max_queues];
};
static_assert(sizeof(EvtchnFifoControlBlock) == 72);
static_assert(offsetof(EvtchnFifoControlBlock, head) == 8);

} // namespace abi
