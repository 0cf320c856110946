// SPDX-License-Identifier: Apache-2.0
// The TLB clock: a CPU is only believed to hold nothing of a frame when it has flushed since the frame's stamp.
#include "x86/guest/tlb_clock.hpp"

#include "memory/tlb.hpp"

#include <gtest/gtest.h>

#include <array>
#include <thread>
#include <vector>

namespace px::guest {
namespace {

TEST(TlbClock, AFlushCountsOnlyForStampsBeforeIt) {
    TlbClock clock;
    const u64 before = clock.begin_flush();
    const u32 stamp = clock.stamp();
    EXPECT_TRUE(clock.may_hold(before, stamp));
    const u64 after = clock.begin_flush();
    EXPECT_FALSE(clock.may_hold(after, stamp));
    EXPECT_TRUE(clock.may_hold(after, clock.stamp()));
    EXPECT_TRUE(clock.may_hold(0, stamp)); // has never flushed
}

TEST(TlbClock, TicksOnlyAtTheFirstFlushAfterAStamp) {
    TlbClock clock;
    const u32 first = clock.stamp();
    EXPECT_EQ(clock.stamp(), first);
    const u64 flush = clock.begin_flush();
    EXPECT_NE(flush, first);
    for (int i = 0; i < 10; ++i) EXPECT_EQ(clock.begin_flush(), flush);
}

/// Stamps are half of the time: one that has gone round, and a CPU that has not flushed for as long, are never believed
/// to be younger than they are.
TEST(TlbClock, StampsThatGoRoundAreTakenForLater) {
    constexpr u64 round = u64{1} << 32;
    for (const u64 start : {u64{1}, round - 2, round + 5, 7 * round + 1}) {
        TlbClock clock(start);
        const u64 flushed = clock.begin_flush();
        const u32 stamp = clock.stamp();
        EXPECT_TRUE(clock.may_hold(flushed, stamp)) << start;
        const u64 later = clock.begin_flush();
        EXPECT_FALSE(clock.may_hold(later, stamp)) << start;
        for (const u64 age : {round / 2, round - 2, round, round + 1, 3 * round + 1}) {
            const TlbClock aged(start + age);
            EXPECT_TRUE(aged.may_hold(flushed, stamp)) << start << " " << age;
        }
    }
}

TEST(TlbClock, TheLaterOfTwoStampsIsToldByTheirAge) {
    EXPECT_EQ(tlb::later(5, 7, 10), 7u);
    EXPECT_EQ(tlb::later(7, 5, 10), 7u);
    EXPECT_EQ(tlb::later(0xfffffff0, 3, 10), 3u);
    EXPECT_EQ(tlb::later(3, 0xfffffff0, 10), 3u);
    EXPECT_EQ(tlb::later(11, 0xfffffff0, 0xfffffff5), 0xfffffff0u); // nearly a round apart
}

/// A page that is mapped by one thread's stores and cached by others' loads, as translations are.
TEST(TlbClock, NobodyThatIsNotFlushedKeepsAnOldEntry) {
    constexpr unsigned cpus = 3;
    constexpr int rounds = 20000;
    TlbClock clock;
    std::atomic<int> entry{0};                   // the page-table entry: its generation
    std::array<std::atomic<int>, cpus> cached{}; // what each CPU's TLB holds
    std::array<std::atomic<u64>, cpus> flushed{};
    std::atomic<bool> ends{false};
    std::vector<std::thread> threads;
    for (unsigned cpu = 0; cpu < cpus; ++cpu)
        threads.emplace_back([&, cpu] {
            while (!ends.load()) {
                const u64 time = clock.begin_flush();
                cached[cpu].store(entry.load()); // the flush, and the next walk
                flushed[cpu].store(time);
            }
        });
    for (int round = 1; round <= rounds; ++round) {
        entry.store(round);
        const u32 stamp = clock.stamp();
        for (unsigned cpu = 0; cpu < cpus; ++cpu)
            if (!clock.may_hold(flushed[cpu].load(), stamp)) ASSERT_GE(cached[cpu].load(), round);
    }
    ends.store(true);
    for (auto& t : threads) t.join();
}

} // namespace
} // namespace px::guest
