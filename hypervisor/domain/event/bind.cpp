// SPDX-License-Identifier: Apache-2.0
// Binding and closing event channels (EVTCHNOP_*, public/event_channel.h).
#include "domain/domain_list.hpp"
#include "domain/event/table.hpp"
#include "domain/pirqs.hpp"

namespace px::event {
namespace {

using State = abi::EvtchnState;

/// Locks the tables of two domains, or of one, in address order.
class TablePair {
  public:
    TablePair(EventChannels& a, EventChannels& b) PX_NO_THREAD_SAFETY : first_(&a < &b ? a : b),
                                                                        second_(&a < &b ? b : a) {
        first_.lock.lock();
        if (&first_ != &second_) second_.lock.lock();
    }
    ~TablePair() PX_NO_THREAD_SAFETY {
        if (&first_ != &second_) second_.lock.unlock();
        first_.lock.unlock();
    }
    TablePair(const TablePair&) = delete;
    TablePair& operator=(const TablePair&) = delete;

  private:
    EventChannels& first_;
    EventChannels& second_;
};

/// Locks two channels, or one, in address order, with interrupts off.
class ChannelPair {
  public:
    ChannelPair(Channel& a, Channel& b) PX_NO_THREAD_SAFETY : first_(&a < &b ? a : b), second_(&a < &b ? b : a) {
        first_.lock.lock();
        if (&first_ != &second_) second_.lock.lock();
    }
    ~ChannelPair() PX_NO_THREAD_SAFETY {
        if (&first_ != &second_) second_.lock.unlock();
        first_.lock.unlock();
    }
    ChannelPair(const ChannelPair&) = delete;
    ChannelPair& operator=(const ChannelPair&) = delete;

