// SPDX-License-Identifier: Apache-2.0
// A domain's end: everything it holds is released in steps, then it is freed with its last reference.
#include "domain/create.hpp"
#include "domain/event/channels.hpp"
#include "domain/grant/table.hpp"
#include "domain/pirqs.hpp"
#include "domain/run/schedule.hpp"
#include "memory/heap.hpp"
#include "memory/shared_page.hpp"
#include "schedule/softirq.hpp"

namespace px {

namespace {

/// What goes in vcpu_info's place when the guest's page goes: senders of events may still write there.
abi::VcpuInfo nowhere;

void stop_timers(Vcpu& vcpu) {
    vcpu.period = 0;
    vcpu.singleshot.kill();
    vcpu.poll_timer.kill();
    vcpu.periodic.kill();
}

void release_vcpu_info(Vcpu& vcpu) {
    vcpu.info = &nowhere;
    if (vcpu.hidden_info) heap::free_bytes(vcpu.hidden_info);
    vcpu.hidden_info = nullptr;
    if (vcpu.info_frame.is_valid()) release_writable(frame_of(vcpu.info_frame));
    vcpu.info_frame = Mfn::invalid();
}

} // namespace

Result<> destroy_domain(Domain& domain) {
    DomainLife alive = DomainLife::Alive;
    if (domain.life.compare_exchange_strong(alive, DomainLife::Dying)) {
        domain.pause();
        for (Timer& timer : domain.watchdog) timer.kill();
        for (u32 i = 0; i < domain.max_vcpus; ++i)
            if (domain.vcpus[i]) stop_timers(*domain.vcpus[i]);
        (void)domain.claim(0);
    }
    if (domain.life == DomainLife::Dead) return {};
    // Each step is repeated from where it stopped: all are no-ops once done.
    TRY(event::destroy(domain));
    machine::release_pirqs(domain);
    TRY(grant::release_mappings(domain));
    for (u32 i = 0; i < domain.max_vcpus; ++i)
        if (Vcpu* vcpu = domain.vcpus[i]; vcpu && vcpu->info_frame.is_valid()) release_vcpu_info(*vcpu);
    TRY(domain.relinquish());
    TRY(domain.release_memory());
    DomainLife dying = DomainLife::Dying;
    if (!domain.life.compare_exchange_strong(dying, DomainLife::Dead)) return {};
    // The reference that kept it listed while it lived.
    release_domain(domain);
    send_global_virq(abi::Virq::DomExc);
    return {};
}

void free_domain(Domain& domain) {
    schedule::free_cap(domain);
    for (u32 i = 0; i < domain.max_vcpus; ++i) {
        Vcpu* vcpu = domain.vcpus[i];
        if (!vcpu) continue;
        domain.vcpus[i] = nullptr;
        stop_timers(*vcpu);
        schedule::remove_vcpu(*vcpu);
        release_vcpu_info(*vcpu);
        destroy(vcpu);
    }
    if (domain.grants) grant::free(domain);
    if (domain.events) event::free(domain);
    machine::free_pirqs(domain);
    free_shared_page(domain.shared_info);
    domain.shared_info = nullptr;
    remove_domain(domain);
    destroy(&domain);
    // Tools that saw it dying look again when its number is free.
    send_global_virq(abi::Virq::DomExc);
}

} // namespace px
