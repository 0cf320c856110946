// SPDX-License-Identifier: Apache-2.0
// domctl and sysctl: rights, versions, answers, and any bytes at all as a request.
#include "abi/sysctl.hpp"
#include "domain/create.hpp"
#include "domain/kind.hpp"
#include "domain/rangeset.hpp"
#include "fake_machine.hpp"
#include "hypercall/fake_caller.hpp"
#include "hypercall/handlers.hpp"
#include "memory/heap.hpp"

#include <gtest/gtest.h>

#include <random>

using namespace px;
using hypercall::Call;
using hypercall::Outcome;

namespace {

constexpr u64 request = fake::Memory::base + 0x100, buffer = fake::Memory::base + 0x1000;

/// dom0 with one vCPU, and a domain 1 with two.
struct World {
    World() {
        fake::machine = {};
        fake::machine.cpus = 2;
        fill(dom0, nullptr);
        fill(other, &one);
        other.vcpus[1] = &two;
        dom0.is_privileged = true;
        insert(dom0, 0);
        insert(other, 1);
        fake_current = &caller;
    }
    ~World() {
        fake_current = nullptr;
        for (Domain* d : {static_cast<Domain*>(&dom0), static_cast<Domain*>(&other)}) remove_domain(*d);
    }
    void fill(Domain& domain, Vcpu* first) {
        domain.max_vcpus = 4;
        domain.vcpus = static_cast<Vcpu**>(heap::allocate_bytes(4 * sizeof(Vcpu*)));
        domain.vcpus[0] = first;
        domain.shared_info = static_cast<abi::SharedInfo*>(static_cast<void*>(page()));
    }
    static unsigned char* page() {
        static void* const shared = heap::allocate_page(); // all worlds may use the same
        return static_cast<unsigned char*>(shared);
    }
    void insert(Domain& domain, u16 id) {
        (void)reserve_domain_id(id);
        insert_domain(domain);
    }
    s64 domctl(const abi::Domctl& op) {
        caller.memory.put(request, op);
        Call call{{request}};
        const Outcome outcome = hypercall::domctl(call);
        EXPECT_FALSE(outcome.is_restart);
        return outcome.value;
    }
    s64 sysctl(const abi::Sysctl& op) {
        caller.memory.put(request, op);
        Call call{{request}};
        return hypercall::sysctl(call).value;
    }
    template <class T> T answer() { return caller.memory.get<T>(request); }

