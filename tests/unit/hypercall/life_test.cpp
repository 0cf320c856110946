// SPDX-License-Identifier: Apache-2.0
// The end of a domain, asked for by several of its vCPUs at once.
#include "abi/sched.hpp"
#include "hypercall/fake_caller.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

using namespace px;

namespace {

/// A domain with two vCPUs, the first and the last of those it may have: who looks for others takes a while.
struct Pair {
    Pair() {
        domain.max_vcpus = max_vcpus_per_domain;
        domain.vcpus = all;
        all[0] = &first;
        all[max_vcpus_per_domain - 1] = &second;
    }
    ~Pair() { domain.vcpus = nullptr; }
    fake::CallerDomain domain{DomId(1)};
    fake::Caller first{domain}, second{domain};
    Vcpu* all[max_vcpus_per_domain] = {};
    Vcpu* both[2] = {&first, &second};
};

TEST(DomainLife, LastThatGoesDownTakesTheDomain) {
    Pair pair;
    for (Vcpu* vcpu : pair.both) vcpu->flags.fetch_and(~vcpu_flag::down);
    pair.domain.take_down(pair.first);
    pair.domain.take_down(pair.first);
    EXPECT_FALSE(pair.domain.is_shutting_down);
    pair.domain.take_down(pair.second);
    EXPECT_TRUE(pair.domain.is_shut_down);
    EXPECT_EQ(pair.domain.shutdown_code, static_cast<u32>(abi::ShutdownReason::Poweroff));
}

TEST(DomainLife, TwoThatGoDownAtOnceTakeTheDomain) {
    constexpr unsigned rounds = 6000;
    std::optional<Pair> pair;
    const auto renew = [&] {
        pair.emplace();
        for (Vcpu* vcpu : pair->both) vcpu->flags.fetch_and(~vcpu_flag::down);
    };
    std::atomic<unsigned> round{0}, done{0};
    const auto go_down = [&](unsigned which) {
        fake_cpu = which + 1;
        for (unsigned i = 1; i <= rounds; ++i) {
            while (round.load() != i) detail::relax(); // awake: both begin as one
            pair->domain.take_down(*pair->both[which]);
            done.fetch_add(1);
        }
    };
    std::thread threads[] = {std::thread(go_down, 0), std::thread(go_down, 1)};
    unsigned lasting = 0;
    for (unsigned i = 1; i <= rounds; ++i) {
        renew();
        round.store(i);
        while (done.load() != 2 * i) std::this_thread::yield();
        if (!pair->domain.is_shutting_down) ++lasting;
    }
    for (auto& t : threads) t.join();
    EXPECT_EQ(lasting, 0u);
}

} // namespace
