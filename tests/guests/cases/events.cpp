// SPDX-License-Identifier: Apache-2.0
// Event channels, timers, blocking, run state, time.
#include "lib/micro.hpp"
#include "lib/second.hpp"

using namespace micro;
using abi::Errno;
using abi::Hypercall;

namespace {
/// Timers may come so much early, in nanoseconds: the reference fires those that are nearly due together.
constexpr u64 slop = 1'000'000;
/// How long the timers here run: so much more than the slop that one which fires at once is found out.
constexpr u64 wait_time = 20'000'000;
/// How long what must come is waited for: a machine may stand still for seconds on a busy host.
constexpr u64 patience = 20'000'000'000;

template <class Op> long event(abi::EventChannelOp command, Op& op) {
    return call(Hypercall::EventChannelOp, command, &op);
}

u32 bind_ipi() {
    abi::EvtchnBindIpi op{0, 0};
    CHECK_IS(event(abi::EventChannelOp::BindIpi, op), 0);
    return op.port;
}
void close(u32 port) {
    abi::EvtchnClose op{port};
    CHECK_IS(event(abi::EventChannelOp::Close, op), 0);
}
long send(u32 port) {
    abi::EvtchnSend op{port};
    return event(abi::EventChannelOp::Send, op);
}
bool pending(u32 port) { return shared_info->evtchn_pending[port / 64] >> (port % 64) & 1; }
void clear(u32 port) {
    // Whole: the hypervisor may set its bits from another CPU at the same time.
    __atomic_fetch_and(&shared_info->evtchn_pending[port / 64], ~(u64{1} << (port % 64)), __ATOMIC_SEQ_CST);
    vcpu_info().evtchn_pending_sel = 0;
    vcpu_info().evtchn_upcall_pending = 0;
}
u32 bind_timer() {
    // Its ticks come by the same port.
    CHECK_IS(call(Hypercall::VcpuOp, abi::VcpuOp::StopPeriodicTimer, 0, 0), 0);
    abi::EvtchnBindVirq op{static_cast<u32>(abi::Virq::Timer), 0, 0};
    CHECK_IS(event(abi::EventChannelOp::BindVirq, op), 0);
    return op.port;
}
/// Waits for the port's event. False: it does not come.
bool comes(u32 port) {
    for (const u64 end = system_time() + patience; !pending(port);)
        if (system_time() > end) return false;
    return true;
}
volatile unsigned upcalls;
void count_upcalls(Frame& frame) {
    if (frame.vector != 0x200) return;
    upcalls = upcalls + 1;
    vcpu_info().evtchn_upcall_pending = 0;
}
} // namespace

MICRO_CASE(event_to_itself) {
    const u32 port = bind_ipi();
    shared_info->evtchn_mask[port / 64] &= ~(u64{1} << (port % 64));
    CHECK(!pending(port));
    CHECK_IS(send(port), 0);
    CHECK(pending(port));
    CHECK(vcpu_info().evtchn_upcall_pending);
    CHECK(vcpu_info().evtchn_pending_sel >> (port / 64) & 1);
    clear(port);
    close(port);
    CHECK_IS(send(port), error(Errno::Invalid));
}

MICRO_CASE(upcall_comes_when_unmasked) {
    const u32 port = bind_ipi();
    trap_hook = count_upcalls;
    upcalls = 0;
    CHECK_IS(send(port), 0);
    CHECK_IS(upcalls, 0);
    vcpu_info().evtchn_upcall_mask = 0;
    call(Hypercall::XenVersion, 0, 0); // any way back from the hypervisor delivers
    vcpu_info().evtchn_upcall_mask = 1;
    CHECK_IS(upcalls, 1);
    clear(port);
    close(port);
}

MICRO_CASE(masked_event_needs_unmask) {
    const u32 port = bind_ipi();
    shared_info->evtchn_mask[port / 64] |= u64{1} << (port % 64);
    clear(port);
    CHECK_IS(send(port), 0);
    CHECK(pending(port));
    CHECK(!vcpu_info().evtchn_upcall_pending);
    abi::EvtchnUnmask op{port};
    CHECK_IS(event(abi::EventChannelOp::Unmask, op), 0);
    CHECK(vcpu_info().evtchn_upcall_pending);
    clear(port);
    close(port);
}

