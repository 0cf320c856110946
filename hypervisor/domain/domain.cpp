// SPDX-License-Identifier: Apache-2.0
// A domain's pauses, shutdown, crash and resumption.
#include "domain/domain.hpp"

#include "abi/sched.hpp"
#include "base/log.hpp"
#include "domain/event/channels.hpp"
#include "domain/rangeset.hpp"
#include "machine/machine.hpp"
#include "memory/heap.hpp"

namespace px {

Domain::~Domain() {
    destroy(io_memory);
    destroy(io_ports);
    destroy(irqs);
    for (void* memory : {static_cast<void*>(vcpus), static_cast<void*>(owned_regions), static_cast<void*>(memory_map)})
        if (memory) heap::free_bytes(memory);
}

void Domain::pause_nosync() {
    pause_count.fetch_add(1);
    for (u32 i = 0; i < max_vcpus; ++i)
        if (vcpus[i]) vcpus[i]->sleep_nosync();
}

void Domain::pause() {
    pause_nosync();
    for (u32 i = 0; i < max_vcpus; ++i)
        if (vcpus[i]) vcpus[i]->sleep_sync();
}

void Domain::unpause() {
    if (pause_count.fetch_sub(1) != 1) return;
    for (u32 i = 0; i < max_vcpus; ++i)
        if (vcpus[i]) vcpus[i]->wake();
}

namespace {

/// The host goes with its hardware domain.
[[noreturn]] void shut_down_host(const Domain& domain, u32 reason) {
    switch (static_cast<abi::ShutdownReason>(reason)) {
    case abi::ShutdownReason::Poweroff:
        log::info("Hardware Dom{} halted: halting machine", domain.id);
        machine::power_off();
    case abi::ShutdownReason::Crash: log::error("Hardware Dom{} crashed: rebooting machine", domain.id); break;
    case abi::ShutdownReason::Reboot: log::info("Hardware Dom{} shutdown: rebooting machine", domain.id); break;
    case abi::ShutdownReason::Watchdog:
        log::error("Hardware Dom{} shutdown: watchdog rebooting machine", domain.id);
        break;
    default: log::error("Hardware Dom{} shutdown (reason {}): rebooting machine", domain.id, reason); break;
    }
    machine::reboot();
}

} // namespace

void Domain::announce_shutdown(u32 reason) {
    if (shutdown_code == no_shutdown_code) shutdown_code = reason & abi::dominf_shutdown_mask;
}

void Domain::take_down(Vcpu& vcpu) {
    // Said before the others are looked at: of two that go at once the later one sees both.
    const bool was_up = (vcpu.flags.fetch_or(vcpu_flag::down) & vcpu_flag::down) == 0;
    bool is_last = true;
    for (u32 i = 0; i < max_vcpus; ++i)
        if (vcpus[i] && (vcpus[i]->flags.load() & vcpu_flag::down) == 0) is_last = false;
    if (is_last) {
        vcpu.flags.fetch_and(~vcpu_flag::down); // who looks at a domain that is off finds the last one up, as on Xen
        shutdown(static_cast<u32>(abi::ShutdownReason::Poweroff));
    } else if (was_up) {
        vcpu.sleep_nosync();
    }
}

void Domain::shutdown(u32 reason) {
    {
        Guard guard(lock);
        announce_shutdown(reason);
        reason = shutdown_code;
        if (is_shutting_down) return;
        is_shutting_down = true;
    }
    if (is_hardware_domain) shut_down_host(*this, reason);
    Guard guard(lock);
    for (u32 i = 0; i < max_vcpus; ++i) {
        Vcpu* vcpu = vcpus[i];
        if (!vcpu || vcpu->is_paused_for_shutdown) continue;
        vcpu->is_paused_for_shutdown = true;
        vcpu->pause_nosync();
    }
    finish_shutdown();
}

/// Every vCPU is paused or about to be: tells who waits for it.
void Domain::finish_shutdown() {
    is_shut_down = true;
    const bool is_suspended = shutdown_code == static_cast<u32>(abi::ShutdownReason::Suspend);
    if (is_suspended && suspend_port.raw() != 0) (void)event::send(*this, suspend_port);
    else send_global_virq(abi::Virq::DomExc);
}

void Domain::resume() {
    pause();
    {
        Guard guard(lock);
        is_shutting_down = is_shut_down = false;
        shutdown_code = no_shutdown_code;
        for (u32 i = 0; i < max_vcpus; ++i) {
            Vcpu* vcpu = vcpus[i];
            if (!vcpu || !vcpu->is_paused_for_shutdown) continue;
            vcpu->is_paused_for_shutdown = false;
            vcpu->unpause();
        }
    }
    unpause();
}

void Domain::crash(const char* why) {
    {
        Guard guard(lock);
        if (is_shutting_down) return; // it is going down already: no second report
    }
    if (Vcpu* vcpu = current_or_null(); vcpu && &vcpu->domain == this) {
        log::error("Domain {} (vcpu#{}) crashed on cpu#{}: {}", id, vcpu->id, this_cpu(), why);
        vcpu->dump_registers();
    } else {
        log::error("Domain {} crashed: {}", id, why);
    }
    shutdown(static_cast<u32>(abi::ShutdownReason::Crash));
}

void Domain::on_watchdog(void* argument) {
    Domain& domain = *static_cast<Domain*>(argument);
    if (domain.is_shutting_down || domain.is_dying()) return;
    log::guest("Watchdog timer fired for domain {}", domain.id);
    domain.shutdown(static_cast<u32>(abi::ShutdownReason::Watchdog));
}

} // namespace px
