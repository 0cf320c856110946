// SPDX-License-Identifier: Apache-2.0
// Properties of the frame heap: no overlap, conservation, alignment, address limits, merging, zeroed frames; small
// objects.
#include "memory/heap.hpp"

#include "memory/fake_memory.hpp"

#include <algorithm>
#include <cstring>
#include <gtest/gtest.h>
#include <map>
#include <random>
#include <set>
#include <thread>
#include <vector>

using namespace px;

namespace {

constexpr u64 heap_start = 100, heap_end = 20000;

/// One heap for the whole program, as in the hypervisor.
struct Heap : testing::Test {
    static void SetUpTestSuite() {
        if (heap::total_frames() == 0) heap::add_region(Mfn(heap_start), Mfn(heap_end));
    }
};

struct Block {
    u64 first;
    unsigned order;
};

bool is_zero(const Frame& first, unsigned order) {
    const auto* p = to_virtual<const u64>(first);
    return std::all_of(p, p + (page_size << order) / 8, [](u64 v) { return v == 0; });
}

void fill(const Frame& first, unsigned order) { std::memset(to_virtual(first), 0xa5, page_size << order); }

TEST_F(Heap, StartsWithAllItWasGiven) {
    EXPECT_EQ(heap::total_frames(), heap_end - heap_start);
    EXPECT_EQ(heap::free_frames(), heap_end - heap_start);
    EXPECT_EQ(heap::free_frames_below(64), heap::free_frames());
    EXPECT_EQ(heap::free_frames_below(12), 0u);
    // Zones are powers of two of frames: below 2^(12+13) bytes are the frames up to 8191.
    EXPECT_EQ(heap::free_frames_below(25), 8192 - heap_start);
}

TEST_F(Heap, RandomAllocationsNeverOverlapAndAllComesBack) {
    std::mt19937 random(1);
    std::map<u64, Block> live;
    const u64 before = heap::free_frames();
    u64 held = 0;
    for (int step = 0; step < 20000; ++step) {
        if (random() % 2 == 0 || live.empty()) {
            const unsigned order = random() % 8 == 0 ? random() % 10 : random() % 3;
            const unsigned bits = random() % 4 == 0 ? 25 : 64;
            Frame* f = heap::allocate({.order = order, .address_bits = bits});
            if (!f) continue;
            const u64 first = mfn_of(*f).raw(), size = u64{1} << order;
            ASSERT_EQ(first % size, 0u);
            ASSERT_GE(first, heap_start);
            ASSERT_LE(first + size, bits == 25 ? 8192 : heap_end);
            auto after = live.lower_bound(first);
            if (after != live.end()) ASSERT_LE(first + size, after->first);
            if (after != live.begin()) {
                --after;
                ASSERT_LE(after->first + (u64{1} << after->second.order), first);
            }
            if (order < 3) ASSERT_TRUE(is_zero(*f, order));
            fill(*f, std::min(order, 2u));
            live[first] = {first, order};
            held += size;
        } else {
            auto it = std::next(live.begin(), static_cast<long>(random() % live.size()));
            heap::free(frame_of(Mfn(it->second.first)), it->second.order, random() % 2);
            held -= u64{1} << it->second.order;
            live.erase(it);
        }
        if (random() % 50 == 0) heap::scrub_some(random() % 40);
        ASSERT_EQ(heap::free_frames() + held, before);
    }
    for (auto& [first, block] : live) heap::free(frame_of(Mfn(first)), block.order, false);
    while (heap::scrub_some(1000)) {}
    EXPECT_EQ(heap::free_frames(), before);
    // Everything merged again: the largest naturally aligned block inside the region is there.
    Frame* large = heap::allocate({.order = 13});
    ASSERT_NE(large, nullptr);
    EXPECT_EQ(mfn_of(*large).raw(), 8192u);
    heap::free(*large, 13, false);
}

TEST_F(Heap, ExhaustionGivesNullAndFreeingHelps) {
    std::vector<Frame*> all;
    while (Frame* f = heap::allocate({})) all.push_back(f);
    EXPECT_EQ(all.size(), heap_end - heap_start);
    EXPECT_EQ(heap::free_frames(), 0u);
    EXPECT_EQ(heap::allocate_bytes(100), nullptr);
    std::set<Frame*> distinct(all.begin(), all.end());
    EXPECT_EQ(distinct.size(), all.size());
    std::shuffle(all.begin(), all.end(), std::mt19937(2));
    for (Frame* f : all) heap::free(*f, 0, true);
    while (heap::scrub_some(64)) {}
    EXPECT_EQ(heap::free_frames(), heap_end - heap_start);
    Frame* large = heap::allocate({.order = 13});
    ASSERT_NE(large, nullptr);
    heap::free(*large, 13, false);
}

TEST_F(Heap, UsedFramesAreFlushedBeforeTheyAreScrubbed) {
    Frame* f = heap::allocate({.order = 4});
    fill(*f, 4);
    heap::free(*f, 4, true);
    const u64 before = fake::flushes;
    while (heap::scrub_some(1000)) {}
    EXPECT_EQ(fake::flushes, before + 1);
}

/// A large dirty block is cleared in bounded pieces; who stops in between loses nothing and comes to an end.
TEST_F(Heap, ClearingALargeBlockCanBeStopped) {
    constexpr unsigned order = 13;
    constexpr u64 pieces = (u64{1} << order) / heap::scrub_piece;
    const u64 before = heap::free_frames();
    static u64 asked;
    for (const bool stops : {true, false}) {
        Frame* dirty = heap::allocate({.order = order});
        ASSERT_NE(dirty, nullptr);
        fill(*dirty, order);
        heap::free(*dirty, order, true);
        asked = 0;
        u64 restarts = 0;
        Result<Frame*> again = fail(Error::Restart);
        while (!again && again.error() == Error::Restart) {
            again = heap::allocate_preemptibly(
                {.order = order}, stops ? +[] { return ++asked != 0; } : +[] { return ++asked == 0; });
            if (again) break;
            EXPECT_EQ(heap::free_frames(), before) << "while it is not allocated it is free";
            ASSERT_LE(++restarts, pieces);
        }
        ASSERT_TRUE(again);
        EXPECT_TRUE(is_zero(**again, order));
        EXPECT_EQ(asked, pieces - 1) << "one look for each piece but the last";
        EXPECT_EQ(restarts, stops ? pieces - 1 : 0);
        heap::free(**again, order, false);
    }
}

TEST_F(Heap, WhatIdleCpusScrubbedNeedsNoMoreWork) {
    while (heap::scrub_some(1000)) {}
    Frame* f = heap::allocate({.order = 5});
    heap::free(*f, 5, true);
    // Not scrubbed yet, and there is clean memory: that is taken, without a flush.
    std::vector<Frame*> taken;
    u64 before = fake::flushes;
    Frame* clean = heap::allocate({.order = 10});
    EXPECT_EQ(fake::flushes, before);
    EXPECT_TRUE(is_zero(*clean, 10));
    heap::free(*clean, 10, false);
    u64 calls = 0;
    while (heap::scrub_some(16)) ASSERT_LE(++calls, (1024 + 32) / 16 + 2);
    before = fake::flushes;
    while (Frame* any = heap::allocate({.order = 9})) taken.push_back(any);
    EXPECT_EQ(fake::flushes, before);
    for (Frame* any : taken) {
        EXPECT_TRUE(is_zero(*any, 9));
        heap::free(*any, 9, false);
    }
}

TEST_F(Heap, RunsOfFramesComeBackWhole) {
    const u64 before = heap::free_frames();
    Frame* f = heap::allocate({.order = 8});
    heap::free_run(*f, 3, true);
    heap::free_run(f[3], 250, true);
    heap::free_run(f[253], 3, false);
    EXPECT_EQ(heap::free_frames(), before);
    while (heap::scrub_some(1000)) {}
    Frame* large = heap::allocate({.order = 13});
    ASSERT_NE(large, nullptr);
    heap::free(*large, 13, false);
}

TEST_F(Heap, NoAllocationFailsBecauseOthersScrub) {
    constexpr unsigned order = 10;
    Frame* const large = heap::allocate({.order = order});
    ASSERT_NE(large, nullptr);
    std::vector<Frame*> others;
    while (Frame* f = heap::allocate({})) others.push_back(f);
    heap::free(*large, order, false);
    std::atomic<bool> is_over{false};
    std::thread idle([&] {
        while (!is_over)
            if (!heap::scrub_some(4)) std::this_thread::yield();
    });
    unsigned failed = 0;
    for (int round = 0; round < 300; ++round) {
        // All there is: while some of it is being scrubbed, that is waited for.
        Frame* f = heap::allocate({.order = order});
        failed += f == nullptr;
        if (!f) continue;
        EXPECT_EQ(heap::free_frames(), 0u);
        heap::free_run(*f, 64, true);
        heap::free_run(f[64], (1u << order) - 64, true);
    }
    is_over = true;
    idle.join();
    EXPECT_EQ(failed, 0u);
    EXPECT_EQ(heap::free_frames(), u64{1} << order);
    for (Frame* f : others) heap::free(*f, 0, false);
}

TEST_F(Heap, ClaimsKeepFramesForTheirOwner) {
    const u64 free = heap::free_frames();
    ASSERT_TRUE(heap::change_claim(0, free - 2));
    EXPECT_FALSE(heap::change_claim(0, 3));
    EXPECT_EQ(heap::outstanding_claims(), free - 2);
    EXPECT_EQ(heap::allocate({.order = 2}), nullptr);
    Frame* f = heap::allocate({.order = 2, .claim = free - 2});
    ASSERT_NE(f, nullptr);
    ASSERT_TRUE(heap::change_claim(free - 2, 0));
    EXPECT_EQ(heap::outstanding_claims(), 0u);
    heap::free(*f, 2, false);
}

TEST_F(Heap, RefusesImpossibleRequests) {
    EXPECT_EQ(heap::allocate({.order = heap::max_order + 1}), nullptr);
    EXPECT_EQ(heap::allocate({.order = 0, .address_bits = 12}), nullptr);
    EXPECT_EQ(heap::allocate({.order = heap::max_order}), nullptr);
    EXPECT_EQ(heap::allocate_bytes(~std::size_t{0}), nullptr);
}

TEST_F(Heap, SmallObjectsAreZeroedAlignedAndDistinct) {
    std::mt19937 random(3);
    const u64 before = heap::free_frames();
    std::map<char*, std::size_t> live;
    for (int step = 0; step < 20000; ++step) {
        if (random() % 2 == 0 || live.empty()) {
            const std::size_t size = random() % 16 == 0 ? random() % 9000 + 1 : random() % 600 + 1;
            char* p = static_cast<char*>(heap::allocate_bytes(size));
            ASSERT_NE(p, nullptr);
            ASSERT_EQ(reinterpret_cast<u64>(p) % 16, 0u);
            if (std::has_single_bit(size) && size <= page_size) ASSERT_EQ(reinterpret_cast<u64>(p) % size, 0u);
            ASSERT_TRUE(std::all_of(p, p + size, [](char c) { return c == 0; }));
            std::memset(p, 0x5a, size);
            auto after = live.lower_bound(p);
            if (after != live.end()) ASSERT_LE(p + size, after->first);
            if (after != live.begin()) {
                --after;
                ASSERT_LE(after->first + after->second, p);
            }
            live[p] = size;
        } else {
            auto it = std::next(live.begin(), static_cast<long>(random() % live.size()));
            heap::free_bytes(it->first);
            live.erase(it);
        }
    }
    for (auto& [p, size] : live) heap::free_bytes(p);
    EXPECT_EQ(heap::free_frames(), before); // no page is kept
}

} // namespace
