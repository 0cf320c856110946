// SPDX-License-Identifier: Apache-2.0
// Requests between CPUs, with threads as CPUs: each is served once on each target, and CPUs that wait serve.
#include "x86/machine/interrupt/cross_call.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace px::machine {
namespace {

struct Request {
    u32 from, number;
};
PerCpu<CrossCallSlot<Request>> slots;

TEST(CrossCall, AllAskAllAtOnce) {
    constexpr u32 cpus = 4, rounds = 300;
    CrossCall<Request> calls(slots);
    std::vector<std::vector<u32>> served(cpus, std::vector<u32>(cpus)); // [on][from]
    std::atomic<u32> done{0};
    auto serve = [&](u32 me) {
        calls.serve([&](const Request& r) {
            EXPECT_EQ(r.number, served[me][r.from]);
            ++served[me][r.from];
        });
    };
    auto cpu = [&](u32 me) {
        fake_cpu = me;
        CpuMask others;
        others.set_first(cpus);
        others.clear(me);
        for (u32 i = 0; i < rounds; ++i) {
            calls.post(others, {me, i});
            while (!calls.is_finished()) {
                serve(me);
                std::this_thread::yield();
            }
        }
        ++done;
        while (done != cpus) {
            serve(me);
            std::this_thread::yield();
        }
        serve(me);
    };
    std::vector<std::thread> threads;
    for (u32 i = 0; i < cpus; ++i) threads.emplace_back(cpu, i);
    for (auto& t : threads) t.join();
    for (u32 on = 0; on < cpus; ++on)
        for (u32 from = 0; from < cpus; ++from) EXPECT_EQ(served[on][from], on == from ? 0 : rounds);
}

} // namespace
} // namespace px::machine
