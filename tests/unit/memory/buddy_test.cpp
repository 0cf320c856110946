// SPDX-License-Identifier: Apache-2.0
// Properties of the free lists, against a map of which frames are free and dirty: no frame is lost or given out twice,
// what is called clean is clean, clean blocks go first, and scrubbing ends.
#include "memory/buddy.hpp"

#include "memory/fake_memory.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <memory>
#include <random>
#include <vector>

using namespace px;
using heap::Buddies;
using heap::Contents;
using heap::FreeBlock;

namespace {

constexpr u64 start = 64, frames = 6000;
enum class Place : u8 { Outside, Free, Lent };

/// The free lists beside what they should hold.
struct Model : testing::Test {
    std::unique_ptr<Buddies> lists = std::make_unique<Buddies>();
    std::vector<Place> place = std::vector<Place>(start + frames, Place::Outside);
    std::mt19937 random{7};

    Model() { fake::reset_frame_table(); }

    static bool is_dirty(u64 mfn) { return (frame_of(Mfn(mfn)).flags & frame_flag::dirty) != 0; }
    [[nodiscard]] u64 count(Place wanted) const {
        return static_cast<u64>(std::count(place.begin(), place.end(), wanted));
    }
    [[nodiscard]] u64 dirty_free() const {
        u64 sum = 0;
        for (u64 mfn = 0; mfn < place.size(); ++mfn) sum += place[mfn] == Place::Free && is_dirty(mfn);
        return sum;
    }
    /// Whether a listed block of clean frames could serve the order.
    [[nodiscard]] bool has_clean_block(unsigned order) const {
        for (u64 mfn = start; mfn < place.size(); ++mfn) {
            const Frame& f = frame_of(Mfn(mfn));
            const bool is_clean_head = (f.flags & frame_flag::free) != 0 && (f.flags & frame_flag::contents_mask) == 0;
            if (place[mfn] == Place::Free && is_clean_head && f.order >= order) return true;
        }
        return false;
    }
    /// A block left the lists: it was all there, and the frames before dirty_from, or all of a clean one, are clean.
    void check_taken(const FreeBlock& block, Place now) {
        const u64 first = mfn_of(*block.first).raw();
        ASSERT_EQ(first % block.size(), 0u);
        ASSERT_EQ(block.contents == Contents::Clean, block.dirty_from == block.size());
        for (u64 i = 0; i < block.size(); ++i) {
            ASSERT_EQ(place[first + i], Place::Free);
            if (i < block.dirty_from) ASSERT_FALSE(is_dirty(first + i)) << i << " of order " << block.order;
            place[first + i] = now;
        }
    }
    void put(u64 mfn, unsigned order, bool dirty, Contents contents) {
        for (u64 i = 0; i < u64{1} << order; ++i) {
            Frame& f = frame_of(Mfn(mfn + i));
            f.flags = dirty ? frame_flag::dirty : u8{0};
            f.state = FrameState::free;
            place[mfn + i] = Place::Free;
        }
        lists->put({&frame_of(Mfn(mfn)), order, dirty ? contents : Contents::Clean, dirty ? 0 : u64{1} << order});
    }
    void add_all(bool dirty, Contents contents) {
        for (u64 mfn = start; mfn + 32 <= start + frames; mfn += 32) put(mfn, 5, dirty, contents);
    }
    /// What an idle CPU does, `limit` dirty frames at a time. False: nothing to do.
    bool scrub(u64 limit, bool boot) {
        FreeBlock block = lists->lend_dirty(boot);
        if (!block.first) return false;
        EXPECT_LE(block.order, Buddies::max_mixed_order);
        EXPECT_NE(block.contents, Contents::Clean);
        check_taken(block, Place::Lent);
        EXPECT_EQ(lists->free_frames(), count(Place::Free) + count(Place::Lent));
        u64 i = block.dirty_from;
        for (; i < block.size() && limit > 0; ++i) {
            limit -= (block.first[i].flags & frame_flag::dirty) != 0;
            block.first[i].flags = 0;
        }
        block.clean_up_to(i);
        for (u64 k = 0; k < block.size(); ++k) place[mfn_of(*block.first).raw() + k] = Place::Free;
        lists->take_back(block);
        return true;
    }
};

struct Taken {
    u64 mfn;
    unsigned order;
};

TEST_F(Model, NothingIsLostAndCleanIsClean) {
    add_all(true, Contents::Boot);
    std::vector<Taken> taken;
    for (int step = 0; step < 30000; ++step) {
        const unsigned action = random() % 8;
        if (action < 3) {
            const unsigned order = random() % 16 == 0 ? random() % 11 : random() % 3;
            const bool expect_clean = step % 16 == 0 && has_clean_block(order);
            const FreeBlock block = lists->take(order, 64);
            if (!block.first) continue;
            ASSERT_EQ(block.order, order);
            if (expect_clean) ASSERT_EQ(block.contents, Contents::Clean) << "step " << step;
            check_taken(block, Place::Outside);
            taken.push_back({mfn_of(*block.first).raw(), order});
        } else if (action < 6 && !taken.empty()) {
            std::swap(taken[random() % taken.size()], taken.back());
            put(taken.back().mfn, taken.back().order, random() % 4 != 0, Contents::Freed);
            taken.pop_back();
        } else if (action == 6) {
            scrub(random() % 40, random() % 2);
        }
        if (testing::Test::HasFatalFailure()) return;
        if (step % 64 == 0) ASSERT_EQ(lists->free_frames(), count(Place::Free));
    }
    for (const Taken& t : taken) put(t.mfn, t.order, true, Contents::Freed);
    EXPECT_EQ(lists->free_frames(), count(Place::Free));
    while (scrub(16, true)) {}
    // All is clean and merged: the largest aligned block is there.
    EXPECT_EQ(dirty_free(), 0u);
    const FreeBlock large = lists->take(11, 64);
    ASSERT_NE(large.first, nullptr);
    EXPECT_EQ(large.contents, Contents::Clean);
}

TEST_F(Model, ScrubbingEndsInBoundedSteps) {
    constexpr u64 limit = 16;
    add_all(false, Contents::Clean);
    std::vector<u64> held;
    while (lists->free_frames() != 0) {
        const FreeBlock block = lists->take(0, 64);
        check_taken(block, Place::Outside);
        held.push_back(mfn_of(*block.first).raw());
    }
    std::shuffle(held.begin(), held.end(), random);
    for (const u64 mfn : held) put(mfn, 0, random() % 3 == 0, Contents::Freed);
    const u64 dirty = dirty_free();
    // A step clears `limit` frames or comes to the end of a block; blocks that are not clean become fewer with each
    // end.
    u64 steps = 0;
    while (scrub(limit, false)) ASSERT_LE(++steps, dirty / limit + frames / 32);
    EXPECT_EQ(dirty_free(), 0u);
}

TEST_F(Model, OneDirtyFrameDoesNotSpoilLargeBlocks) {
    add_all(false, Contents::Clean);
    // In the block of 2048 frames from 2048 on, which is a zone.
    constexpr unsigned below_4096_frames = 12 + page_shift;
    const FreeBlock one = lists->take(0, below_4096_frames);
    ASSERT_EQ(mfn_of(*one.first).raw(), 2048u);
    check_taken(one, Place::Outside);
    put(2048, 0, true, Contents::Freed);
    const FreeBlock large = lists->take(Buddies::max_mixed_order, below_4096_frames);
    ASSERT_NE(large.first, nullptr);
    EXPECT_EQ(large.contents, Contents::Clean);
    check_taken(large, Place::Outside);
}

TEST_F(Model, MemoryAsItWasAtBootIsLeftAloneUnlessAskedFor) {
    add_all(true, Contents::Boot);
    EXPECT_FALSE(scrub(16, false));
    const u64 dirty = dirty_free();
    EXPECT_TRUE(scrub(16, true));
    EXPECT_EQ(dirty_free(), dirty - 16);
}

TEST_F(Model, DirtyMemoryServesWhenNothingElseIsThere) {
    put(start, 3, true, Contents::Freed);
    put(start + 8, 3, false, Contents::Clean);
    // Only both halves together are large enough.
    const FreeBlock block = lists->take(4, 64);
    ASSERT_NE(block.first, nullptr);
    EXPECT_EQ(block.contents, Contents::Freed);
    EXPECT_EQ(block.dirty_from, 0u);
}

} // namespace
