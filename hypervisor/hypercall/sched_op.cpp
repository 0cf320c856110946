// SPDX-License-Identifier: Apache-2.0
// sched_op: yielding, blocking, polling, shutting down, watchdogs, pinning.
#include "abi/sched.hpp"
#include "base/log.hpp"
#include "domain/domain_list.hpp"
#include "domain/event/channels.hpp"
#include "domain/guest_pointer.hpp"
#include "domain/run/schedule.hpp"
#include "hypercall/handlers.hpp"
#include "machine/machine.hpp"

namespace px::hypercall {

namespace {

constexpr u32 max_polled_ports = 128;

Outcome yield() {
    schedule::yield();
    return Outcome::of(0);
}

Outcome block() {
    Vcpu& vcpu = current();
    std::atomic_ref<u8>(vcpu.info->evtchn_upcall_mask).store(0);
    vcpu.block();
    return Outcome::of(0);
}

Result<> shutdown(u64 address) {
    const auto op = TRY(GuestPointer<abi::SchedShutdown>(address).read());
    current_domain().shutdown(op.reason);
    return {};
}

Result<> shutdown_code(u64 address) {
    const auto op = TRY(GuestPointer<abi::SchedShutdown>(address).read());
    Domain& domain = current_domain();
    Guard guard(domain.lock);
    domain.announce_shutdown(op.reason);
    return {};
}

Result<> remote_shutdown(u64 address) {
    const auto op = TRY(GuestPointer<abi::SchedRemoteShutdown>(address).read());
    if (!current_domain().is_privileged) return fail(Error::Perm);
    DomainRef domain = TRY(find_controlled_domain(op.domain_id));
    domain->shutdown(op.reason);
    return {};
}

/// True if one of the ports is pending. Errors: Fault, Invalid.
Result<bool> any_port_pending(const GuestPointer<abi::evtchn_port_t>& ports, u32 count, u32& first) {
    for (u32 i = 0; i < count; ++i) {
        const u32 port = TRY(ports.read(i));
        if (i == 0) first = port;
        abi::EvtchnStatus status{.dom = abi::domid_self, .port = port};
        if (!event::status(status) || status.status == static_cast<u32>(abi::EvtchnState::Closed))
            return fail(Error::Invalid);
        if (event::is_open_and_pending(current_domain(), Port(port))) return true;
    }
    return false;
}

Result<> poll(u64 address) {
    const auto op = TRY(GuestPointer<abi::SchedPoll>(address).read());
    if (op.nr_ports > max_polled_ports) return fail(Error::Invalid);
    Vcpu& vcpu = current();
    const GuestPointer<abi::evtchn_port_t> ports(op.ports);
    vcpu.poll_port.store(~0u);
    vcpu.flags.fetch_or(vcpu_flag::blocked | vcpu_flag::polling);
    // From here on an event on any port ends the wait; those that came before are looked for now.
    u32 first = 0;
    const Result<bool> pending = any_port_pending(ports, op.nr_ports, first);
    if (!pending || *pending || vcpu.events_need_delivery()) {
        vcpu.unblock();
        if (!pending) return fail(pending.error());
        return {};
    }
    u32 several = ~0u;
    if (op.nr_ports == 1) vcpu.poll_port.compare_exchange_strong(several, first);
    if (op.timeout != 0) vcpu.poll_timer.set(static_cast<Nanoseconds>(op.timeout));
    schedule::update(vcpu);
    return {};
}

/// SCHEDOP_watchdog: 0 allocates one and returns its number; a timeout of 0 seconds stops it.
Outcome watchdog(u64 address) {
    const Result<abi::SchedWatchdog> op = GuestPointer<abi::SchedWatchdog>(address).read();
    if (!op) return Outcome::error(op.error());
    Domain& domain = current_domain();
    constexpr u32 count = sizeof(domain.watchdog) / sizeof(domain.watchdog[0]);
    if (op->id > count) return Outcome::error(Error::Invalid);
    Guard guard(domain.lock);
    u32 index = op->id - 1;
    if (op->id == 0) {
        if (op->timeout == 0) return Outcome::error(Error::Invalid);
        for (index = 0; index < count && (domain.watchdogs_in_use >> index & 1); ++index) {}
        if (index == count) return Outcome::error(Error::NoSpace);
    } else if ((domain.watchdogs_in_use >> index & 1) == 0) {
        return Outcome::error(Error::Invalid);
    }
    if (op->timeout == 0) {
        domain.watchdog[index].stop();
        domain.watchdogs_in_use &= ~(1u << index);
        return Outcome::of(0);
    }
    domain.watchdogs_in_use |= 1u << index;
    domain.watchdog[index].set(machine::now() + Nanoseconds{op->timeout} * 1'000'000'000);
    return Outcome::of(op->id == 0 ? index + 1 : 0);
}

/// The hardware domain's vCPU runs on one CPU for a while (firmware that has to be called there).
Result<> pin_override(u64 address) {
    if (!current_domain().is_hardware_domain) return fail(Error::Perm);
    const auto op = TRY(GuestPointer<abi::SchedPinOverride>(address).read());
    Vcpu& vcpu = current();
    if (op.pcpu < 0) {
        if (!vcpu.is_pinned_for_a_while) return fail(Error::Invalid);
        vcpu.is_pinned_for_a_while = false;
        return schedule::set_affinity(vcpu, vcpu.affinity_before_pin, vcpu.soft_affinity);
    }
    if (vcpu.is_pinned_for_a_while) return fail(Error::Busy);
    if (op.pcpu >= static_cast<s32>(machine::cpu_count())) return fail(Error::Invalid);
    CpuMask one;
    one.set(static_cast<u32>(op.pcpu));
    const CpuMask before = vcpu.hard_affinity;
    TRY(schedule::set_affinity(vcpu, one, vcpu.soft_affinity));
    vcpu.affinity_before_pin = before;
    vcpu.is_pinned_for_a_while = true;
    return {};
}

} // namespace

Outcome sched_op(Call& call) {
    const u64 argument = call.args[1];
    switch (static_cast<abi::SchedOp>(static_cast<u32>(call.args[0]))) {
    case abi::SchedOp::Yield: return yield();
    case abi::SchedOp::Block: return block();
    case abi::SchedOp::Shutdown: return Outcome::of(shutdown(argument));
    case abi::SchedOp::Poll: return Outcome::of(poll(argument));
    case abi::SchedOp::RemoteShutdown: return Outcome::of(remote_shutdown(argument));
    case abi::SchedOp::ShutdownCode: return Outcome::of(shutdown_code(argument));
    case abi::SchedOp::Watchdog: return watchdog(argument);
    case abi::SchedOp::PinOverride: return Outcome::of(pin_override(argument));
    }
    return Outcome::error(Error::NoSys);
}

/// The call of kernels before Xen 3.1: its argument is the value itself.
Outcome sched_op_compat(Call& call) {
    switch (static_cast<abi::SchedOp>(static_cast<u32>(call.args[0]))) {
    case abi::SchedOp::Yield: return yield();
    case abi::SchedOp::Block: return block();
    case abi::SchedOp::Shutdown:
        current_domain().shutdown(static_cast<u32>(call.args[1]) & 0xff);
        return Outcome::of(0);
    default: return Outcome::error(Error::NoSys);
    }
}

} // namespace px::hypercall
