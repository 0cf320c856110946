// SPDX-License-Identifier: Apache-2.0
// Ports that are not bound: number 0, closed ones, and those beyond the table. lsevtchn walks them from 0 on.
#include "lib/micro.hpp"

using namespace micro;
using abi::Errno;
using abi::Hypercall;

namespace {

template <class Op> long event(abi::EventChannelOp command, Op op) {
    return call(Hypercall::EventChannelOp, command, &op);
}

struct Status {
    long result;
    abi::EvtchnStatus is;
};
Status status_of(u32 port, u16 domain = abi::domid_self) {
    Status status{0, {}};
    status.is.dom = domain;
    status.is.port = port;
    status.is.status = 99;
    status.result = call(Hypercall::EventChannelOp, abi::EventChannelOp::Status, &status.is);
    return status;
}
u32 new_port(u16 remote = abi::domid_self) {
    abi::EvtchnAllocUnbound op{abi::domid_self, remote, 0};
    CHECK_IS(call(Hypercall::EventChannelOp, abi::EventChannelOp::AllocUnbound, &op), 0);
    return op.port;
}
long close(u32 port) { return event(abi::EventChannelOp::Close, abi::EvtchnClose{port}); }

/// Every operation that takes a local port, on one that is not bound.
void try_all(u32 port, const char* const (&names)[7]) {
    observe(names[0], event(abi::EventChannelOp::Send, abi::EvtchnSend{port}));
    observe(names[1], close(port));
    observe(names[2], event(abi::EventChannelOp::Unmask, abi::EvtchnUnmask{port}));
    observe(names[3], event(abi::EventChannelOp::BindVcpu, abi::EvtchnBindVcpu{port, 0}));
    observe(names[4], event(abi::EventChannelOp::SetPriority, abi::EvtchnSetPriority{port, 7}));
    observe(names[5],
            event(abi::EventChannelOp::BindInterdomain, abi::EvtchnBindInterdomain{abi::domid_self, port, 0}));
    static u32 polled;
    polled = port;
    abi::SchedPoll poll{};
    poll.ports.address = reinterpret_cast<u64>(&polled);
    poll.nr_ports = 1;
    poll.timeout = 1;
    observe(names[6], call(Hypercall::SchedOp, abi::SchedOp::Poll, &poll));
}

} // namespace

MICRO_CASE(status_of_every_port) {
    const Status first = status_of(0);
    CHECK_IS(first.result, 0);
    CHECK_IS(first.is.status, abi::EvtchnState::Closed);
    CHECK_IS(first.is.vcpu, 0);
    const u32 port = new_port(7);
    u32 n = 0, seen = 0;
    for (; n < abi::fifo_nr_channels; ++n) {
        const Status status = status_of(n);
        if (status.result < 0) {
            CHECK_IS(status.result, error(Errno::Invalid));
            break;
        }
        if (n == port) {
            CHECK_IS(status.is.status, abi::EvtchnState::Unbound);
            CHECK_IS(status.is.u.unbound.dom, 7);
            ++seen;
        }
    }
    CHECK_IS(seen, 1);
    CHECK(n % 64 == 0 && n > port);
    CHECK_IS(close(port), 0);
    CHECK_IS(status_of(port).is.status, abi::EvtchnState::Closed);
    for (u32 bad : {u32{abi::fifo_nr_channels}, 0x80000000u, ~0u})
        CHECK_IS(status_of(bad).result, error(Errno::Invalid));
    CHECK_IS(status_of(0, 0x7123).result, error(Errno::Search));
}

MICRO_CASE(ports_that_are_not_bound) {
    try_all(0, {"send to port 0", "close port 0", "unmask port 0", "bind vcpu of port 0", "priority of port 0",
                "bind to port 0", "poll port 0"});
    const u32 port = new_port();
    CHECK_IS(close(port), 0);
    try_all(port, {"send to a closed port", "close a closed port", "unmask a closed port", "bind vcpu of a closed port",
                   "priority of a closed port", "bind to a closed port", "poll a closed port"});
    try_all(abi::fifo_nr_channels - 1,
            {"send to a far port", "close a far port", "unmask a far port", "bind vcpu of a far port",
             "priority of a far port", "bind to a far port", "poll a far port"});
    try_all(abi::fifo_nr_channels,
            {"send beyond all ports", "close beyond all ports", "unmask beyond all ports", "bind vcpu beyond all ports",
             "priority beyond all ports", "bind beyond all ports", "poll beyond all ports"});
}