MICRO_CASE(a_closed_port_forgets_its_event) {
    const u32 port = bind_ipi();
    shared_info->evtchn_mask[port / 64] |= u64{1} << (port % 64);
    CHECK_IS(send(port), 0);
    CHECK(pending(port));
    close(port);
    CHECK(!pending(port));
    CHECK_IS(bind_ipi(), port);
    CHECK(!pending(port));
    close(port);
    clear(port);
}

MICRO_CASE(loopback_channel) {
    abi::EvtchnAllocUnbound a{abi::domid_self, abi::domid_self, 0};
    CHECK_IS(event(abi::EventChannelOp::AllocUnbound, a), 0);
    abi::EvtchnBindInterdomain b{abi::domid_self, a.port, 0};
    CHECK_IS(event(abi::EventChannelOp::BindInterdomain, b), 0);
    CHECK_IS(event(abi::EventChannelOp::BindInterdomain, b), error(Errno::Invalid));
    clear(b.local_port);
    CHECK_IS(send(a.port), 0);
    CHECK(pending(b.local_port));
    abi::EvtchnStatus s{abi::domid_self, a.port};
    CHECK_IS(event(abi::EventChannelOp::Status, s), 0);
    CHECK_IS(s.status, 2);
    close(b.local_port);
    CHECK_IS(event(abi::EventChannelOp::Status, s), 0);
    CHECK_IS(s.status, 1);
    close(a.port);
    clear(b.local_port);
}

MICRO_CASE(bad_ports) {
    for (u32 port : {0u, 4095u, 4096u, 131071u, 131072u, 0xffffffffu}) {
        abi::EvtchnClose c{port};
        CHECK_IS(event(abi::EventChannelOp::Close, c), error(Errno::Invalid));
        CHECK_IS(send(port), error(Errno::Invalid));
        abi::EvtchnUnmask u{port};
        CHECK_IS(event(abi::EventChannelOp::Unmask, u), port == 0 ? 0 : error(Errno::Invalid));
        abi::EvtchnBindVcpu v{port, 0};
        CHECK_IS(event(abi::EventChannelOp::BindVcpu, v), error(Errno::Invalid));
    }
    u64 unused = 0;
    CHECK_IS(call(Hypercall::EventChannelOp, 77, &unused), error(Errno::NoSys));
    abi::EvtchnBindInterdomain b{0x7123, 1, 0};
    CHECK_IS(event(abi::EventChannelOp::BindInterdomain, b), error(Errno::Search));
}

MICRO_CASE(virq_rules) {
    abi::EvtchnBindVirq op{24, 0, 0};
    CHECK_IS(event(abi::EventChannelOp::BindVirq, op), error(Errno::Invalid));
    op = {static_cast<u32>(abi::Virq::Timer), 7777, 0};
    CHECK_IS(event(abi::EventChannelOp::BindVirq, op), error(Errno::NoEntry));
    const u32 port = bind_timer();
    op = {static_cast<u32>(abi::Virq::Timer), 0, 0};
    CHECK_IS(event(abi::EventChannelOp::BindVirq, op), error(Errno::Exists));
    close(port);
}

MICRO_CASE(port_numbers_are_the_lowest_free) {
    const u32 a = bind_ipi(), b = bind_ipi();
    CHECK(b > a);
    close(a);
    CHECK_IS(bind_ipi(), a);
    close(a);
    close(b);
}

MICRO_CASE(singleshot_timer_fires) {
    const u32 port = bind_timer();
    clear(port);
    abi::VcpuSetSingleshotTimer op{system_time() + wait_time, 0};
    CHECK_IS(call(Hypercall::VcpuOp, abi::VcpuOp::SetSingleshotTimer, 0, &op), 0);
    CHECK(comes(port));
    CHECK(system_time() + slop >= op.timeout_abs_ns);
    clear(port);
    op = {system_time() - 1000, abi::vcpu_sshottmr_future};
    CHECK_IS(call(Hypercall::VcpuOp, abi::VcpuOp::SetSingleshotTimer, 0, &op), 0); // fires at once
    CHECK(comes(port));
    clear(port);
    CHECK_IS(call(Hypercall::VcpuOp, abi::VcpuOp::StopSingleshotTimer, 0, 0), 0);
    close(port);
}

