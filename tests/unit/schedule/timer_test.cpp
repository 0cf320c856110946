// SPDX-License-Identifier: Apache-2.0
// Timers: order, re-arming, stopping, moving between CPUs, and the deadline that the machine is given.
#include "schedule/timer_queue.hpp"

#include "fake_machine.hpp"
#include "schedule/softirq.hpp"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
#include <vector>

using namespace px;

namespace {

struct Fixture : testing::Test {
    Fixture() {
        fake::machine = {};
        fake::machine.cpus = 4;
        fake_cpu = 0;
    }
};
using TimerTest = Fixture;

struct Probe {
    Timer timer{[](void* p) { ++static_cast<Probe*>(p)->count; }, this};
    int count = 0;
};

TEST_F(TimerTest, FiresOnceWhenDue) {
    Probe p;
    p.timer.set(100);
    EXPECT_EQ(fake::machine.deadlines[0], 100);
    fake::machine.now = 99;
    timers::run_due();
    EXPECT_EQ(p.count, 0);
    fake::machine.now = 100;
    timers::run_due();
    timers::run_due();
    EXPECT_EQ(p.count, 1);
    EXPECT_FALSE(p.timer.is_armed());
    EXPECT_EQ(fake::machine.deadlines[0], machine::never);
}

TEST_F(TimerTest, RemoteTimerInterruptsItsCpu) {
    Probe p;
    p.timer.set(100);
    fake_cpu = 1;
    p.timer.set(50);
    EXPECT_EQ(fake::machine.event_checks, std::vector<u32>{0});
    EXPECT_FALSE(fake::machine.deadlines.contains(1));
    fake::machine.now = 60;
    timers::run_due();
    EXPECT_EQ(p.count, 0) << "it belongs to CPU 0";
    fake_cpu = 0;
    timers::run_due();
    EXPECT_EQ(p.count, 1);
}

TEST_F(TimerTest, MovesArmed) {
    Probe p;
    p.timer.set(100);
    p.timer.migrate(CpuId(2));
    fake::machine.now = 200;
    timers::run_due();
    EXPECT_EQ(p.count, 0);
    fake_cpu = 2;
    timers::run_due();
    EXPECT_EQ(p.count, 1);
}

TEST_F(TimerTest, FunctionMayRearmItself) {
    struct Repeating {
        Timer timer{[](void* p) {
                        auto& self = *static_cast<Repeating*>(p);
                        if (++self.count < 5) self.timer.set(self.timer.expires() + 10);
                    },
                    this};
        int count = 0;
    } r;
    r.timer.set(10);
    fake::machine.now = 1000;
    timers::run_due();
    EXPECT_EQ(r.count, 5);
}

/// Random operations against a sorted map.
TEST(TimerQueue, AgreesWithAnOracle) {
    for (unsigned seed = 0; seed < 50; ++seed) {
        std::mt19937 random(seed);
        TimerQueue queue{};
        std::vector<std::unique_ptr<Probe>> probes;
        for (int i = 0; i < 40; ++i) probes.push_back(std::make_unique<Probe>());
        std::multimap<Nanoseconds, Timer*> oracle;
        const auto forget = [&](Timer& t) {
            for (auto it = oracle.begin(); it != oracle.end(); ++it)
                if (it->second == &t) {
                    oracle.erase(it);
                    return;
                }
        };
        for (int step = 0; step < 2000; ++step) {
            Timer& t = probes[random() % probes.size()]->timer;
            if (random() % 3 == 0) {
                if (t.is_armed()) {
                    queue.remove(t);
                    forget(t);
                }
            } else if (random() % 3 == 0 && !oracle.empty()) {
                const Nanoseconds now = static_cast<Nanoseconds>(random() % 1000);
                Timer* due = queue.pop_due(now);
                ASSERT_EQ(due != nullptr, oracle.begin()->first <= now);
                if (due) {
                    ASSERT_EQ(due->expires(), oracle.begin()->first);
                    forget(*due);
                }
            } else if (!t.is_armed()) {
                const Nanoseconds when = static_cast<Nanoseconds>(random() % 1000);
                oracle.emplace(when, &t);
                queue.insert(t, when);
            }
            ASSERT_EQ(queue.next_expiry(-1), oracle.empty() ? -1 : oracle.begin()->first);
        }
        while (queue.first()) queue.remove(*queue.first());
    }
}

} // namespace
