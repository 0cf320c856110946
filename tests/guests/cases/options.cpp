// SPDX-License-Identifier: Apache-2.0
// What a guest and its tools see of the hypervisor's command line (tests/guests/test_options.py), as dom0.
#include "abi/domctl.hpp"
#include "abi/physdev.hpp"
#include "abi/sysctl.hpp"
#include "lib/grants.hpp"

using namespace micro;
using abi::Hypercall;

namespace {

abi::Sysctl sysctl;
long ask(abi::SysctlCommand command) {
    sysctl.cmd = static_cast<u32>(command);
    sysctl.interface_version = abi::sysctl_interface_version;
    return call(Hypercall::Sysctl, &sysctl);
}

abi::Domctl domctl;
long ask(abi::DomctlCommand command) {
    domctl.cmd = static_cast<u32>(command);
    domctl.interface_version = abi::domctl_interface_version;
    domctl.domain = 0;
    return call(Hypercall::Domctl, &domctl);
}

void see_host() {
    memset(&sysctl, 0, sizeof sysctl);
    CHECK_IS(ask(abi::SysctlCommand::Physinfo), 0);
    observe("cpus", sysctl.u.physinfo.nr_cpus);
    observe("memory in MiB", static_cast<s64>(sysctl.u.physinfo.total_pages >> 8));
    observe("grants of version 2", (sysctl.u.physinfo.capabilities & abi::physcap_gnttab_v2) != 0);
    memset(&sysctl, 0, sizeof sysctl);
    sysctl.u.scheduler_op.sched_id = static_cast<u32>(abi::SchedulerId::Credit2);
    sysctl.u.scheduler_op.cmd = static_cast<u32>(abi::SysctlSchedOp::GetInfo);
    CHECK_IS(ask(abi::SysctlCommand::SchedulerOp), 0);
    observe("rate limit", sysctl.u.scheduler_op.u.sched_credit2.ratelimit_us);
}

void see_own_domain() {
    memset(&domctl, 0, sizeof domctl);
    CHECK_IS(ask(abi::DomctlCommand::GetDomainInfo), 0);
    observe("vcpus", domctl.u.getdomaininfo.max_vcpu_id + 1);
    static u8 cpus[8];
    memset(&domctl, 0, sizeof domctl);
    auto& affinity = domctl.u.vcpuaffinity;
    affinity.vcpu = 0;
    affinity.flags = abi::vcpuaffinity_hard;
    affinity.cpumap_hard.bitmap.address = reinterpret_cast<u64>(cpus);
    affinity.cpumap_hard.nr_bits = 64;
    CHECK_IS(ask(abi::DomctlCommand::GetVcpuAffinity), 0);
    observe("vcpu 0 is pinned", cpus[0] == 1);
}

void see_grants() {
    abi::GnttabQuerySize size{};
    size.dom = abi::domid_self;
    CHECK_IS(grant(abi::GrantTableOp::QuerySize, &size), 0);
    observe("grant frames", size.max_nr_frames);
    for (u32 wanted : {2u, 1u}) {
        abi::GnttabSetVersion version{wanted};
        observe(wanted == 2 ? "grant version 2" : "grant version 1", grant(abi::GrantTableOp::SetVersion, &version));
    }
}

void see_ports() {
    abi::PhysdevSetIopl level{1};
    CHECK_IS(call(Hypercall::PhysdevOp, abi::PhysdevOp::SetIopl, &level), 0);
    u8 status = 0;
    CHECK(!traps([&] { asm volatile("inb $0x64, %0" : "=a"(status)); }));
    observe("keyboard controller answers", status != 0xff);
}

/// Is a text in the ring that xl dmesg reads?
bool ring_holds(const char* text) {
    static char ring[65536];
    memset(&sysctl, 0, sizeof sysctl);
    sysctl.u.readconsole.buffer.address = reinterpret_cast<u64>(ring);
    sysctl.u.readconsole.count = sizeof ring;
    CHECK_IS(ask(abi::SysctlCommand::Readconsole), 0);
    for (u32 at = 0; at < sysctl.u.readconsole.count; ++at) {
        u32 n = 0;
        while (text[n] && at + n < sysctl.u.readconsole.count && ring[at + n] == text[n]) ++n;
        if (!text[n]) return true;
    }
    return false;
}

/// The text screen, which is in the first MiB.
bool screen_holds_text() {
    void* const window = new_page();
    CHECK_IS(update_va(window, 0xb8000 | kernel_ro | no_execute), 0);
    unsigned letters = 0;
    for (u32 at = 0; at < 80 * 25; ++at) {
        const u8 c = static_cast<const volatile u8*>(window)[2 * at];
        letters += c > ' ' && c < 0x7f;
    }
    CHECK_IS(set_access(window, true), 0);
    return letters > 100;
}

} // namespace

MICRO_CASE_ALONE(host_as_options_made_it) {
    see_host();
    see_own_domain();
    see_grants();
    see_ports();
    observe("guest's text is in the ring", ring_holds("MICRO-START"));
    observe("command line is in the ring", ring_holds("Command line"));
    observe("screen holds text", screen_holds_text());
}

/// dom0 asks for the end of the host, by the key for it.
MICRO_CASE_ALONE(debug_key_crashes_the_host) {
    static const char key[] = "C";
    memset(&sysctl, 0, sizeof sysctl);
    sysctl.u.debug_keys.keys.address = reinterpret_cast<u64>(key);
    sysctl.u.debug_keys.nr_keys = 1;
    ask(abi::SysctlCommand::DebugKeys);
    print("MICRO-FAIL the host goes on\n");
}