  private:
    IrqOff off_;
    Channel& first_;
    Channel& second_;
};

/// A dying domain gets no new channels: its teardown might have passed them.
Result<> check_alive(const Domain& domain) {
    if (domain.is_dying()) return fail(Error::NoEntry);
    return {};
}

} // namespace

Result<> alloc_unbound(abi::EvtchnAllocUnbound& op) {
    DomainRef domain = TRY(op.dom == abi::domid_self ? find_domain_or_self(op.dom) : find_controlled_domain(op.dom));
    EventChannels& table = *domain->events;
    Guard guard(table.lock);
    TRY(check_alive(*domain));
    const Port port = TRY(table.allocate());
    Channel& channel = *table.channel(port);
    IrqGuard channel_guard(channel.lock);
    channel.unbound_remote = op.remote_dom == abi::domid_self ? current_domain().id : DomId(op.remote_dom);
    channel.set_state(State::Unbound);
    op.port = port.raw();
    return {};
}

Result<> bind_interdomain(abi::EvtchnBindInterdomain& op) PX_NO_THREAD_SAFETY {
    Domain& local = current_domain();
    DomainRef remote = TRY(find_domain_or_self(op.remote_dom));
    EventChannels& table = *local.events;
    EventChannels& remote_table = *remote->events;
    TablePair tables(table, remote_table);
    TRY(check_alive(local));
    TRY(check_alive(*remote));
    const Port remote_port(op.remote_port);
    Channel* remote_channel = remote_table.channel(remote_port);
    if (!remote_channel || remote_channel->state() != State::Unbound || remote_channel->unbound_remote != local.id)
        return fail(Error::Invalid);
    const Port port = TRY(table.allocate());
    Channel& channel = *table.channel(port);
    ChannelPair channels(channel, *remote_channel);
    channel.remote = {remote.get(), remote_port};
    channel.set_state(State::Interdomain);
    remote_channel->remote = {&local, port};
    remote_channel->set_state(State::Interdomain);
    // What was sent to the unbound port is lost, so the new end looks once for itself.
    set_pending(local, port, channel);
    op.local_port = port.raw();
    return {};
}

Result<> bind_virq(abi::EvtchnBindVirq& op) {
    Domain& domain = current_domain();
    if (op.virq >= std::size(current().virq_port)) return fail(Error::Invalid);
    if (is_global(op.virq) && op.vcpu != 0) return fail(Error::Invalid);
    Vcpu* vcpu = domain.vcpu(VcpuId(op.vcpu));
    if (!vcpu) return fail(Error::NoEntry);
    Port& bound = vcpu->virq_port[bounded(op.virq, std::size(vcpu->virq_port))];
    EventChannels& table = *domain.events;
    Guard guard(table.lock);
    if (bound.raw() != 0) return fail(Error::Exists);
    const Port port = TRY(table.allocate());
    Channel& channel = *table.channel(port);
    IrqGuard channel_guard(channel.lock);
    channel.virq = op.virq;
    channel.vcpu.store(op.vcpu, std::memory_order_relaxed);
    channel.set_state(State::Virq);
    bound = port;
    op.port = port.raw();
    return {};
}

Result<> bind_ipi(abi::EvtchnBindIpi& op) {
    Domain& domain = current_domain();
    if (!domain.vcpu(VcpuId(op.vcpu))) return fail(Error::NoEntry);
    EventChannels& table = *domain.events;
    Guard guard(table.lock);
    const Port port = TRY(table.allocate());
    Channel& channel = *table.channel(port);
    IrqGuard channel_guard(channel.lock);
    channel.vcpu.store(op.vcpu, std::memory_order_relaxed);
    channel.set_state(State::Ipi);
    op.port = port.raw();
    return {};
}

Result<> bind_pirq(abi::EvtchnBindPirq& op) {
    Domain& domain = current_domain();
    const Pirq pirq(op.pirq);
    EventChannels& table = *domain.events;
    Guard guard(table.lock);
    if (table.pirq_port(pirq).raw() != 0) return fail(Error::Exists);
    const Port port = TRY(table.allocate());
    Channel& channel = *table.channel(port);
    {
        // Set up first: the interrupt may come before bind_pirq returns.
        IrqGuard channel_guard(channel.lock);
        channel.pirq = pirq;
        channel.set_state(State::Pirq);
    }
    Result<> result = table.set_pirq_port(pirq, port);
    if (result) result = machine::bind_pirq(*domain.vcpus[0], pirq, (op.flags & abi::bind_pirq_will_share) != 0);
    if (!result) {
        if (table.pirq_port(pirq) == port) (void)table.set_pirq_port(pirq, Port(0));
        IrqGuard channel_guard(channel.lock);
        channel.set_state(State::Closed);
        clear_pending(domain, port, channel);
        table.freed(port);
        return result;
    }
    op.port = port.raw();
    return {};
}

namespace {

/// Closes a channel that has no other end. Table lock held.
Result<> close_single(EventChannels& table, Port port, Channel& channel) PX_REQUIRES(table.lock) {
    Domain& domain = table.domain;
    switch (channel.state()) {
    case State::Pirq:
        machine::unbind_pirq(domain, channel.pirq);
        (void)table.set_pirq_port(channel.pirq, Port(0)); // exists: cannot fail
        break;
    case State::Virq:
        for (u32 i = 0; i < domain.max_vcpus; ++i)
            if (Vcpu* v = domain.vcpus[i]; v && v->virq_port[channel.virq] == port)
                v->virq_port[channel.virq] = Port(0);
        break;
    case State::Closed: return fail(Error::Invalid);
    default: break;
    }
    IrqGuard guard(channel.lock);
    channel.set_state(State::Closed);
    clear_pending(domain, port, channel);
    table.freed(port);
    return {};
}

/// Closes one end of a pair; the other end waits for this domain again. Both tables' locks held.
void close_pair(EventChannels& table, Port port, Channel& channel) PX_NO_THREAD_SAFETY {
    Channel& other = *channel.remote.domain->events->channel(channel.remote.port);
    ChannelPair channels(channel, other);
    if (&other != &channel) {
        other.unbound_remote = table.domain.id;
        other.set_state(State::Unbound);
    }
    channel.set_state(State::Closed);
    clear_pending(table.domain, port, channel);
    table.freed(port);
}

} // namespace

Result<> close_port(EventChannels& table, Port port) PX_NO_THREAD_SAFETY {
    Channel* channel = table.channel(port);
    if (!channel) return fail(Error::Invalid);
    for (;;) {
        Domain* remote = nullptr;
        {
            Guard guard(table.lock);
            if (channel->state() != State::Interdomain) return close_single(table, port, *channel);
            remote = channel->remote.domain;
            // The remote domain stays while it is bound here; a reference keeps it over the moment without locks.
            remote->references.fetch_add(1, std::memory_order_relaxed);
        }
        DomainRef hold(remote);
        TablePair tables(table, *remote->events);
        // It may have been closed, or bound anew, in between: then look again.
        if (channel->state() != State::Interdomain || channel->remote.domain != remote) continue;
        close_pair(table, port, *channel);
        return {};
    }
}

Result<> close(Domain& domain, Port port) { return close_port(*domain.events, port); }

Result<> status(abi::EvtchnStatus& op) {
    DomainRef domain = TRY(op.dom == abi::domid_self ? find_domain_or_self(op.dom) : find_controlled_domain(op.dom));
    EventChannels& table = *domain->events;
    Guard guard(table.lock);
    Channel* channel = table.channel(Port(op.port));
    if (!channel) return fail(Error::Invalid);
    IrqGuard channel_guard(channel->lock);
    op.status = static_cast<u32>(channel->state());
    op.vcpu = channel->vcpu.load(std::memory_order_relaxed);
    switch (channel->state()) {
    case State::Unbound: op.u.unbound.dom = channel->unbound_remote.raw(); break;
    case State::Interdomain:
        op.u.interdomain.dom = channel->remote.domain->id.raw();
        op.u.interdomain.port = channel->remote.port.raw();
        break;
    case State::Pirq: op.u.pirq = channel->pirq.raw(); break;
    case State::Virq: op.u.virq = channel->virq; break;
    default: break;
    }
    return {};
}

Result<> bind_vcpu(Domain& domain, Port port, VcpuId vcpu) {
    Vcpu* target = domain.vcpu(vcpu);
    if (!target) return fail(Error::NoEntry);
    EventChannels& table = *domain.events;
    Guard guard(table.lock);
    Channel* channel = table.channel(port);
    if (!channel) return fail(Error::Invalid);
    switch (channel->state()) {
    case State::Virq:
        if (!is_global(channel->virq)) return fail(Error::Invalid);
        break;
    case State::Unbound:
    case State::Interdomain: break;
    case State::Pirq:
        machine::set_pirq_affinity(domain, channel->pirq, CpuId(target->processor.load(std::memory_order_relaxed)));
        break;
    default: return fail(Error::Invalid);
    }
    channel->vcpu.store(vcpu.raw(), std::memory_order_relaxed);
    return {};
}

} // namespace px::event