MICRO_CASE(set_timer_op_fires) {
    const u32 port = bind_timer();
    clear(port);
    CHECK_IS(call(Hypercall::SetTimerOp, system_time() + 1000000), 0);
    CHECK(comes(port));
    clear(port);
    close(port);
}

MICRO_CASE(block_ends_with_an_event) {
    const u32 port = bind_timer();
    clear(port);
    shared_info->evtchn_mask[port / 64] &= ~(u64{1} << (port % 64));
    trap_hook = count_upcalls;
    upcalls = 0;
    const u64 start = system_time();
    CHECK_IS(call(Hypercall::SetTimerOp, start + wait_time), 0);
    CHECK_IS(call(Hypercall::SchedOp, abi::SchedOp::Block, 0), 0);
    CHECK(system_time() + slop >= start + wait_time);
    CHECK_IS(upcalls, 1);
    CHECK_IS(vcpu_info().evtchn_upcall_mask, 0); // block enables events
    vcpu_info().evtchn_upcall_mask = 1;
    clear(port);
    close(port);
}

/// Binds a port, masked and not pending, for a poll of it alone. The poll names it by its address.
static abi::SchedPoll poll_of(u32& port) {
    port = bind_ipi();
    shared_info->evtchn_mask[port / 64] |= u64{1} << (port % 64);
    clear(port);
    abi::SchedPoll op{};
    op.ports.address = reinterpret_cast<u64>(&port);
    op.nr_ports = 1;
    return op;
}

MICRO_CASE(poll_times_out_and_sees_ports) {
    static u32 port;
    abi::SchedPoll op = poll_of(port);
    op.timeout = system_time() + wait_time;
    CHECK_IS(call(Hypercall::SchedOp, abi::SchedOp::Poll, &op), 0);
    CHECK(system_time() + slop >= op.timeout);
    CHECK_IS(send(port), 0);
    op.timeout = 0;
    CHECK_IS(call(Hypercall::SchedOp, abi::SchedOp::Poll, &op), 0); // pending: returns at once
    op.nr_ports = 129;
    CHECK_IS(call(Hypercall::SchedOp, abi::SchedOp::Poll, &op), error(Errno::Invalid));
    static u32 bad;
    bad = 0xfffffff;
    op.ports.address = reinterpret_cast<u64>(&bad);
    op.nr_ports = 1;
    CHECK_IS(call(Hypercall::SchedOp, abi::SchedOp::Poll, &op), error(Errno::Invalid));
    clear(port);
    close(port);
}

