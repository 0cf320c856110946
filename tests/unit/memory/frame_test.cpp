// SPDX-License-Identifier: Apache-2.0
// Reference counts of frames: owners, types, overflow, the last reference; and races between threads.
#include "memory/frame.hpp"

#include "abi/types.hpp"
#include "memory/fake_memory.hpp"
#include "memory/heap.hpp"
#include "memory/tlb.hpp"

#include <gtest/gtest.h>
#include <random>
#include <thread>

using namespace px;

namespace {

constexpr DomId owner(5), other(6);
constexpr u64 mfn = 30000;

/// A small heap: freed frames come back soon, which is what stale compare-and-swaps must survive.
struct SmallHeap : testing::Environment {
    void SetUp() override { heap::add_region(Mfn(100), Mfn(106)); }
};
[[maybe_unused]] auto* const environment = testing::AddGlobalTestEnvironment(new SmallHeap);

TEST(Frame, PlainReferencesNeedTheOwner) {
    Frame& f = fake::owned_frame(mfn, owner.raw());
    EXPECT_FALSE(acquire_frame(f, other));
    ASSERT_TRUE(acquire_frame(f, owner));
    ASSERT_TRUE(acquire_frame(f));
    EXPECT_EQ(f.load().count(), 2u);
    release_frame(f);
    release_frame(f);
    EXPECT_EQ(f.load().word, FrameState::allocated);
}

TEST(Frame, TheLastReferenceFreesIt) {
    Frame& f = fake::owned_frame(mfn, owner.raw());
    const u64 free = heap::free_frames(), left = fake::frames_left;
    ASSERT_TRUE(acquire_frame(f, owner));
    ASSERT_TRUE(acquire_writable(f, owner));
    EXPECT_TRUE(give_up_frame(f));
    EXPECT_FALSE(give_up_frame(f));
    release_frame(f);
    EXPECT_EQ(f.owner, owner.raw());
    EXPECT_EQ(heap::free_frames(), free);
    release_writable(f);
    EXPECT_EQ(f.owner, owner_free);
    EXPECT_EQ(heap::free_frames(), free + 1);
    EXPECT_EQ(fake::frames_left, left); // nobody is current, and the domain is not on the (empty) list
    EXPECT_FALSE(acquire_frame(f));
    EXPECT_FALSE(acquire_frame(f, DomId(owner_free)));
    EXPECT_FALSE(acquire_writable(f, DomId(owner_free)));
    EXPECT_FALSE(give_up_frame(f));
    while (heap::scrub_some(1)) {}
    ASSERT_EQ(heap::allocate({}), &f); // all are clean now: the highest
    EXPECT_FALSE(acquire_frame(f));    // the hypervisor's own
}

TEST(Frame, TakenBackByItsOwnerUnlessSomebodyHoldsIt) {
    Frame& f = fake::owned_frame(mfn, owner.raw());
    EXPECT_FALSE(take_back_frame(f, other));
    EXPECT_EQ(f.load().word, FrameState::allocated);
    ASSERT_TRUE(take_back_frame(f, owner));
    EXPECT_FALSE(f.load().is_referenced());
    EXPECT_FALSE(take_back_frame(f, owner));

    fake::owned_frame(mfn, owner.raw());
    ASSERT_TRUE(acquire_writable(f, owner));
    EXPECT_FALSE(take_back_frame(f, owner)); // a mapping is left
    EXPECT_FALSE(f.load().has(FrameState::allocated));
    const u64 free = heap::free_frames();
    release_writable(f); // frees it
    EXPECT_EQ(heap::free_frames(), free + 1);
    while (heap::scrub_some(1)) {}
    ASSERT_EQ(heap::allocate({}), &f);

    fake::owned_frame(mfn, owner.raw());
    f.state = FrameState::hypervisor | FrameState::allocated;
    EXPECT_FALSE(take_back_frame(f, owner));
    EXPECT_EQ(f.load().word, FrameState::hypervisor | FrameState::allocated);
}

TEST(Frame, CountersDoNotOverflow) {
    Frame& f = fake::owned_frame(mfn, owner.raw());
    f.state = FrameState::allocated | FrameState::count_mask;
    EXPECT_FALSE(acquire_frame(f));
    EXPECT_FALSE(acquire_frame(f, owner));
    EXPECT_EQ(f.load().word, FrameState::allocated | FrameState::count_mask);
    f.state = FrameState::allocated | FrameState::validated | FrameState::type_count_mask |
              u64{static_cast<u64>(FrameType::Writable)} << FrameState::type_shift;
    const u64 word = f.state;
    EXPECT_FALSE(acquire_writable(f, owner));
    EXPECT_EQ(f.state, word);
}

TEST(Frame, OneTypeAtATimeAndFlushOnChange) {
    Frame& f = fake::owned_frame(mfn, owner.raw());
    const u64 table = static_cast<u64>(FrameType::PageTable2) << FrameState::type_shift;
    f.state = FrameState::allocated | table | FrameState::type_count_one | FrameState::validated;
    EXPECT_FALSE(acquire_writable(f, owner));
    release_writable(f);
    const u64 before = fake::flushes;
    ASSERT_TRUE(acquire_writable(f, owner)); // was a page table
    EXPECT_EQ(fake::flushes, before + 1);
    EXPECT_TRUE(f.load().has(FrameState::validated));
    release_writable(f);
    ASSERT_TRUE(acquire_writable(f, owner)); // was writable
    EXPECT_EQ(fake::flushes, before + 1);
    release_writable(f);
}

/// Another CPU flushes, maps the frame, writes to it and unmaps it while the last reference goes: its translation is
/// younger than the stamp that was taken before.
TEST(Frame, TheStampIsOfTheLastUseWhoeverDropsItLast) {
    static Frame* f;
    static u32 end_of_use;
    f = &fake::owned_frame(mfn, owner.raw());
    ASSERT_TRUE(acquire_writable(*f, owner));
    fake::after_stamp = [] {
        tlb::flush_older(0); // the clock ticks
        ASSERT_TRUE(acquire_writable(*f, owner));
        release_writable(*f);
        end_of_use = tlb::now();
    };
    release_writable(*f);
    EXPECT_EQ(f->load().type_count(), 0u);
    EXPECT_EQ(f->aux, end_of_use);
}

TEST(Frame, PagesOfTheHypervisorStayUntilBothAreDone) {
    Frame* f = heap::allocate({});
    ASSERT_NE(f, nullptr);
    f->owner = owner.raw();
    f->state = FrameState::hypervisor | FrameState::allocated;
    ASSERT_TRUE(acquire_writable(*f, owner));
    EXPECT_FALSE(give_up_frame(*f)); // not by decrease_reservation
    unshare_frame(*f);
    // The next domain with that number gets none of it.
    EXPECT_EQ(f->owner, abi::domid_xen);
    EXPECT_FALSE(acquire_frame(*f, owner));
    EXPECT_FALSE(acquire_writable(*f, owner));
    release_writable(*f);
    EXPECT_EQ(f->owner, owner_free);
}

TEST(Frame, PagesOfTheHypervisorAreWithdrawnOnlyUnused) {
    Frame* f = heap::allocate({});
    ASSERT_NE(f, nullptr);
    f->owner = owner.raw();
    f->state = FrameState::hypervisor | FrameState::allocated;
    ASSERT_TRUE(acquire_writable(*f, owner));
    EXPECT_FALSE(withdraw_frame(*f));
    release_writable(*f);
    ASSERT_TRUE(acquire_frame(*f, owner));
    EXPECT_FALSE(withdraw_frame(*f));
    release_frame(*f);
    EXPECT_TRUE(withdraw_frame(*f));
    EXPECT_FALSE(withdraw_frame(*f)); // once
    EXPECT_FALSE(acquire_frame(*f, owner));
    EXPECT_FALSE(acquire_writable(*f, owner));
    heap::free(*f, 0, true);
}

/// Threads take and drop references of all kinds while the owner gives frames up and gets them back.
TEST(Frame, RacesKeepTheCounts) {
    static std::atomic<bool> stop;
    static Frame* frames[4];
    stop = false;
    for (auto& f : frames) {
        f = heap::allocate({});
        f->owner = owner.raw();
        f->state.store(FrameState::allocated, std::memory_order_release);
    }
    const auto user = [](unsigned seed) {
        std::mt19937 random(seed);
        fake_cpu = seed % 16;
        while (!stop) {
            Frame& f = *frames[random() % 4];
            const bool writable = random() % 2;
            if (writable ? acquire_writable(f, owner) : acquire_frame(f, owner)) {
                EXPECT_EQ(f.owner, owner.raw()); // it cannot change while we hold it
                writable ? release_writable(f) : release_frame(f);
            }
        }
    };
    std::thread threads[] = {std::thread(user, 1), std::thread(user, 2), std::thread(user, 3)};
    std::mt19937 random(9);
    std::vector<Frame*> given_up;
    for (int i = 0; i < 20000; ++i) {
        Frame& f = *frames[random() % 4];
        // Given up, freed, and owned by somebody else or by the owner again.
        if (f.owner == owner.raw() && give_up_frame(f)) given_up.push_back(&f);
        for (Frame* again : given_up) {
            if (again->owner != owner_free) continue;
            Frame* fresh = heap::allocate({});
            if (fresh) {
                fresh->owner = random() % 4 == 0 ? other.raw() : owner.raw();
                fresh->state.store(FrameState::allocated, std::memory_order_release);
                if (fresh->owner == other.raw()) give_up_frame(*fresh);
            }
            break;
        }
    }
    stop = true;
    for (auto& t : threads) t.join();
    for (Frame* f : frames) {
        const FrameState s = f->load();
        if (s.has(FrameState::free)) continue;
        EXPECT_EQ(s.count(), 0u);
        EXPECT_EQ(s.type_count(), 0u);
    }
}

} // namespace
