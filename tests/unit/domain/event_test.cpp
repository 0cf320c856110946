// SPDX-License-Identifier: Apache-2.0
// Event channels: each promise of EVTCHNOP_*, and random operations against a simple oracle.
#include "domain/event/channels.hpp"

#include "domain/event/table.hpp"
#include "domain/fake_domain.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <random>
#include <set>

namespace px {
namespace {

using fake::become;
using fake::TestDomain;
using State = abi::EvtchnState;

u32 alloc(TestDomain& owner, u16 remote) {
    become(owner);
    abi::EvtchnAllocUnbound op{.dom = abi::domid_self, .remote_dom = remote, .port = 0};
    EXPECT_TRUE(event::alloc_unbound(op));
    return op.port;
}

std::optional<u32> bind(TestDomain& local, u16 remote, u32 port) {
    become(local);
    abi::EvtchnBindInterdomain op{.remote_dom = remote, .remote_port = port, .local_port = 0};
    if (!event::bind_interdomain(op)) return {};
    return op.local_port;
}

abi::EvtchnStatus status(TestDomain& d, u32 port) {
    become(d);
    abi::EvtchnStatus op{.dom = abi::domid_self, .port = port};
    if (!event::status(op)) op.status = ~0u;
    return op;
}

bool pending_2l(TestDomain& d, u32 port) { return d.shared_info->evtchn_pending[port / 64] >> (port % 64) & 1; }
void clear_2l(TestDomain& d, u32 port) {
    d.shared_info->evtchn_pending[port / 64] &= ~(u64{1} << (port % 64));
    for (u32 v = 0; v < d.max_vcpus; ++v) d.vcpus[v]->info->evtchn_pending_sel = 0;
}

TEST(Events, PortsStartAtOneAndTheLowestFreeIsTaken) {
    TestDomain d(1, 1);
    EXPECT_EQ(alloc(d, 2), 1u);
    EXPECT_EQ(alloc(d, 2), 2u);
    EXPECT_EQ(alloc(d, 2), 3u);
    EXPECT_TRUE(event::close(d, Port(2)));
    EXPECT_EQ(alloc(d, 2), 2u);
    EXPECT_FALSE(event::close(d, Port(9)));
    EXPECT_FALSE(event::close(d, Port(0)));
    EXPECT_FALSE(event::close(d, Port(~0u)));
}

TEST(Events, OnlyTheNamedDomainCanBind) {
    TestDomain a(1, 1), b(2, 1), c(3, 1);
    const u32 port = alloc(a, 2);
    EXPECT_FALSE(bind(c, 1, port));
    EXPECT_FALSE(bind(b, 1, port + 1));
    EXPECT_FALSE(bind(b, 77, port));
    const auto other = bind(b, 1, port);
    ASSERT_TRUE(other);
    EXPECT_TRUE(pending_2l(b, *other)) << "the binder looks once for itself";
    EXPECT_FALSE(bind(b, 1, port)) << "bound already";
}

TEST(Events, SendCrossesAndCloseUnbindsTheOtherEnd) {
    TestDomain a(1, 1), b(2, 1);
    const u32 pa = alloc(a, 2);
    const u32 pb = *bind(b, 1, pa);
    clear_2l(b, pb);
    EXPECT_TRUE(event::send(a, Port(pa)));
    EXPECT_TRUE(pending_2l(b, pb));
    EXPECT_TRUE(event::send(b, Port(pb)));
    EXPECT_TRUE(pending_2l(a, pa));
    EXPECT_TRUE(event::close(b, Port(pb)));
    EXPECT_EQ(status(a, pa).status, static_cast<u32>(State::Unbound));
    EXPECT_EQ(status(a, pa).u.unbound.dom, 2);
    EXPECT_TRUE(event::send(a, Port(pa))) << "to an unbound port: lost, not an error";
    EXPECT_FALSE(event::send(b, Port(pb)));
}

TEST(Events, LoopbackWithinOneDomain) {
    TestDomain a(1, 1);
    const u32 one = alloc(a, 1);
    const u32 two = *bind(a, abi::domid_self, one);
    EXPECT_TRUE(event::send(a, Port(one)));
    EXPECT_TRUE(pending_2l(a, two));
    EXPECT_TRUE(event::close(a, Port(two)));
    EXPECT_EQ(status(a, one).status, static_cast<u32>(State::Unbound));
}

TEST(Events, MaskedEventsWaitForUnmask) {
    TestDomain a(1, 2);
    become(a);
    abi::EvtchnBindIpi op{.vcpu = 1, .port = 0};
    ASSERT_TRUE(event::bind_ipi(op));
    a.shared_info->evtchn_mask[0] = ~u64{0};
    EXPECT_TRUE(event::send(a, Port(op.port)));
    EXPECT_TRUE(pending_2l(a, op.port));
    EXPECT_EQ(a.test_vcpu(1).upcalls, 0u);
    EXPECT_TRUE(event::unmask(a, Port(op.port)));
    EXPECT_EQ(a.test_vcpu(1).upcalls, 1u);
    EXPECT_EQ(a.test_vcpu(0).upcalls, 0u);
    EXPECT_TRUE(event::unmask(a, Port(op.port)));
    EXPECT_EQ(a.test_vcpu(1).upcalls, 1u) << "unmasking again tells nothing new";
}

TEST(Events, VirqRules) {
    TestDomain d(0, 2);
    become(d);
    abi::EvtchnBindVirq op{.virq = 24, .vcpu = 0, .port = 0};
    EXPECT_FALSE(event::bind_virq(op));
    op = {.virq = static_cast<u32>(abi::Virq::DomExc), .vcpu = 1, .port = 0};
    EXPECT_FALSE(event::bind_virq(op)) << "global VIRQs are bound on vCPU 0";
    op.vcpu = 0;
    EXPECT_TRUE(event::bind_virq(op));
    EXPECT_EQ(event::bind_virq(op).error(), Error::Exists);
    abi::EvtchnBindVirq timer{.virq = 0, .vcpu = 1, .port = 0};
    EXPECT_TRUE(event::bind_virq(timer));
    send_guest_virq(*d.vcpus[1], abi::Virq::Timer);
    EXPECT_TRUE(pending_2l(d, timer.port));
    send_guest_virq(*d.vcpus[0], abi::Virq::Timer);
    send_global_virq(abi::Virq::DomExc);
    EXPECT_TRUE(pending_2l(d, op.port));
    EXPECT_FALSE(event::bind_vcpu(d, Port(timer.port), VcpuId(0))) << "per-vCPU VIRQs stay";
    EXPECT_TRUE(event::bind_vcpu(d, Port(op.port), VcpuId(1)));
    EXPECT_FALSE(event::bind_vcpu(d, Port(op.port), VcpuId(2)));
    EXPECT_TRUE(event::close(d, Port(timer.port)));
    EXPECT_TRUE(event::bind_virq(timer)) << "closed: can be bound again";
}

TEST(Events, AGlobalVirqIsItsHandlersWhileThatLives) {
    TestDomain dom0(0, 1), handler(5, 1);
    constexpr u32 virq = static_cast<u32>(abi::Virq::DomExc);
    u32 ports[2];
    for (TestDomain* d : {&dom0, &handler}) {
        become(*d);
        abi::EvtchnBindVirq op{.virq = virq, .vcpu = 0, .port = 0};
        ASSERT_TRUE(event::bind_virq(op));
        ports[d == &handler] = op.port;
    }
    const auto goes_to = [&](TestDomain& d) {
        clear_2l(dom0, ports[0]);
        clear_2l(handler, ports[1]);
        send_global_virq(abi::Virq::DomExc);
        EXPECT_NE(pending_2l(dom0, ports[0]), pending_2l(handler, ports[1]));
        return pending_2l(d, ports[&d == &handler]);
    };
    EXPECT_FALSE(event::set_global_virq_handler(handler, static_cast<u32>(abi::Virq::Timer)));
    EXPECT_FALSE(event::set_global_virq_handler(handler, 24));
    EXPECT_TRUE(goes_to(dom0));
    ASSERT_TRUE(event::set_global_virq_handler(handler, virq));
    const u32 references = handler.references;
    EXPECT_TRUE(goes_to(handler));
    EXPECT_EQ(handler.references, references) << "held while it was used, and no longer";
    event::forget_global_virq_handler(handler); // as it dies
    EXPECT_TRUE(goes_to(dom0));
    handler.life = DomainLife::Dying;
    ASSERT_TRUE(event::set_global_virq_handler(handler, virq));
    EXPECT_TRUE(goes_to(dom0)) << "too late";
}

TEST(Events, PollersAreWoken) {
    TestDomain a(1, 2);
    become(a);
    abi::EvtchnBindIpi op{.vcpu = 0, .port = 0};
    ASSERT_TRUE(event::bind_ipi(op));
    a.vcpus[1]->flags = vcpu_flag::blocked | vcpu_flag::polling;
    a.vcpus[1]->poll_port = op.port;
    a.shared_info->evtchn_mask[0] = ~u64{0};
    EXPECT_TRUE(event::send(a, Port(op.port)));
    EXPECT_EQ(a.vcpus[1]->flags.load(), 0u) << "polled ports are masked as a rule";
}

TEST(Events, LimitOfTheDomainHolds) {
    TestDomain a(1, 1);
    a.config.max_evtchn_port = 200;
    for (u32 i = 1; i <= 200; ++i) EXPECT_EQ(alloc(a, 2), i);
    become(a);
    abi::EvtchnAllocUnbound op{.dom = abi::domid_self, .remote_dom = 2, .port = 0};
    EXPECT_EQ(event::alloc_unbound(op).error(), Error::NoSpace);
}

TEST(Events, UnprivilegedMayNotAllocateForOthers) {
    TestDomain a(1, 1), b(2, 1);
    become(a);
    abi::EvtchnAllocUnbound op{.dom = 2, .remote_dom = 1, .port = 0};
    EXPECT_EQ(event::alloc_unbound(op).error(), Error::Perm);
}

/// A guest that takes events from FIFO queues as the ABI describes it.
class FifoGuest {
  public:
    explicit FifoGuest(TestDomain& d) : domain(d) {
        become(d);
        for (u32 v = 0; v < d.max_vcpus; ++v) {
            control.push_back(&d.give_frame());
            abi::EvtchnInitControl op{.control_gfn = mfn_of(*control.back()).raw(), .offset = 0, .vcpu = v};
            EXPECT_TRUE(event::init_control(op));
        }
        heads.resize(d.max_vcpus);
        expand();
    }
    void expand() {
        become(domain);
        words.push_back(&domain.give_frame());
        abi::EvtchnExpandArray op{.array_gfn = mfn_of(*words.back()).raw()};
        EXPECT_TRUE(event::expand_array(op));
    }
    u32& word(u32 port) { return to_virtual<u32>(*words[port / 1024])[port % 1024]; }
    /// All events of a vCPU, highest priority first, in order.
    std::vector<u32> take(u32 vcpu) {
        auto* block = to_virtual<abi::EvtchnFifoControlBlock>(*control[vcpu]);
        std::vector<u32> taken;
        u32 ready = std::exchange(block->ready, 0);
        for (u32 q = 0; q < 16; ++q) {
            if (!(ready >> q & 1)) continue;
            u32 port = heads[vcpu][q] ? heads[vcpu][q] : block->head[q];
            while (port) {
                u32& w = word(port);
                const u32 next = w & abi::fifo_link_mask;
                w &= ~(1u << abi::fifo_linked_bit | abi::fifo_link_mask);
                if ((w >> abi::fifo_pending_bit & 1) && !(w >> abi::fifo_masked_bit & 1)) {
                    taken.push_back(port);
                    w &= ~(1u << abi::fifo_pending_bit);
                }
                port = next;
            }
        }
        return taken;
    }
    TestDomain& domain;
    std::vector<Frame*> control, words;
    std::vector<std::array<u32, 16>> heads;
};

TEST(Events, ARebindDoesNotSeeOldEvents) {
    TestDomain a(1, 1);
    for (bool fifo : {false, true}) {
        become(a);
        std::optional<FifoGuest> guest;
        if (fifo) guest.emplace(a);
        abi::EvtchnBindIpi op{.vcpu = 0, .port = 0};
        ASSERT_TRUE(event::bind_ipi(op));
        EXPECT_TRUE(event::send(a, Port(op.port)));
        EXPECT_TRUE(event::is_pending(a, Port(op.port)));
        EXPECT_TRUE(event::close(a, Port(op.port)));
        abi::EvtchnBindIpi again{.vcpu = 0, .port = 0};
        ASSERT_TRUE(event::bind_ipi(again));
        EXPECT_EQ(again.port, op.port);
        EXPECT_FALSE(event::is_pending(a, Port(again.port)));
        EXPECT_TRUE(event::close(a, Port(again.port)));
    }
}

TEST(FifoEvents, OrderPrioritiesAndMoreThanOnce) {
    TestDomain a(1, 2);
    u32 ports[6];
    become(a);
    for (u32& p : ports) {
        abi::EvtchnBindIpi op{.vcpu = 0, .port = 0};
        ASSERT_TRUE(event::bind_ipi(op));
        p = op.port;
    }
    FifoGuest guest(a);
    abi::EvtchnSetPriority high{.port = ports[3], .priority = 0};
    EXPECT_TRUE(event::set_priority(high));
    for (u32 p : ports) EXPECT_TRUE(event::send(a, Port(p)));
    EXPECT_TRUE(event::send(a, Port(ports[0])));
    EXPECT_EQ(guest.take(0), (std::vector<u32>{ports[3], ports[0], ports[1], ports[2], ports[4], ports[5]}));
    EXPECT_TRUE(guest.take(0).empty());
    EXPECT_TRUE(event::send(a, Port(ports[5])));
    EXPECT_TRUE(event::send(a, Port(ports[5])));
    EXPECT_EQ(guest.take(0), std::vector<u32>{ports[5]});
}

TEST(FifoEvents, EventsFromBeforeTheSwitchAreNotLost) {
    TestDomain a(1, 1);
    become(a);
    abi::EvtchnBindIpi op{.vcpu = 0, .port = 0};
    ASSERT_TRUE(event::bind_ipi(op));
    EXPECT_TRUE(event::send(a, Port(op.port)));
    FifoGuest guest(a);
    EXPECT_EQ(guest.take(0), std::vector<u32>{op.port});
}

TEST(FifoEvents, BadArguments) {
    TestDomain a(1, 1);
    become(a);
    abi::EvtchnExpandArray early{.array_gfn = 5};
    EXPECT_EQ(event::expand_array(early).error(), Error::NotSupported);
    abi::EvtchnInitControl op{.control_gfn = ~u64{0}, .offset = 0, .vcpu = 0};
    EXPECT_FALSE(event::init_control(op));
    op = {.control_gfn = mfn_of(a.give_frame()).raw(), .offset = 4090, .vcpu = 0};
    EXPECT_FALSE(event::init_control(op));
    op.offset = 4;
    EXPECT_FALSE(event::init_control(op));
    op.offset = 0;
    op.vcpu = 7;
    EXPECT_FALSE(event::init_control(op));
    op.vcpu = 0;
    EXPECT_TRUE(event::init_control(op));
    EXPECT_FALSE(event::init_control(op)) << "once per vCPU";
    TestDomain b(2, 1);
    abi::EvtchnInitControl foreign{.control_gfn = mfn_of(a.give_frame()).raw(), .offset = 0, .vcpu = 0};
    become(b);
    EXPECT_FALSE(event::init_control(foreign)) << "another domain's frame";
}

/// Random operations of a guest and of senders; whatever was sent while unmasked is taken exactly as the oracle says.
TEST(FifoEvents, RandomOperationsLoseNothing) {
    std::mt19937 random(7);
    for (int round = 0; round < 30; ++round) {
        TestDomain a(1, 3);
        become(a);
        constexpr u32 count = 40;
        for (u32 i = 0; i < count; ++i) {
            abi::EvtchnAllocUnbound unbound{.dom = abi::domid_self, .remote_dom = abi::domid_self, .port = 0};
            ASSERT_TRUE(event::alloc_unbound(unbound));
        }
        FifoGuest guest(a);
        std::set<u32> pending;
        for (int step = 0; step < 4000; ++step) {
            const u32 port = 1 + random() % count;
            Channel& channel = *a.events->channel(Port(port));
            u32& word = guest.word(port);
            switch (random() % 8) {
            case 0:
            case 1:
            case 2:
                event::set_pending(a, Port(port), channel);
                pending.insert(port);
                break;
            case 3: word |= 1u << abi::fifo_masked_bit; break;
            case 4: EXPECT_TRUE(event::unmask(a, Port(port))); break;
            case 5: EXPECT_TRUE(event::bind_vcpu(a, Port(port), VcpuId(random() % 3))); break;
            case 6: {
                abi::EvtchnSetPriority op{.port = port, .priority = static_cast<u32>(random() % 16)};
                EXPECT_TRUE(event::set_priority(op));
                break;
            }
            case 7:
                for (u32 v = 0; v < 3; ++v)
                    for (u32 taken : guest.take(v)) EXPECT_EQ(pending.erase(taken), 1u) << "taken but not sent";
                // After everything was taken only masked events may be left.
                for (u32 left : pending)
                    EXPECT_TRUE(guest.word(left) >> abi::fifo_masked_bit & 1) << "lost port " << left;
                break;
            }
        }
    }
}

/// Random binds and closes between domains against a table of who is bound to whom.
TEST(Events, RandomBindingsMatchTheOracle) {
    std::mt19937 random(11);
    TestDomain a(1, 1), b(2, 1), c(3, 1);
    TestDomain* all[] = {&a, &b, &c};
    struct End {
        State state = State::Closed;
        u16 domain = 0;
        u32 port = 0;
    };
    std::map<std::pair<u16, u32>, End> oracle;
    for (int step = 0; step < 20000; ++step) {
        TestDomain& d = *all[random() % 3];
        const u16 other = static_cast<u16>(1 + random() % 3);
        const u32 port = 1 + random() % 60;
        switch (random() % 3) {
        case 0: {
            become(d);
            abi::EvtchnAllocUnbound op{.dom = abi::domid_self, .remote_dom = other, .port = 0};
            if (oracle.size() < 120 && event::alloc_unbound(op))
                oracle[{d.id.raw(), op.port}] = {State::Unbound, other, 0};
            break;
        }
        case 1: {
            auto it = oracle.find({other, port});
            const bool should =
                it != oracle.end() && it->second.state == State::Unbound && it->second.domain == d.id.raw();
            const auto local = bind(d, other, port);
            ASSERT_EQ(local.has_value(), should);
            if (!local) break;
            oracle[{d.id.raw(), *local}] = {State::Interdomain, other, port};
            oracle[{other, port}] = {State::Interdomain, d.id.raw(), *local};
            break;
        }
        case 2: {
            auto it = oracle.find({d.id.raw(), port});
            ASSERT_EQ(event::close(d, Port(port)).has_value(), it != oracle.end());
            if (it == oracle.end()) break;
            const End end = it->second;
            oracle.erase(it);
            if (end.state == State::Interdomain) oracle[{end.domain, end.port}] = {State::Unbound, d.id.raw(), 0};
            break;
        }
        }
    }
    for (TestDomain* d : all)
        for (u32 port = 1; port < 128; ++port) {
            auto it = oracle.find({d->id.raw(), port});
            const abi::EvtchnStatus s = status(*d, port);
            if (it == oracle.end()) {
                EXPECT_TRUE(s.status == 0 || s.status == ~0u);
                continue;
            }
            EXPECT_EQ(s.status, static_cast<u32>(it->second.state));
            if (it->second.state == State::Interdomain) EXPECT_EQ(s.u.interdomain.port, it->second.port);
        }
}

TEST(Events, TeardownFreesEverything) {
    const u64 before = fake::frames_in_use();
    {
        TestDomain a(1, 1), b(2, 1);
        for (int i = 0; i < 300; ++i) {
            const u32 p = alloc(a, 2);
            EXPECT_TRUE(bind(b, 1, p));
        }
    }
    EXPECT_EQ(fake::frames_in_use(), before);
}

} // namespace
} // namespace px
