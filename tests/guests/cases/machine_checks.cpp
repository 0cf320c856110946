// SPDX-License-Identifier: Apache-2.0
// Machine checks that somebody outside makes (QEMU's monitor; tests/guests/test_machine_checks.py): what dom0 gets of
// them.
#include "abi/extra/mca.hpp"
#include "lib/domains.hpp"

using namespace micro;
using abi::Hypercall;

namespace {

constexpr u16 victim = 5;
constexpr u64 second = 1'000'000'000;

abi::McRequest request;
abi::McInfo report;
abi::McinfoGlobal global;
abi::McinfoBank bank;

/// XEN_MC_fetch: what it says in flags.
u32 fetch(u32 flags, u64 number = 0) {
    memset(&request, 0, sizeof request);
    request.cmd = static_cast<u32>(abi::McCommand::Fetch);
    request.interface_version = abi::mca_interface_version;
    request.u.mc_fetch.flags = flags;
    request.u.mc_fetch.fetch_id = number;
    request.u.mc_fetch.data.address = reinterpret_cast<u64>(&report);
    CHECK_IS(call(Hypercall::Mca, &request), 0);
    return request.u.mc_fetch.flags;
}

bool take_event(u32 port) {
    auto& word = shared_info->evtchn_pending[port / 64];
    const u64 bit = u64{1} << port % 64; // in one step: an event that came between two would be lost
    return (__atomic_fetch_and(&word, ~bit, __ATOMIC_SEQ_CST) & bit) != 0;
}

/// Waits to be told of a report, takes it, of this urgency, apart, acknowledges it. False: nothing was told.
bool wait_for_report(u32 port, u32 urgency) {
    const u64 end = system_time() + 60 * second;
    while (!take_event(port))
        if (system_time() > end) return false;
    CHECK_IS(fetch(urgency), abi::mc_ok);
    CHECK(request.u.mc_fetch.fetch_id != 0);
    CHECK(report.mi_nentries >= 2);
    const auto* at = reinterpret_cast<const u8*>(report.mi_data);
    for (u32 i = 0; i < report.mi_nentries && i < 8; ++i) {
        abi::McinfoCommon head;
        memcpy(&head, at, sizeof head);
        if (head.type == abi::mc_type_global) memcpy(&global, at, sizeof global);
        if (head.type == abi::mc_type_bank) memcpy(&bank, at, sizeof bank);
        at += head.size;
    }
    CHECK_IS(fetch(urgency | abi::mc_ack, request.u.mc_fetch.fetch_id), abi::mc_ok);
    return true;
}

/// The port on which dom0 is told; bound at first use.
u32 told_at() {
    static abi::EvtchnBindVirq bind{static_cast<u32>(abi::Virq::Mca), 0, 0};
    if (bind.port == 0) CHECK_IS(call(Hypercall::EventChannelOp, abi::EventChannelOp::BindVirq, &bind), 0);
    return bind.port;
}

/// Waits until the domain has crashed.
void expect_crash() {
    static abi::Domctl op;
    const u64 end = system_time() + 10 * second;
    do CHECK_IS(domctl(abi::DomctlCommand::GetDomainInfo, victim, op), 0);
    while (!(op.u.getdomaininfo.flags & abi::dominf_shutdown) && system_time() < end);
    CHECK(op.u.getdomaininfo.flags & abi::dominf_shutdown);
    CHECK_IS(op.u.getdomaininfo.flags >> 16 & 0xff, 3);
}

} // namespace

MICRO_CASE_ALONE(machine_checks_reach_dom0) {
    const u32 port = told_at();
    make_domain(victim, 4);
    const u64 frame = populate(victim);
    CHECK_IS(fetch(abi::mc_nonurgent), abi::mc_nodata);
    CHECK_IS(fetch(abi::mc_urgent), abi::mc_nodata);
    observe("frame", static_cast<s64>(frame));
    CHECK(wait_for_report(port, abi::mc_nonurgent));
    CHECK_IS(global.mc_flags, abi::mc_flag_correctable | abi::mc_flag_polled);
    CHECK_IS(bank.mc_bank, 5);
    observe("status", static_cast<s64>(bank.mc_status));
    CHECK_IS(bank.mc_addr, frame * page_bytes + 0x40);
    CHECK_IS(bank.mc_domid, victim);
    static abi::Domctl op;
    CHECK_IS(domctl(abi::DomctlCommand::GetDomainInfo, victim, op), 0);
    CHECK_IS(op.u.getdomaininfo.flags & abi::dominf_shutdown, 0);

    observe("corrected", 1);
    CHECK(wait_for_report(port, abi::mc_urgent));
    CHECK_IS(global.mc_flags, abi::mc_flag_uncorrectable | abi::mc_flag_recoverable | abi::mc_flag_mce);
    CHECK_IS(global.mc_gstatus & 5, 5);
    CHECK_IS(bank.mc_domid, victim);
    CHECK_IS(bank.mc_addr, frame * page_bytes + 0x40);
    expect_crash();
    CHECK_IS(destroy_domain(victim), 0);
    CHECK(is_gone(victim));
    CHECK_IS(fetch(abi::mc_urgent), abi::mc_nodata);
    CHECK_IS(fetch(abi::mc_nonurgent), abi::mc_nodata);
}

/// A guest that meets an error that cannot be corrected ends; this domain, on another CPU, goes on.
MICRO_CASE_ALONE(machine_check_ends_who_meets_it) {
    const u32 port = told_at();
    CHECK_IS(pin_vcpu(0, 1), 0);
    make_domain(victim, 8);
    const u64 frame = run_counter(victim, 0);
    auto* const counter = static_cast<volatile u64*>(new_page());
    CHECK_IS(update_va_of(victim, const_cast<u64*>(counter), frame * page_bytes | kernel_ro | no_execute), 0);
    const u64 end = system_time() + 10 * second;
    while (*counter < 1000 && system_time() < end) {}
    CHECK(*counter >= 1000);
    observe("it runs", 1);
    CHECK(wait_for_report(port, abi::mc_urgent));
    CHECK_IS(global.mc_flags, abi::mc_flag_uncorrectable | abi::mc_flag_recoverable | abi::mc_flag_mce);
    CHECK_IS(global.mc_domid, victim);
    expect_crash();
    const u64 last = *counter;
    for (unsigned i = 0; i < 1000; ++i) call(Hypercall::SchedOp, abi::SchedOp::Yield, 0);
    CHECK_IS(*counter, last);
    CHECK_IS(set_access(const_cast<u64*>(counter), true), 0);
    CHECK_IS(destroy_domain(victim), 0);
    CHECK(is_gone(victim));
}