/// A time of long ago has come, also one that lies half the range of times back; the CPU's other timers go on.
MICRO_CASE(poll_times_of_long_ago) {
    static u32 port;
    abi::SchedPoll op = poll_of(port);
    for (const u64 timeout : {u64{1}, ~u64{0}, u64{1} << 63, (u64{1} << 63) + 1, (u64{1} << 63) + 1000000000}) {
        op.timeout = timeout;
        const u64 start = system_time();
        CHECK_IS(call(Hypercall::SchedOp, abi::SchedOp::Poll, &op), 0);
        CHECK(system_time() - start < 1'000'000'000);
    }
    close(port);
}

MICRO_CASE(unknown_sched_op) { CHECK_IS(call(Hypercall::SchedOp, 99, 0), error(Errno::NoSys)); }

MICRO_CASE(time_goes_forward) {
    u64 last = system_time();
    CHECK(last > 0);
    for (int i = 0; i < 10000; ++i) {
        const u64 now = system_time();
        if (now < last) {
            CHECK(!"time went back");
            break;
        }
        last = now;
    }
    CHECK_IS(vcpu_info().time.version & 1, 0);
    CHECK(shared_info->wc_sec > 1000000000);
    CHECK_IS(shared_info->wc_version & 1, 0);
}

MICRO_CASE(runstate_adds_up) {
    alignas(64) static abi::VcpuRunstateInfo area;
    abi::VcpuRegisterRunstateMemoryArea op{};
    op.addr.p = reinterpret_cast<u64>(&area);
    CHECK_IS(call(Hypercall::VcpuOp, abi::VcpuOp::RegisterRunstateMemoryArea, 0, &op), 0);
    CHECK_IS(area.state, 0);
    static abi::VcpuRunstateInfo now;
    CHECK_IS(call(Hypercall::VcpuOp, abi::VcpuOp::GetRunstateInfo, 0, &now), 0);
    CHECK_IS(now.state, 0);
    CHECK(now.time[0] > 0);
    const u32 port = bind_timer();
    shared_info->evtchn_mask[port / 64] &= ~(u64{1} << (port % 64));
    trap_hook = count_upcalls;
    u64 blocked = 0;
    for (int i = 0; i < 20 && blocked < 15000000; ++i) { // an emulator may lose its CPU between timer and block
        const u64 before = now.time[2];
        call(Hypercall::SetTimerOp, system_time() + 20000000);
        call(Hypercall::SchedOp, abi::SchedOp::Block, 0);
        vcpu_info().evtchn_upcall_mask = 1;
        CHECK_IS(call(Hypercall::VcpuOp, abi::VcpuOp::GetRunstateInfo, 0, &now), 0);
        blocked = now.time[2] - before;
    }
    CHECK(blocked >= 15000000);
    CHECK_IS(area.time[2], now.time[2]);
    op.addr.p = 0xffff830000000000;
    CHECK_IS(call(Hypercall::VcpuOp, abi::VcpuOp::RegisterRunstateMemoryArea, 0, &op), error(Errno::Fault));
    clear(port);
    close(port);
}

MICRO_CASE(vcpu_numbers_are_checked) {
    CHECK_IS(call(Hypercall::VcpuOp, abi::VcpuOp::IsUp, 0, 0), 1);
    CHECK_IS(call(Hypercall::VcpuOp, abi::VcpuOp::IsUp, 8191, 0), error(Errno::NoEntry));
    CHECK_IS(call(Hypercall::VcpuOp, abi::VcpuOp::IsUp, 0xffffffff, 0), error(Errno::NoEntry));
    CHECK_IS(call(Hypercall::VcpuOp, 99, 0, 0), error(Errno::NoSys));
}

MICRO_CASE(second_vcpu_starts_and_stops) {
    if (call(Hypercall::VcpuOp, abi::VcpuOp::IsUp, 1, 0) < 0) return; // a machine with one CPU
    CHECK_IS(call(Hypercall::VcpuOp, abi::VcpuOp::IsUp, 1, 0), 0);
    CHECK_IS(call(Hypercall::VcpuOp, abi::VcpuOp::Up, 1, 0), error(Errno::Invalid)); // no context yet
    CHECK_IS(initialise_second(), 0);
    CHECK_IS(initialise_second(), error(Errno::Exists));
    CHECK_IS(call(Hypercall::VcpuOp, abi::VcpuOp::Up, 1, 0), 0);
    const u64 end = system_time() + 2000000000;
    while ((!second_runs || call(Hypercall::VcpuOp, abi::VcpuOp::IsUp, 1, 0) != 0) && system_time() < end) {}
    CHECK_IS(second_runs, 1);
    CHECK_IS(call(Hypercall::VcpuOp, abi::VcpuOp::IsUp, 1, 0), 0);
}

MICRO_CASE(fifo_events) {
    auto* control = static_cast<abi::EvtchnFifoControlBlock*>(new_page());
    abi::EvtchnExpandArray early{mfn_of(control)};
    CHECK_IS(event(abi::EventChannelOp::ExpandArray, early), error(Errno::NotSupported));
    abi::EvtchnInitControl init{};
    init.control_gfn = mfn_of(control);
    init.offset = 4092;
    CHECK_IS(event(abi::EventChannelOp::InitControl, init), error(Errno::Invalid));
    init.offset = 0;
    init.vcpu = 7777;
    CHECK_IS(event(abi::EventChannelOp::InitControl, init), error(Errno::NoEntry));
}
