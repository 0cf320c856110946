// SPDX-License-Identifier: Apache-2.0
// Machine checks: what banks say by the tables of the manuals (SDM volume 3, 16.6; APM volume 2, chapter 9), who ends
// for it, and the way of a report to dom0.
#include "x86/machine/mca/record_ring.hpp"

#include "abi/types.hpp"

#include <cstring>
#include <gtest/gtest.h>

namespace px::x86::mca {
namespace {

using namespace status;

constexpr u64 lasting = valid | enabled;
constexpr u64 wrong = lasting | uncorrected; ///< and no more corrupt than that
constexpr u64 data_load = 0x134, fetched = 0x150, scrubbed = 0xc0;

constexpr u64 cap_recovery = 1 << 24, cap_control = 1 << 8;
constexpr Abilities intel = Abilities::of(10 | cap_recovery | cap_control, 0);
constexpr Abilities old = Abilities::of(6 | cap_control, 0);
constexpr Abilities amd = Abilities::of(23 | cap_control, 2), new_amd = Abilities::of(23 | cap_control, 3);

Severity of(u64 status, const Abilities& abilities) { return severity_of({.number = 1, .status = status}, abilities); }

TEST(MachineCheck, Abilities) {
    EXPECT_EQ(intel.banks, 10u);
    EXPECT_TRUE(intel.has_control);
    EXPECT_EQ(intel.recovery, Recovery::Intel);
    EXPECT_EQ(old.recovery, Recovery::None);
    EXPECT_EQ(amd.recovery, Recovery::Amd);
    EXPECT_FALSE(amd.survives_overflow);
    EXPECT_TRUE(new_amd.survives_overflow);
    EXPECT_FALSE(Abilities::of(4, 0).has_control);
    EXPECT_EQ(Abilities::of(4, 1).recovery, Recovery::None);
}

TEST(MachineCheck, WhatIsTheSameForAll) {
    for (const Abilities& a : {intel, old, amd, new_amd}) {
        EXPECT_EQ(of(~valid, a), Severity::None);
        EXPECT_EQ(of(lasting, a), Severity::Corrected);
        EXPECT_EQ(of(lasting | overflow, a), Severity::Corrected);
        EXPECT_EQ(of(wrong | context_corrupt, a), Severity::Fatal);
        EXPECT_EQ(of(wrong | context_corrupt | signalled | action_required | data_load, a), Severity::Fatal);
        EXPECT_EQ(of(valid | uncorrected, a), Severity::Unused); // not enabled: no exception is for it
        EXPECT_EQ(of(valid | uncorrected | context_corrupt, a), Severity::Fatal);
    }
    EXPECT_EQ(of(wrong, old), Severity::Fatal);
    EXPECT_EQ(of(wrong | signalled | scrubbed, old), Severity::Fatal); // reserved bits there
}

TEST(MachineCheck, IntelsClasses) {
    EXPECT_EQ(of(wrong, intel), Severity::Unused);
    EXPECT_EQ(of(wrong | signalled | scrubbed, intel), Severity::Optional);
    EXPECT_EQ(of(wrong | signalled | overflow | scrubbed, intel), Severity::Optional);
    for (const u64 code : {data_load, fetched}) {
        EXPECT_EQ(of(wrong | signalled | action_required | code, intel), Severity::Required);
        EXPECT_EQ(of(wrong | signalled | action_required | overflow | code, intel), Severity::Fatal);
    }
    EXPECT_EQ(of(wrong | signalled | action_required | 0x135, intel), Severity::Fatal);
    EXPECT_EQ(of(wrong | action_required | data_load, intel), Severity::Fatal);
}

TEST(MachineCheck, AmdsClasses) {
    constexpr u64 deferred = u64{1} << 44;
    EXPECT_EQ(of(wrong, amd), Severity::Required);
    EXPECT_EQ(of(wrong | overflow, amd), Severity::Fatal);
    EXPECT_EQ(of(wrong | overflow, new_amd), Severity::Required);
    EXPECT_EQ(of(lasting | deferred, amd), Severity::Unused);
    EXPECT_EQ(of(lasting | deferred, intel), Severity::Corrected); // part of a count there
}

TEST(MachineCheck, PollingLeavesWhatExceptionsAreFor) {
    const auto polled = [](u64 s, const Abilities& a) { return is_left_to_polling({.status = s}, a); };
    for (const Abilities& a : {intel, old, amd}) {
        EXPECT_FALSE(polled(0, a));
        EXPECT_TRUE(polled(lasting, a));
        EXPECT_TRUE(polled(valid | uncorrected, a));
        EXPECT_FALSE(polled(wrong | context_corrupt, a));
        EXPECT_FALSE(polled(valid | uncorrected | context_corrupt, a));
        EXPECT_FALSE(polled(wrong | signalled, a));
        EXPECT_FALSE(polled(wrong | signalled | action_required, a));
    }
    EXPECT_TRUE(polled(wrong, intel));
    EXPECT_FALSE(polled(wrong, old));
    EXPECT_FALSE(polled(wrong, amd));
}

TEST(MachineCheck, Addresses) {
    constexpr u64 physical = 2 << 6, linear = 1 << 6, page = 0x123456000;
    Bank bank{.status = wrong | has_address | has_misc, .address = page | 0x40, .misc = physical | 6};
    EXPECT_EQ(address_of(bank, intel), Paddr(page));
    bank.misc = physical | 12;
    EXPECT_EQ(address_of(bank, intel), Paddr(page));
    bank.misc = physical | 13; // half of two pages
    EXPECT_FALSE(address_of(bank, intel));
    EXPECT_EQ(address_of(bank, amd), Paddr(page)); // MISC is something else there
    bank.misc = linear | 6;
    EXPECT_FALSE(address_of(bank, intel));
    bank.misc = physical | 6;
    bank.status &= ~has_misc;
    EXPECT_FALSE(address_of(bank, intel));
    EXPECT_TRUE(address_of(bank, amd));
    bank.status &= ~has_address;
    EXPECT_FALSE(address_of(bank, amd));
    bank = {.status = wrong | has_address | has_misc, .address = ~u64{0}, .misc = physical};
    EXPECT_EQ(address_of(bank, intel), Paddr(0x000ffffffffff000));
    bank.status &= ~valid;
    EXPECT_FALSE(address_of(bank, intel));
}

TEST(MachineCheck, WhoEnds) {
    using namespace global_status;
    constexpr Moment guest{true, true, in_progress | restartable | is_of_rip};
    constexpr Moment dom0{true, false, guest.global}, hypervisor{false, false, guest.global};
    for (const Moment& m : {guest, dom0, hypervisor}) {
        EXPECT_EQ(judge(Severity::Fatal, m, intel), Verdict::EndHost);
        for (const Severity s : {Severity::None, Severity::Corrected, Severity::Unused, Severity::Optional})
            EXPECT_EQ(judge(s, m, intel), Verdict::GoOn);
    }
    EXPECT_EQ(judge(Severity::Required, guest, intel), Verdict::EndGuest);
    EXPECT_EQ(judge(Severity::Required, guest, amd), Verdict::EndGuest);
    EXPECT_EQ(judge(Severity::Required, dom0, intel), Verdict::EndHost);
    EXPECT_EQ(judge(Severity::Required, hypervisor, intel), Verdict::EndHost);
    // What cannot go on where it was: a guest that ends anyhow need not.
    for (const u64 global : {in_progress, in_progress | is_of_rip}) {
        EXPECT_EQ(judge(Severity::Required, {true, true, global}, intel), Verdict::EndGuest);
        EXPECT_EQ(judge(Severity::Optional, {true, true, global}, intel), Verdict::EndHost);
        EXPECT_EQ(judge(Severity::None, {false, false, global}, intel), Verdict::EndHost);
    }
    // Another thread's, which needs the bank.
    for (const bool in_guest : {false, true}) {
        const Moment other{in_guest, in_guest, in_progress | restartable};
        EXPECT_EQ(judge(Severity::Required, other, intel), Verdict::Leave);
        EXPECT_EQ(judge(Severity::Required, other, amd), in_guest ? Verdict::EndGuest : Verdict::EndHost);
        EXPECT_EQ(judge(Severity::Fatal, other, intel), Verdict::EndHost);
    }
}

TEST(MachineCheckReports, SayWhatIsKnown) {
    const Record record{.bank = {.number = 5, .status = wrong, .address = 0x1000, .misc = 0x86},
                        .severity = Severity::Optional,
                        .finder = Finder::Exception,
                        .global = 5,
                        .time = 77,
                        .domain = 3,
                        .vcpu = 1};
    const abi::McInfo report = compose(record, {.socket = 1, .apic_id = 9, .core = 2}, 8);
    ASSERT_EQ(report.mi_nentries, 2u);
    abi::McinfoGlobal global;
    abi::McinfoBank bank;
    std::memcpy(&global, report.mi_data, sizeof global);
    ASSERT_EQ(global.common.type, abi::mc_type_global);
    std::memcpy(&bank, reinterpret_cast<const char*>(report.mi_data) + global.common.size, sizeof bank);
    ASSERT_EQ(bank.common.type, abi::mc_type_bank);
    EXPECT_EQ(bank.common.size, sizeof bank);
    EXPECT_EQ(global.mc_domid, 3);
    EXPECT_EQ(global.mc_vcpuid, 1);
    EXPECT_EQ(global.mc_socketid, 1u);
    EXPECT_EQ(global.mc_coreid, 2);
    EXPECT_EQ(global.mc_apicid, 9u);
    EXPECT_EQ(global.mc_gstatus, 5u);
    EXPECT_EQ(global.mc_flags, abi::mc_flag_uncorrectable | abi::mc_flag_recoverable | abi::mc_flag_mce);
    EXPECT_EQ(bank.mc_bank, 5);
    EXPECT_EQ(bank.mc_domid, 8);
    EXPECT_EQ(bank.mc_status, wrong);
    EXPECT_EQ(bank.mc_addr, 0x1000u);
    EXPECT_EQ(bank.mc_misc, 0x86u);
    EXPECT_EQ(bank.mc_tsc, 77u);
}

TEST(MachineCheckReports, AreFetchedInOrderAndKeptUntilAcknowledged) {
    ReportQueue queue;
    u64 first = 0, second = 0, none = 0;
    EXPECT_EQ(queue.fetch(none), nullptr);
    for (u32 i = 0; i < ReportQueue::capacity; ++i) EXPECT_TRUE(queue.add({.mi_nentries = i}));
    EXPECT_FALSE(queue.add({}));
    EXPECT_EQ(queue.fetch(first)->mi_nentries, 0u);
    EXPECT_EQ(queue.fetch(second)->mi_nentries, 1u);
    EXPECT_NE(first, second);
    queue.put_back(first);
    EXPECT_EQ(queue.fetch(first)->mi_nentries, 0u);
    EXPECT_FALSE(queue.add({})); // still somebody's
    queue.acknowledge(~u64{0});
    queue.acknowledge(second + 1); // not fetched
    EXPECT_FALSE(queue.add({}));
    queue.acknowledge(first);
    EXPECT_TRUE(queue.add({.mi_nentries = 100}));
    for (u32 i = 2; i < ReportQueue::capacity; ++i) EXPECT_EQ(queue.fetch(none)->mi_nentries, i);
    EXPECT_EQ(queue.fetch(none)->mi_nentries, 100u);
    EXPECT_EQ(queue.fetch(none), nullptr);
}

TEST(MachineCheckReports, RecordsOfACpuGoInOrderAndTheLostAreCounted) {
    RecordRing ring{};
    Record r;
    EXPECT_FALSE(ring.any());
    EXPECT_FALSE(ring.take(r));
    for (u32 round = 0; round < 3; ++round) {
        for (u32 i = 0; i < RecordRing::capacity + 2; ++i) ring.add({.bank = {.number = i}});
        EXPECT_TRUE(ring.any());
        for (u32 i = 0; i < RecordRing::capacity; ++i) {
            ASSERT_TRUE(ring.take(r));
            EXPECT_EQ(r.bank.number, i);
        }
        EXPECT_FALSE(ring.take(r));
        EXPECT_TRUE(ring.any());
        EXPECT_EQ(ring.lost(), 2u);
        EXPECT_EQ(ring.lost(), 0u);
        EXPECT_FALSE(ring.any());
    }
}

} // namespace
} // namespace px::x86::mca
