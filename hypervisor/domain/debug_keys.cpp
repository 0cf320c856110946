// SPDX-License-Identifier: Apache-2.0
// Debug keys that tell about domains. They read without locks what a look may tear: it is for people.
#include "domain/debug_keys.hpp"

#include "base/log.hpp"
#include "domain/domain_list.hpp"
#include "domain/event/channels.hpp"
#include "domain/grant/table.hpp"
#include "machine/console.hpp"
#include "machine/machine.hpp"

namespace px {
namespace {

template <class Action> void for_each_domain(Action&& action) {
    for (DomainRef d = next_domain(DomId(0)); d; d = next_domain(DomId(static_cast<u16>(d->id.raw() + 1)))) action(*d);
}

const char* state_name(const Vcpu& vcpu) {
    if (vcpu.is_running.load(std::memory_order_relaxed)) return "running";
    const u32 flags = vcpu.flags.load(std::memory_order_relaxed);
    if (flags & vcpu_flag::down) return "down";
    if (flags & vcpu_flag::polling) return "polling";
    if (flags & vcpu_flag::blocked) return "blocked";
    return vcpu.is_runnable() ? "runnable" : "paused";
}

void show_vcpus(Domain& d) {
    for (u32 i = 0; i < d.max_vcpus; ++i) {
        const Vcpu* v = d.vcpu(VcpuId(i));
        if (!v || !v->info) continue;
        log::info("    VCPU{}: CPU{} {} poll={} upcall_pend={} upcall_mask={} pause_count={}", i,
                  v->processor.load(std::memory_order_relaxed), state_name(*v),
                  v->poll_port.load(std::memory_order_relaxed), v->info->evtchn_upcall_pending,
                  v->info->evtchn_upcall_mask, v->pause_count.load(std::memory_order_relaxed));
    }
}

void show_domains() {
    log::info("'q' pressed -> dumping domain info (now = {})", machine::now());
    for_each_domain([](Domain& d) {
        log::info("General information for domain {}:", d.id);
        log::info("    refcnt={} dying={} pause_count={} shut_down={} code={:#x}", d.references.load(),
                  static_cast<u32>(d.life.load()), d.pause_count.load(), d.is_shut_down, d.shutdown_code);
        log::info("    nr_pages={} max_pages={} vcpus={}", d.total_pages.load(), d.max_pages, d.max_vcpus);
        show_vcpus(d);
    });
}

void show_event_channels() {
    log::info("'e' pressed -> dumping event-channel info");
    for_each_domain(event::dump);
}

void show_grants() {
    log::info("'g' pressed -> dumping grant tables");
    for_each_domain(grant::dump);
}

/// Pauses a vCPU and waits until its registers are saved; false if it goes on running. Not for ever: it may itself
/// wait, in a call, for the vCPU that this interrupts.
bool waits_aside(Vcpu& vcpu) {
    constexpr Nanoseconds patience = 10'000'000;
    vcpu.pause_nosync();
    // Acquire pairs with the release store after its registers were saved.
    for (const Nanoseconds end = machine::now() + patience; vcpu.is_running.load(std::memory_order_acquire);) {
        if (machine::now() > end) return false;
        detail::relax();
    }
    return true;
}

void show_hardware_domain() {
    log::info("'0' pressed -> dumping Dom0's registers");
    Domain* d = hardware_domain();
    if (!d) return;
    for (u32 i = 0; i < d->max_vcpus; ++i) {
        Vcpu* v = d->vcpu(VcpuId(i));
        if (!v || !v->is_initialised) continue;
        if (v == current_or_null() || waits_aside(*v)) v->dump_registers();
        else log::info("    VCPU{} does not leave the hypervisor on CPU{}", i, v->processor.load());
        if (v != current_or_null()) v->unpause();
    }
}

void show_runnable() {
    log::info("'r' pressed -> dumping run queues");
    for_each_domain([](Domain& d) {
        log::info("Domain: {}", d.id);
        show_vcpus(d);
    });
}

} // namespace

void register_domain_keys() {
    console::register_key('q', "dump domain (and guest debug) info", show_domains);
    console::register_key('e', "dump evtchn info", show_event_channels);
    console::register_key('g', "print grant table usage", show_grants);
    console::register_key('0', "dump Dom0 registers", show_hardware_domain);
    console::register_key('r', "dump run queues", show_runnable);
}

} // namespace px
