// SPDX-License-Identifier: Apache-2.0
// The end of a domain, asked for by several of its vCPUs at once.
#include "abi/sched.hpp"
#include "hypercall/fake_caller.hpp"

#include <gtest/gtest.h>

#include <barrier>
#include <thread>

using namespace px;

namespace {

/// A domain with two vCPUs.
struct Pair {
    Pair() {
        domain.max_vcpus = 2;
        domain.vcpus = both;
    }
    ~Pair() { domain.vcpus = nullptr; }
    fake::CallerDomain domain{DomId(1)};
    fake::Caller first{domain}, second{domain};
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
    constexpr unsigned rounds = 3000;
    std::optional<Pair> pair;
    const auto renew = [&] {
        pair.emplace();
        for (Vcpu* vcpu : pair->both) vcpu->flags.fetch_and(~vcpu_flag::down);
    };
    std::barrier begin(3), end(3);
    const auto go_down = [&](unsigned which) {
        fake_cpu = which + 1;
        for (unsigned i = 0; i < rounds; ++i) {
            begin.arrive_and_wait();
            pair->domain.take_down(*pair->both[which]);
            end.arrive_and_wait();
        }
    };
    std::thread threads[] = {std::thread(go_down, 0), std::thread(go_down, 1)};
    unsigned lasting = 0;
    for (unsigned i = 0; i < rounds; ++i) {
        renew();
        begin.arrive_and_wait();
        end.arrive_and_wait();
        if (!pair->domain.is_shutting_down) ++lasting;
    }
    for (auto& t : threads) t.join();
    EXPECT_EQ(lasting, 0u);
}

} // namespace