    fake::CallerDomain dom0{DomId(0)}, other{DomId(1)};
    fake::Caller caller{dom0}, one{other}, two{other};
};

abi::Domctl domctl_of(abi::DomctlCommand command, u16 domain) {
    abi::Domctl op{};
    op.cmd = static_cast<u32>(command);
    op.interface_version = abi::domctl_interface_version;
    op.domain = domain;
    return op;
}
abi::Sysctl sysctl_of(abi::SysctlCommand command) {
    abi::Sysctl op{};
    op.cmd = static_cast<u32>(command);
    op.interface_version = abi::sysctl_interface_version;
    return op;
}

/// A cap is at most 100 % for each vCPU that there is; the weight of a refused request holds.
TEST(Domctl, CapsAreLimitedByTheNumberOfVcpus) {
    World w;
    abi::Domctl op{};
    op.cmd = static_cast<u32>(abi::DomctlCommand::SchedulerOp);
    op.interface_version = abi::domctl_interface_version;
    op.domain = 1;
    const auto put = [&](u16 weight, u16 cap) {
        op.u.scheduler_op = {
            static_cast<u32>(abi::SchedulerId::Credit2), static_cast<u32>(abi::DomctlSchedOp::PutInfo), {}};
        op.u.scheduler_op.u.credit2 = {weight, cap};
        return w.domctl(op);
    };
    const auto get = [&] {
        op.u.scheduler_op.cmd = static_cast<u32>(abi::DomctlSchedOp::GetInfo);
        EXPECT_EQ(w.domctl(op), 0);
        return w.answer<abi::Domctl>().u.scheduler_op.u.credit2;
    };
    EXPECT_EQ(put(512, 200), 0);
    EXPECT_EQ(get().cap, 200);
    for (const u16 cap : {201, 32768, 65535}) EXPECT_EQ(put(300, cap), -static_cast<s64>(abi::Errno::Invalid));
    EXPECT_EQ(get().cap, 200);
    EXPECT_EQ(get().weight, 300);
    EXPECT_EQ(put(0, 0), 0);
    EXPECT_EQ(get().cap, 0);
    EXPECT_EQ(get().weight, 300);
}

TEST(Control, OthersAreRefusedBeforeAnythingIsLookedAt) {
    World w;
    w.dom0.is_privileged = false;
    Call bad{{1}};
    EXPECT_EQ(hypercall::domctl(bad).value, -1);
    EXPECT_EQ(hypercall::sysctl(bad).value, -1);
    for (u32 command = 0; command < 100; ++command)
        EXPECT_EQ(w.domctl(domctl_of(static_cast<abi::DomctlCommand>(command), 1)), -1);
}

TEST(Control, VersionAndPointer) {
    World w;
    abi::Domctl op = domctl_of(abi::DomctlCommand::GetDomainInfo, 0);
    op.interface_version = 0x14;
    EXPECT_EQ(w.domctl(op), -13);
    Call bad{{8}};
    EXPECT_EQ(hypercall::domctl(bad).value, -14);
    EXPECT_EQ(w.domctl(domctl_of(abi::DomctlCommand::PauseDomain, 7)), -3);
}

TEST(Control, DomainInformationWalksTheList) {
    World w;
    EXPECT_EQ(w.domctl(domctl_of(abi::DomctlCommand::GetDomainInfo, 1)), 0);
    auto info = w.answer<abi::Domctl>().u.getdomaininfo;
    EXPECT_EQ(info.domain, 1);
    EXPECT_EQ(info.max_vcpu_id, 1u);
    EXPECT_EQ(info.flags >> 16, 0xffffu) << "no shutdown code";
    EXPECT_EQ(w.domctl(domctl_of(abi::DomctlCommand::GetDomainInfo, 2)), -3);
    abi::Sysctl list = sysctl_of(abi::SysctlCommand::GetDomainInfoList);
    list.u.getdomaininfolist = {.first_domain = 0, .max_domains = 16, .buffer = {buffer}};
    EXPECT_EQ(w.sysctl(list), 0);
    EXPECT_EQ(w.answer<abi::Sysctl>().u.getdomaininfolist.num_domains, 2u);
    EXPECT_EQ(w.caller.memory.get<abi::DomctlGetDomainInfo>(buffer + sizeof(abi::DomctlGetDomainInfo)).domain, 1);
    list.u.getdomaininfolist.first_domain = 0xffff;
    EXPECT_EQ(w.sysctl(list), 0);
    EXPECT_EQ(w.answer<abi::Sysctl>().u.getdomaininfolist.num_domains, 0u);
}

TEST(Kinds, TheFlagsChooseAndToolsAreToldOfAll) {
    static constexpr GuestKind first{.accepts = [](u32 flags) { return flags == 0; },
                                     .capabilities = [] { return KindCapabilities{abi::physcap_pv, "one "}; }};
    static constexpr GuestKind second{.accepts = [](u32 flags) { return flags == abi::cdf_hvm; },
                                      .capabilities = [] { return KindCapabilities{abi::physcap_hvm, "two "}; }};
    static constexpr const GuestKind* both[] = {&first, &second};
    World w;
    const auto told = [&w] {
        EXPECT_EQ(w.sysctl(sysctl_of(abi::SysctlCommand::Physinfo)), 0);
        return w.answer<abi::Sysctl>().u.physinfo.capabilities & (abi::physcap_pv | abi::physcap_hvm);
    };
    EXPECT_EQ(kind_for(0), nullptr);
    EXPECT_EQ(told(), 0u);
    set_guest_kinds(both);
    EXPECT_EQ(kind_for(0), &first);
    EXPECT_EQ(kind_for(abi::cdf_hvm), &second);
    EXPECT_EQ(kind_for(abi::cdf_hap), nullptr);
    EXPECT_EQ(told(), abi::physcap_pv | abi::physcap_hvm);
    set_guest_kinds({});
}

TEST(Control, PausesNest) {
    World w;
    const auto pause = domctl_of(abi::DomctlCommand::PauseDomain, 1),
               unpause = domctl_of(abi::DomctlCommand::UnpauseDomain, 1);
    EXPECT_EQ(w.domctl(unpause), -22);
    EXPECT_EQ(w.domctl(pause), 0);
    EXPECT_EQ(w.domctl(pause), 0);
    EXPECT_EQ(w.domctl(unpause), 0);
    EXPECT_EQ(w.other.pause_count, 1);
    EXPECT_EQ(w.domctl(unpause), 0);
    EXPECT_EQ(w.other.pause_count, 0);
    EXPECT_EQ(w.domctl(domctl_of(abi::DomctlCommand::PauseDomain, 0)), -22) << "not oneself";
}

/// It would hold page tables that its teardown has passed.
TEST(Control, TheDyingGetNoContext) {
    World w;
    abi::Domctl op = domctl_of(abi::DomctlCommand::SetVcpuContext, 1);
    op.u.vcpucontext.ctxt.address = buffer;
    EXPECT_EQ(w.domctl(op), 0);
    w.other.life = DomainLife::Dying;
    EXPECT_EQ(w.domctl(op), -22);
}

TEST(Control, AffinityMapsOfAnyLength) {
    World w;
    abi::Domctl op = domctl_of(abi::DomctlCommand::SetVcpuAffinity, 1);
    for (u32 bits : {1u, 2u, 7u, 8u, 9u, 256u, 300u, 4000u}) {
        std::memset(w.caller.memory.at(buffer, 1024), 0xff, 1024);
        op.u.vcpuaffinity = {
            .vcpu = 0, .flags = abi::vcpuaffinity_hard, .cpumap_hard = {{buffer}, bits}, .cpumap_soft = {}};
        EXPECT_EQ(w.domctl(op), 0) << bits;
        const unsigned char* map = w.caller.memory.at(buffer, 1024);
        EXPECT_EQ(map[0], bits == 1 ? 1 : 3) << "two CPUs are online";
        const u32 bytes = (bits + 7) / 8;
        if (bytes > 1) EXPECT_EQ(map[bytes - 1], 0);
        EXPECT_EQ(map[bytes], 0xff) << "beyond the map";
    }
    op.u.vcpuaffinity.flags = 0;
    EXPECT_EQ(w.domctl(op), -22);
    op.u.vcpuaffinity.flags = abi::vcpuaffinity_soft;
    EXPECT_EQ(w.domctl(op), -22) << "no map";
    op.u.vcpuaffinity.vcpu = 4;
    EXPECT_EQ(w.domctl(op), -22);
    op.u.vcpuaffinity.vcpu = 3;
    EXPECT_EQ(w.domctl(op), -3);
}

TEST(Control, RightsAreGivenOnlyByWhoHasThem) {
    World w;
    w.dom0.io_memory = make<RangeSet>();
    w.other.io_memory = make<RangeSet>();
    (void)w.dom0.io_memory->add(100, 199);
    abi::Domctl op = domctl_of(abi::DomctlCommand::IomemPermission, 1);
    op.u.iomem_permission = {.first_mfn = 150, .nr_mfns = 50, .allow_access = 1};
    EXPECT_EQ(w.domctl(op), 0);
    op.u.iomem_permission.nr_mfns = 51;
    EXPECT_EQ(w.domctl(op), -1);
    op.u.iomem_permission.nr_mfns = 0;
    EXPECT_EQ(w.domctl(op), -22);
    op.u.iomem_permission = {.first_mfn = ~u64{0}, .nr_mfns = 2, .allow_access = 1};
    EXPECT_EQ(w.domctl(op), -22);
    EXPECT_TRUE(w.other.io_memory->contains(150, 199));
    EXPECT_FALSE(w.other.io_memory->contains(100));
}

TEST(Control, ConsoleRingAcrossTheWrap) {
    World w;
    abi::Sysctl op = sysctl_of(abi::SysctlCommand::Readconsole);
    op.u.readconsole.buffer = {buffer};
    op.u.readconsole.count = 100'000;
    EXPECT_EQ(w.sysctl(op), 0);
    EXPECT_EQ(w.answer<abi::Sysctl>().u.readconsole.count, 0x300u);
    op.u.readconsole.incremental = 1;
    op.u.readconsole.index = 0x1f0;
    EXPECT_EQ(w.sysctl(op), 0);
    EXPECT_EQ(w.answer<abi::Sysctl>().u.readconsole.count, 0x10u);
    op.u.readconsole.index = 0x200;
    EXPECT_EQ(w.sysctl(op), 0);
    EXPECT_EQ(w.answer<abi::Sysctl>().u.readconsole.count, 0u);
    op.u.readconsole.index = 0x201;
    EXPECT_EQ(w.sysctl(op), 0) << "an index that is not in the ring starts at the oldest";
    EXPECT_EQ(w.answer<abi::Sysctl>().u.readconsole.count, 0x300u);
}

/// Random requests: no crash, no sanitizer report, an errno or success, and the domains stay usable.
TEST(Control, AnyBytesAtAll) {
    for (unsigned seed = 0; seed < 40; ++seed) {
        World w;
        std::mt19937_64 random(seed);
        const auto interesting = [&]() -> u64 {
            switch (random() % 8) {
            case 0: return 0;
            case 1: return ~u64{0};
            case 2: return buffer + random() % 4096;
            case 3: return fake::Memory::base + w.caller.memory.bytes.size() - random() % 64;
            case 4: return u64{1} << random() % 64;
            case 5: return random() % 300;
            default: return random();
            }
        };
        for (int step = 0; step < 2000; ++step) {
            u64 words[18];
            for (u64& word : words)
                word = random() % 2 ? interesting() : interesting() << 32 | (interesting() & 0xffffffff);
            if (random() % 2) {
                abi::Domctl op;
                std::memcpy(&op, words, sizeof(op));
                op.cmd = static_cast<u32>(random() % 50 ? random() % 90 : random());
                op.interface_version = abi::domctl_interface_version;
                op.domain = static_cast<u16>(random() % 10 ? random() % 3 : random());
                const s64 value = w.domctl(op);
                ASSERT_TRUE(value <= 0 && value > -4096) << value;
            } else {
                abi::Sysctl op;
                std::memcpy(&op, words, sizeof(op));
                op.cmd = static_cast<u32>(random() % 32);
                op.interface_version = abi::sysctl_interface_version;
                const s64 value = w.sysctl(op);
                ASSERT_TRUE(value <= 0 && value > -4096) << value;
            }
            ASSERT_EQ(w.dom0.references, 1u);
            ASSERT_EQ(w.other.references, 1u);
            w.other.pause_count = static_cast<s32>(w.other.controller_paused.load());
        }
    }
}

TEST(DomainList, IdsGrowAndWrap) {
    World w;
    u16 last = 1;
    std::vector<DomId> taken;
    for (int i = 0; i < 100; ++i) {
        const Result<DomId> id = reserve_domain_id(0);
        ASSERT_TRUE(id);
        ASSERT_GT(id->raw(), last);
        last = id->raw();
        taken.push_back(*id);
    }
    EXPECT_EQ(reserve_domain_id(taken[5].raw()).error(), Error::Exists);
    EXPECT_EQ(reserve_domain_id(abi::first_reserved).error(), Error::Invalid);
    EXPECT_FALSE(find_domain(taken[0])) << "reserved, but no domain yet";
    for (DomId id : taken) cancel_domain_id(id);
    const Result<DomId> next = reserve_domain_id(0);
    ASSERT_TRUE(next);
    EXPECT_GT(next->raw(), last) << "a number comes back as late as possible";
    cancel_domain_id(*next);
    ASSERT_TRUE(find_domain(DomId(1)));
    EXPECT_EQ(next_domain(DomId(1))->id.raw(), 1);
    EXPECT_FALSE(next_domain(DomId(2)));
    EXPECT_EQ(w.other.references, 1u);
}

} // namespace
