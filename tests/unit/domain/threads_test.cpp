// SPDX-License-Identifier: Apache-2.0
// Event channels and grants used by several vCPUs and domains at once: for ThreadSanitizer, and for what can be lost.
#include "domain/event/table.hpp"
#include "domain/fake_domain.hpp"
#include "domain/grant/internal.hpp"

#include <gtest/gtest.h>

#include <random>
#include <thread>

namespace px {
namespace {

using fake::become;
using fake::TestDomain;

struct Pair {
    u32 a, b; ///< ports of the two domains
};

Pair connect(TestDomain& a, TestDomain& b) {
    become(a);
    abi::EvtchnAllocUnbound unbound{.dom = abi::domid_self, .remote_dom = b.id.raw(), .port = 0};
    EXPECT_TRUE(event::alloc_unbound(unbound));
    become(b);
    abi::EvtchnBindInterdomain op{.remote_dom = a.id.raw(), .remote_port = unbound.port, .local_port = 0};
    EXPECT_TRUE(event::bind_interdomain(op));
    return {unbound.port, op.local_port};
}

bool take_pending(TestDomain& d, u32 port) {
    const u64 bit = u64{1} << (port % 64);
    return std::atomic_ref(d.shared_info->evtchn_pending[port / 64]).fetch_and(~bit) & bit;
}

/// Two senders, a receiver that clears bits, and one that makes and closes channels between the same domains.
TEST(EventThreads, SendersReceiverAndOthersAtOnce) {
    TestDomain a(1, 4), b(2, 4);
    constexpr unsigned channels = 6, rounds = 20000;
    Pair pairs[channels];
    for (Pair& p : pairs) p = connect(a, b);
    std::atomic<unsigned> senders{2};
    std::atomic<u64> received{0};
    const auto sender = [&](unsigned vcpu) {
        fake_cpu = vcpu;
        become(b, vcpu);
        std::mt19937 random(vcpu);
        for (unsigned i = 0; i < rounds; ++i) EXPECT_TRUE(event::send(b, Port(pairs[random() % channels].b)));
        senders.fetch_sub(1);
    };
    std::thread threads[] = {std::thread(sender, 0), std::thread(sender, 1), std::thread([&] {
                                 fake_cpu = 2;
                                 become(a, 0);
                                 std::mt19937 random(5);
                                 while (senders.load()) {
                                     const Pair& p = pairs[random() % channels];
                                     if (take_pending(a, p.a)) received.fetch_add(1);
                                     if (random() % 8 == 0)
                                         EXPECT_TRUE(event::bind_vcpu(a, Port(p.a), VcpuId(random() % 4)));
                                     if (random() % 8 == 0) (void)event::unmask(a, Port(p.a));
                                 }
                             }),
                             std::thread([&] {
                                 fake_cpu = 3;
                                 while (senders.load()) {
                                     const Pair p = connect(a, b);
                                     EXPECT_TRUE(event::send(b, Port(p.b)));
                                     EXPECT_TRUE(event::close(a, Port(p.a)));
                                     EXPECT_TRUE(event::close(b, Port(p.b)));
                                 }
                             })};
    for (auto& t : threads) t.join();
    fake_cpu = 0;
    EXPECT_GT(received.load(), 0u);
    // Every channel still carries.
    for (const Pair& p : pairs) {
        (void)take_pending(a, p.a);
        become(b);
        EXPECT_TRUE(event::send(b, Port(p.b)));
        EXPECT_TRUE(take_pending(a, p.a));
    }
}

/// A domain's vCPUs reset its event channels at the same time: none of them is left over.
TEST(EventThreads, TwoResetAtOnce) {
    TestDomain a(1, 2);
    const auto resetter = [&](unsigned vcpu) {
        fake_cpu = vcpu;
        become(a, vcpu);
        for (unsigned i = 0; i < 300; ++i) {
            abi::EvtchnAllocUnbound op{.dom = abi::domid_self, .remote_dom = 2, .port = 0};
            EXPECT_TRUE(event::alloc_unbound(op));
            (void)event::reset(a); // Restart, if the other one has opened a port meanwhile
        }
    };
    std::thread threads[] = {std::thread(resetter, 0), std::thread(resetter, 1)};
    for (auto& t : threads) t.join();
    fake_cpu = 0;
    become(a);
    EXPECT_TRUE(event::reset(a));
    const Guard guard(a.events->lock);
    EXPECT_EQ(a.events->open_channels(), 0u);
}

abi::GrantEntryV1& entry(TestDomain& d, u32 ref) PX_NO_THREAD_SAFETY { return d.grants->entry_v1(GrantRef(ref)); }

/// Two domains map and unmap the same grants, while the granter takes them away and gives them again.
TEST(GrantThreads, MappersAndGranterAtOnce) {
    TestDomain a(1, 1), b(2, 1), c(3, 1);
    constexpr u32 grants = 4, first = 8;
    Frame* frames[grants];
    for (u32 i = 0; i < grants; ++i) {
        frames[i] = &a.give_frame();
        // The granter's word is the guest's: it is written while the hypervisor reads it.
        entry(a, first + i) = {abi::gtf_permit_access, static_cast<u16>(2 + i % 2),
                               static_cast<u32>(mfn_of(*frames[i]).raw())};
    }
    std::atomic<unsigned> mappers{2};
    std::atomic<u64> mapped{0};
    const auto mapper = [&](TestDomain& who, unsigned cpu) {
        fake_cpu = cpu;
        become(who);
        std::mt19937 random(cpu);
        for (unsigned i = 0; i < 3000; ++i) {
            const u64 at = 0x100000 * cpu;
            abi::GnttabMapGrantRef op{.host_addr = at,
                                      .flags = abi::gntmap_host_map,
                                      .ref = first + static_cast<u32>(random() % grants),
                                      .dom = 1};
            grant::map(op);
            if (op.status != 0) continue;
            mapped.fetch_add(1);
            abi::GnttabUnmapGrantRef out{.host_addr = at, .dev_bus_addr = 0, .handle = op.handle, .status = 0};
            grant::Unmapped done;
            grant::unmap(out, done);
            grant::unmap_complete(done);
            EXPECT_EQ(out.status, 0);
        }
        mappers.fetch_sub(1);
    };
    std::thread threads[] = {std::thread([&] { mapper(b, 1); }), std::thread([&] { mapper(c, 2); }), std::thread([&] {
                                 fake_cpu = 3;
                                 std::mt19937 random(3);
                                 while (mappers.load()) {
                                     std::atomic_ref<u16> flags(entry(a, first + random() % grants).flags);
                                     u16 idle = abi::gtf_permit_access;
                                     if (!flags.compare_exchange_strong(idle, 0)) continue; // in use, so it stays
                                     flags.store(abi::gtf_permit_access);
                                 }
                             })};
    for (auto& t : threads) t.join();
    fake_cpu = 0;
    EXPECT_GT(mapped.load(), 0u);
    for (u32 i = 0; i < grants; ++i) {
        EXPECT_EQ(entry(a, first + i).flags, abi::gtf_permit_access);
        EXPECT_EQ(frames[i]->load().type_count(), 0u);
    }
}

} // namespace
} // namespace px
