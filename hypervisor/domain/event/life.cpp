// SPDX-License-Identifier: Apache-2.0
// Event channels over a domain's life: creation, reset, teardown, and the dump for administrators.
#include "base/log.hpp"
#include "domain/event/fifo.hpp"
#include "domain/event/table.hpp"
#include "memory/heap.hpp"
#include "schedule/softirq.hpp"

namespace px::event {

Result<> init(Domain& domain) {
    domain.events = make<EventChannels>(domain);
    if (!domain.events) return fail(Error::NoMemory);
    Guard guard(domain.events->lock);
    return domain.events->make_first();
}

namespace {
/// Closes ports from table.teardown_port on; Restart when preempted.
Result<> close_all(EventChannels& table) {
    // Of several at once each closes what it comes by; what is open at the end is found by fifo::tear_down().
    for (u32 port = table.teardown_port.load(std::memory_order_relaxed); port < table.made_ports(); ++port) {
        Channel* channel = table.channel(Port(port));
        if (channel && channel->state() != abi::EvtchnState::Closed) (void)close_port(table, Port(port));
        if (port % 64 == 0 && softirq::is_pending()) {
            table.teardown_port.store(port + 1, std::memory_order_relaxed);
            return fail(Error::Restart);
        }
    }
    table.teardown_port.store(1, std::memory_order_relaxed);
    return {};
}
} // namespace

Result<> reset(Domain& domain) {
    EventChannels& table = *domain.events;
    TRY(close_all(table));
    return fifo::tear_down(table);
}

Result<> destroy(Domain& domain) {
    if (!domain.events) return {};
    TRY(close_all(*domain.events));
    forget_global_virq_handler(domain);
    return fifo::tear_down(*domain.events);
}

void free(Domain& domain) {
    if (!domain.events) return;
    fifo::free_memory(*domain.events);
    domain.events->free_memory();
    px::destroy(domain.events);
    domain.events = nullptr;
}

void dump(Domain& domain) {
    EventChannels& table = *domain.events;
    log::info("Event channel information for domain {} ({}):", domain.id, table.is_fifo.load() ? "FIFO" : "2-level");
    static constexpr const char* names[] = {"closed", "unbound", "interdomain", "pirq", "virq", "ipi"};
    for (u32 p = 1; p < table.made_ports(); ++p) {
        Channel* c = table.channel(Port(p));
        if (!c || c->state() == abi::EvtchnState::Closed) continue;
        IrqGuard guard(c->lock);
        const auto state = c->state();
        if (state == abi::EvtchnState::Interdomain)
            log::info("  {} [{}] vcpu {} interdomain d{} port {}", p, is_pending(domain, Port(p)) ? "P" : "-",
                      c->vcpu.load(), c->remote.domain->id, c->remote.port);
        else
            log::info("  {} [{}] vcpu {} {} {}", p, is_pending(domain, Port(p)) ? "P" : "-", c->vcpu.load(),
                      names[static_cast<unsigned>(state)],
                      state == abi::EvtchnState::Unbound ? c->unbound_remote.raw() : c->virq);
    }
}

} // namespace px::event
