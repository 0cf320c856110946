// SPDX-License-Identifier: Apache-2.0
// Making events pending: the 2-level ABI, pollers, and the ways an event starts.
#include "domain/domain_list.hpp"
#include "domain/event/table.hpp"

namespace px {
namespace {

std::atomic_ref<u64> word(abi::xen_ulong_t& w) { return std::atomic_ref<u64>(*reinterpret_cast<u64*>(&w)); }

bool test_and_set(abi::xen_ulong_t& w, u32 bit) {
    return word(w).fetch_or(u64{1} << bit, std::memory_order_seq_cst) >> bit & 1;
}

/// Ends the SCHEDOP_poll of every vCPU that waits for this port.
void wake_pollers(Domain& domain, Port port) {
    for (u32 i = 0; i < domain.max_vcpus; ++i) {
        Vcpu* v = domain.vcpus[i];
        if (!v || !(v->flags.load(std::memory_order_seq_cst) & vcpu_flag::polling)) continue;
        const u32 polled = v->poll_port.load(std::memory_order_relaxed);
        if (polled == port.raw() || polled == ~0u) v->unblock();
    }
}

/// The vCPU a channel notifies. Number and table are checked again: the vCPU may never have been made.
Vcpu* target(Domain& domain, const Channel& channel) {
    return domain.vcpu(VcpuId(channel.vcpu.load(std::memory_order_relaxed)));
}

} // namespace

namespace event {

void set_pending_2l(Domain& domain, Port port, Channel& channel) {
    const u32 p = port.raw();
    if (p >= abi::evtchn_2l_nr_channels) return;
    abi::SharedInfo& shared = *domain.shared_info;
    if (test_and_set(shared.evtchn_pending[p / 64], p % 64)) return;
    Vcpu* v = target(domain, channel);
    // The pending bit is set before the mask is read (both sequentially consistent): the guest clears the mask before
    // it reads the pending bit, so one of the two sees the other.
    const bool masked = word(shared.evtchn_mask[p / 64]).load(std::memory_order_seq_cst) >> (p % 64) & 1;
    if (v && !masked && !test_and_set(v->info->evtchn_pending_sel, p / 64)) v->mark_events_pending();
    wake_pollers(domain, port);
}

void unmask_2l(Domain& domain, Port port, Channel& channel) {
    const u32 p = port.raw();
    if (p >= abi::evtchn_2l_nr_channels) return;
    abi::SharedInfo& shared = *domain.shared_info;
    const u64 bit = u64{1} << (p % 64);
    const bool was_masked = word(shared.evtchn_mask[p / 64]).fetch_and(~bit, std::memory_order_seq_cst) & bit;
    const bool pending = word(shared.evtchn_pending[p / 64]).load(std::memory_order_seq_cst) & bit;
    Vcpu* v = target(domain, channel);
    if (was_masked && pending && v && !test_and_set(v->info->evtchn_pending_sel, p / 64)) v->mark_events_pending();
}

void set_pending(Domain& domain, Port port, Channel& channel) {
    EventChannels& table = *domain.events;
    if (!table.is_fifo.load(std::memory_order_acquire)) {
        set_pending_2l(domain, port, channel);
        return;
    }
    fifo::set_pending(table, port, channel);
    wake_pollers(domain, port);
}

bool is_open_and_pending(Domain& domain, Port port) {
    Channel* channel = domain.events->channel(port);
    if (!channel) return false;
    // As in unmask(): an open channel keeps its words.
    IrqGuard guard(channel->lock);
    return channel->state() != abi::EvtchnState::Closed && is_pending(domain, port);
}

bool is_pending(Domain& domain, Port port) {
    EventChannels& table = *domain.events;
    if (table.is_fifo.load(std::memory_order_acquire)) return fifo::is_pending(table, port);
    const u32 p = port.raw();
    return p < abi::evtchn_2l_nr_channels && (word(domain.shared_info->evtchn_pending[p / 64]).load() >> (p % 64) & 1);
}

void clear_pending(Domain& domain, Port port, Channel& channel) {
    channel.was_pending.store(false, std::memory_order_relaxed);
    EventChannels& table = *domain.events;
    const u32 p = port.raw();
    if (table.is_fifo.load(std::memory_order_acquire)) fifo::clear_pending(table, port);
    else if (p < abi::evtchn_2l_nr_channels)
        word(domain.shared_info->evtchn_pending[p / 64]).fetch_and(~(u64{1} << (p % 64)), std::memory_order_seq_cst);
}

Result<> send(Domain& domain, Port port) {
    Channel* channel = domain.events->channel(port);
    if (!channel) return fail(Error::Invalid);
    IrqGuard guard(channel->lock);
    switch (channel->state()) {
    case abi::EvtchnState::Interdomain: {
        // Our channel's lock keeps the other end bound: closing either end takes both.
        Domain& remote = *channel->remote.domain;
        const Port remote_port = channel->remote.port;
        if (Channel* other = remote.events->channel(remote_port)) set_pending(remote, remote_port, *other);
        return {};
    }
    case abi::EvtchnState::Ipi: set_pending(domain, port, *channel); return {};
    case abi::EvtchnState::Unbound: return {}; // lost on purpose: the binder always gets a first event
    default: return fail(Error::Invalid);
    }
}

Result<> unmask(Domain& domain, Port port) {
    Channel* channel = domain.events->channel(port);
    if (!channel) return fail(Error::Invalid);
    IrqGuard guard(channel->lock);
    // The queues and the words of a closed channel may be going away now (fifo::tear_down): an open one keeps them.
    if (channel->state() == abi::EvtchnState::Closed) return {};
    if (domain.events->is_fifo.load(std::memory_order_acquire)) fifo::unmask(*domain.events, port, *channel);
    else unmask_2l(domain, port, *channel);
    return {};
}

void vcpu_info_moved(Vcpu& vcpu) {
    // Which events the old place held pending is not known any more to the guest: make it look at all of them.
    if (!vcpu.domain.events->is_fifo.load(std::memory_order_acquire))
        word(vcpu.info->evtchn_pending_sel).store(~u64{0}, std::memory_order_seq_cst);
    vcpu.mark_events_pending();
}

} // namespace event

namespace {
void send_bound_virq(Domain& domain, Vcpu& bound_on, u32 virq) {
    const Port port = bound_on.virq_port[virq];
    Channel* channel = domain.events && port.raw() != 0 ? domain.events->channel(port) : nullptr; // 0: not bound
    if (!channel) return;
    IrqGuard guard(channel->lock);
    if (channel->state() == abi::EvtchnState::Virq && channel->virq == virq) event::set_pending(domain, port, *channel);
}

/// Numbers of domains. They are forgotten before the number can be another's.
constexpr u32 no_handler = 0; // as is dom0, which needs none
std::atomic<u32> global_virq_handler[24];
} // namespace

void send_guest_virq(Vcpu& vcpu, abi::Virq virq) { send_bound_virq(vcpu.domain, vcpu, static_cast<u32>(virq)); }

void send_global_virq(abi::Virq virq) {
    // By number, so that there is a reference while it is used: a handler may be dying at this moment.
    const u32 handler = global_virq_handler[static_cast<u32>(virq)].load(std::memory_order_relaxed);
    const DomainRef reference = handler != no_handler ? find_domain(DomId(static_cast<u16>(handler))) : DomainRef();
    Domain* const domain = reference ? reference.get() : hardware_domain();
    Vcpu* first = domain ? domain->vcpu(VcpuId(0)) : nullptr;
    if (first) send_bound_virq(*domain, *first, static_cast<u32>(virq));
}

Result<> event::set_global_virq_handler(Domain& domain, u32 virq) {
    if (virq >= std::size(global_virq_handler) || !is_global(virq)) return fail(Error::Invalid);
    if (!domain.vcpu(VcpuId(0))) return fail(Error::Invalid);
    global_virq_handler[virq].store(domain.id.raw(), std::memory_order_seq_cst);
    // Who is dying forgets after it has become so: one of the two sees the other.
    if (domain.is_dying()) forget_global_virq_handler(domain);
    return {};
}

void event::forget_global_virq_handler(Domain& domain) {
    for (auto& handler : global_virq_handler) {
        u32 expected = domain.id.raw();
        handler.compare_exchange_strong(expected, no_handler);
    }
}

void send_guest_pirq(Domain& domain, Pirq pirq) {
    const Port port = domain.events->pirq_port(pirq);
    Channel* channel = port.raw() != 0 ? domain.events->channel(port) : nullptr; // 0: not bound
    if (!channel) return;
    IrqGuard guard(channel->lock);
    if (channel->state() == abi::EvtchnState::Pirq && channel->pirq == pirq) event::set_pending(domain, port, *channel);
}

} // namespace px
