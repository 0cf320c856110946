// SPDX-License-Identifier: Apache-2.0
// Page-type rules against the model: random operations of a hostile guest, preempted at random, and single cases.
#include "x86/pv/paging/mmu_end.hpp"

#include "abi/types.hpp"
#include "domain/rangeset.hpp"
#include "memory/heap.hpp"
#include "paging/model.hpp"

#include <gtest/gtest.h>
#include <random>
#include <thread>

using namespace px;
using pv::AccessBits;
using pv::PageBits;
using pv::PageEntry;
namespace page = x86::page;

namespace {

constexpr u64 device_frame = 50000, hypervisor_frame = 50001, foreign_frame = 50002, forbidden_device = 50003;

struct Types : testing::Test {
    static constexpr unsigned frame_count = 28;
    fake::Guest guest{7, 2};
    RangeSet devices;
    model::Roots roots;
    std::vector<Frame*> frames;

    void SetUp() override {
        if (heap::total_frames() == 0) heap::add_region(Mfn(1000), Mfn(1000 + 64));
        (void)fake::owned_frame(foreign_frame, 8);
        frame_of(Mfn(device_frame)).owner = abi::domid_io;
        frame_of(Mfn(forbidden_device)).owner = abi::domid_io;
        ASSERT_TRUE(devices.add(device_frame, device_frame));
        guest.domain.io_memory = &devices;
        for (unsigned i = 0; i < frame_count; ++i) frames.push_back(&guest.give_frame());
        fake::set_preempted(false);
    }
    void TearDown() override {
        fake::set_preempted(false);
        for (u64 m : roots.writable) release_writable(frame_of(Mfn(m)));
        for (u64 m : roots.plain) release_frame(frame_of(Mfn(m)));
        roots.writable.clear();
        roots.plain.clear();
        guest.domain.relinquish_position = 0;
        ASSERT_TRUE(pv::release_page_tables(guest.domain));
        roots.pins.clear();
        model::check(guest, roots, frames);
        const u64 before = heap::free_frames();
        for (Frame* f : frames) EXPECT_TRUE(give_up_frame(*f));
        EXPECT_EQ(heap::free_frames(), before + frames.size());
    }

    u64 mfn(unsigned i) const { return mfn_of(*frames[i]).raw(); }
    u64* words(unsigned i) const { return to_virtual<u64>(*frames[i]); }
    static u64 entry(u64 mfn, PageBits bits) { return PageEntry(Mfn(mfn), bits).raw(); }
    static u64 entry(u64 mfn, u64 bits) { return entry(mfn, PageBits(bits)); }

    Result<> pin(unsigned i, unsigned level, unsigned vcpu = 0) {
        Guard guard(guest.domain.page_table_lock);
        const auto r = pv::pin_table(*frames[i], guest.domain, level, guest.vcpu(vcpu).table_hold);
        if (r) roots.pins[mfn(i)] = level;
        return r;
    }
    Result<> unpin(unsigned i, unsigned vcpu = 0) {
        Guard guard(guest.domain.page_table_lock);
        const auto r = pv::unpin_table(*frames[i], guest.domain, guest.vcpu(vcpu).table_hold);
        if (r) roots.pins.erase(mfn(i));
        return r;
    }
    Result<> write(u64 target, unsigned index, u64 value, unsigned vcpu = 0) {
        Guard guard(guest.domain.page_table_lock);
        return pv::update_machine_word(Paddr(target * page_size + index * 8), value, guest.domain, guest.domain,
                                       index % 2 ? AccessBits::Preserve : AccessBits::Overwrite,
                                       guest.vcpu(vcpu).table_hold);
    }
    Result<> base(unsigned i, bool user, unsigned vcpu = 0) PX_NO_THREAD_SAFETY {
        Guard guard(guest.domain.page_table_lock);
        return user ? pv::set_user_table(guest.vcpu(vcpu), Mfn(mfn(i)))
                    : pv::set_kernel_table(guest.vcpu(vcpu), Mfn(mfn(i)));
    }
    bool holds_are_empty() { return !guest.vcpu(0).table_hold.frame && !guest.vcpu(1).table_hold.frame; }
    /// Frames 0 to 3 as a tree of levels 4 to 1 that maps frame 4 writable and frame 0 to 3 read-only.
    void build_tree() {
        words(0)[3] = entry(mfn(1), 7);
        words(1)[0] = entry(mfn(2), 7);
        words(2)[511] = entry(mfn(3), 7);
        words(3)[0] = entry(mfn(4), 7);
        for (unsigned i = 0; i < 4; ++i) words(3)[i + 1] = entry(mfn(i), 5);
    }
};

TEST_F(Types, ATreeIsCheckedAndReleased) {
    build_tree();
    ASSERT_TRUE(pin(0, 4));
    EXPECT_TRUE(pv::is_table(*frames[3], 1));
    EXPECT_EQ(frames[4]->load().type(), FrameType::Writable);
    EXPECT_FALSE(acquire_writable(*frames[2], guest.domain.id));
    model::check(guest, roots, frames);
    EXPECT_EQ(pin(0, 4).error(), Error::Invalid); // double pin
    ASSERT_TRUE(unpin(0));
    EXPECT_EQ(unpin(0).error(), Error::Invalid);
    model::check(guest, roots, frames);
    EXPECT_TRUE(acquire_writable(*frames[2], guest.domain.id));
    release_writable(*frames[2]);
}

TEST_F(Types, NoWritableMappingOfATable) {
    build_tree();
    words(3)[9] = entry(mfn(2), 7);
    EXPECT_FALSE(pin(0, 4));
    EXPECT_TRUE(holds_are_empty());
    model::check(guest, roots, frames);
    words(3)[9] = entry(mfn(3), 7); // of itself
    EXPECT_FALSE(pin(3, 1));
    words(3)[9] = 0;
    ASSERT_TRUE(pin(0, 4));
    EXPECT_FALSE(write(mfn(3), 8, entry(mfn(1), 7)));
    EXPECT_TRUE(write(mfn(3), 8, entry(mfn(1), 5)));
    EXPECT_FALSE(write(mfn(3), 8, entry(mfn(1), 7))); // the flag alone
}

TEST_F(Types, RefusesWhatIsNotTheGuests) {
    ASSERT_TRUE(pin(0, 1));
    for (u64 target : {hypervisor_frame, foreign_frame, forbidden_device, u64{fake::machine_frames}, u64{1} << 39}) {
        EXPECT_FALSE(write(mfn(0), 0, entry(target, 5))) << target;
        EXPECT_FALSE(write(mfn(0), 0, entry(target, 7))) << target;
    }
    EXPECT_TRUE(write(mfn(0), 0, entry(device_frame, 7)));
    EXPECT_FALSE(write(foreign_frame, 0, 0));
    EXPECT_FALSE(write(hypervisor_frame, 0, 0));
    EXPECT_FALSE(write(fake::machine_frames, 0, 0));
    Guard guard(guest.domain.page_table_lock);
    EXPECT_FALSE(pv::pin_table(frame_of(Mfn(foreign_frame)), guest.domain, 1, guest.vcpu(0).table_hold));
    EXPECT_FALSE(pv::update_machine_word(Paddr(mfn(0) * page_size + 4), 0, guest.domain, guest.domain,
                                         AccessBits::Overwrite, guest.vcpu(0).table_hold));
}

TEST_F(Types, TheHypervisorsSlotsStayItsOwn) {
    words(0)[256] = entry(mfn(1), 7);
    ASSERT_TRUE(pin(0, 4));
    EXPECT_EQ(words(0)[256], ~u64{0});
    for (unsigned slot = 256; slot < 272; ++slot) EXPECT_EQ(write(mfn(0), slot, 0).error(), Error::Perm);
    EXPECT_EQ(words(0)[271], ~u64{0});
    ASSERT_TRUE(unpin(0));
    EXPECT_EQ(words(0)[260], 0u);
}

TEST_F(Types, LinearTopLevelTablesAreTheHardwareDomains) {
    words(0)[5] = entry(mfn(0), 5);
    EXPECT_FALSE(pin(0, 4));
    words(0)[5] = 0;
    ASSERT_TRUE(pin(0, 4));
    EXPECT_FALSE(write(mfn(0), 5, entry(mfn(0), 5)));
    model::check(guest, roots, frames);
}

TEST_F(Types, LinearTablesAreOnlyForReading) {
    guest.domain.is_hardware_domain = true;
    words(0)[5] = entry(mfn(0), 5);
    ASSERT_TRUE(pin(0, 4));
    EXPECT_FALSE(write(mfn(0), 6, entry(mfn(0), 7)));
    EXPECT_FALSE(write(mfn(0), 5, entry(mfn(0), 7)));
    EXPECT_TRUE(write(mfn(0), 6, entry(mfn(0), 5)));
    model::check(guest, roots, frames);
    Guard guard(guest.domain.page_table_lock);
    // A walk through it would meet the hypervisor's slots.
    EXPECT_EQ(pv::find_l1_entry(guest.domain, Mfn(mfn(0)), GuestVaddr(u64{5} << 39 | u64{5} << 30 | u64{5} << 21)),
              nullptr);
}

TEST_F(Types, SuperpagesAndCacheBitsAreRefusedInTables) {
    ASSERT_TRUE(pin(0, 2));
    for (const auto bit : {page::large, page::global, page::write_through, page::cache_disable})
        EXPECT_FALSE(write(mfn(0), 0, entry(mfn(1), PageBits(7) | bit)));
    EXPECT_TRUE(write(mfn(0), 0, entry(mfn(1), 7)));
}

TEST_F(Types, CountersDoNotOverflow) {
    ASSERT_TRUE(pin(0, 1));
    frames[0]->state.fetch_or(FrameState::type_count_mask);
    ASSERT_TRUE(pin(1, 2));
    EXPECT_FALSE(write(mfn(1), 0, entry(mfn(0), 7)));
    frames[0]->state.fetch_and(~FrameState::type_count_mask);
    frames[0]->state.fetch_add(FrameState::type_count_one);
}

TEST_F(Types, PreemptionEndsAndOthersMayFinish) {
    for (unsigned i = 1; i <= 20; ++i) words(0)[i] = entry(mfn(i), 7);
    fake::set_preempted(true);
    unsigned rounds = 0;
    while (true) {
        const auto r = pin(0, 2);
        model::check(guest, roots, frames);
        if (r) break;
        ASSERT_EQ(r.error(), Error::Restart);
        ASSERT_LT(++rounds, 100u);
    }
    EXPECT_EQ(rounds, 20u);
    ASSERT_TRUE(unpin(0)); // what is left is in the hold
    EXPECT_FALSE(holds_are_empty());
    model::check(guest, roots, frames);
    fake::set_preempted(false);
    ASSERT_TRUE(pin(0, 2, 1)); // another vCPU takes it meanwhile
    model::check(guest, roots, frames);
    Guard guard(guest.domain.page_table_lock);
    ASSERT_TRUE(pv::settle(guest.domain, guest.vcpu(0).table_hold));
    model::check(guest, roots, frames);
}

/// An update that finds a release of its vCPU unfinished finishes that first. That may drop the very table it was to
/// change: then the word is data, and what the entry held is held no more.
TEST_F(Types, AnUpdateJudgesTheTableAfterTheReleaseThatItFinishes) {
    for (unsigned i = 1; i <= 4; ++i) words(0)[i] = entry(mfn(i), 7); // level 3; 1 to 4 are of level 2
    words(1)[0] = entry(mfn(5), 7);
    words(5)[0] = entry(mfn(6), 7);
    for (const u64 value : {u64{0}, entry(mfn(7), 7), entry(mfn(5), 5)}) {
        words(1)[0] = entry(mfn(5), 7);
        fake::set_preempted(false);
        ASSERT_TRUE(pin(0, 3));
        fake::set_preempted(true);
        ASSERT_TRUE(unpin(0));
        ASSERT_FALSE(holds_are_empty());
        ASSERT_TRUE(pv::is_table(*frames[1], 2)); // by the entry of the table in the hold
        fake::set_preempted(false);
        EXPECT_TRUE(write(mfn(1), 0, value));
        EXPECT_TRUE(holds_are_empty());
        EXPECT_FALSE(pv::is_table(*frames[1]));
        EXPECT_EQ(words(1)[0], value);
        model::check(guest, roots, frames);
    }
}

/// What a failed check leaves behind is released before the caller hears of it, by as many steps as it takes.
TEST_F(Types, AFailedCallEndsWithNothingHeld) {
    for (unsigned i = 1; i <= 20; ++i) words(0)[i] = entry(mfn(i), 7);
    words(0)[21] = entry(mfn(0), PageBits(7) | page::large);
    const auto bad_pin = pin(0, 2);
    EXPECT_EQ(bad_pin.error(), Error::Invalid);
    EXPECT_TRUE(holds_are_empty());
    fake::set_preempted(true);
    Result<> result = fail(Error::Restart);
    for (unsigned rounds = 0; !result && result.error() == Error::Restart; ++rounds) {
        ASSERT_LT(rounds, 100u);
        result = pin(0, 2);
    }
    EXPECT_EQ(result.error(), Error::Invalid);
    ASSERT_FALSE(holds_are_empty());
    pv::TableHold& hold = guest.vcpu(0).table_hold;
    hypercall::Call call{{0x1234000, 3, 0, 0x7ff0}};
    hypercall::Outcome outcome = pv::end(call, result, hold);
    unsigned steps = 0;
    while (outcome.is_restart) {
        ASSERT_TRUE(pv::is_ending(call));
        ASSERT_LT(++steps, 100u);
        model::check(guest, roots, frames);
        outcome = pv::go_on_ending(call, hold);
    }
    EXPECT_GT(steps, 1u);
    EXPECT_EQ(outcome.value, to_hypercall(Error::Invalid));
    EXPECT_TRUE(holds_are_empty());
    model::check(guest, roots, frames);
    EXPECT_FALSE(pv::is_ending(hypercall::Call{{0x1234000, 3, 0, 0x7ff0}}));
    // A guest that makes such a call by itself gets what it asks for, and nothing else.
    EXPECT_EQ(pv::go_on_ending(hypercall::Call{{~u64{0}, abi::mmu_update_preempted}}, hold).value, -4095);
    fake::set_preempted(false);
}

/// Grants and hypercalls take writable references without the lock, while the guest makes tables of the same frames.
TEST_F(Types, TablesAndWritersExcludeEachOtherInRaces) {
    static std::atomic<bool> stop;
    static std::atomic<int> writers[2];
    stop = false;
    words(2)[0] = entry(mfn(0), 7);
    const auto writer = [this](unsigned seed) {
        std::mt19937 numbers(seed);
        fake_cpu = seed;
        while (!stop) {
            const unsigned i = numbers() % 2;
            if (!acquire_writable(*frames[i], guest.domain.id)) continue;
            ++writers[i];
            EXPECT_FALSE(pv::is_table(*frames[i]));
            --writers[i];
            release_writable(*frames[i]);
        }
    };
    std::thread threads[] = {std::thread(writer, 1), std::thread(writer, 2)};
    unsigned made = 0;
    for (int n = 0; n < 4000; ++n) {
        const unsigned i = n % 3; // the third is a table that points to the first
        const auto r = pin(i, i == 2 ? 2 : 1);
        if (!r) continue;
        ++made;
        EXPECT_EQ(writers[i == 2 ? 0 : i], 0);
        ASSERT_TRUE(unpin(i));
    }
    stop = true;
    for (auto& t : threads) t.join();
    EXPECT_GT(made, 0u);
}

/// A guest that does anything at random.
class Chaos : public Types, public testing::WithParamInterface<unsigned> {
  protected:
    std::mt19937 random{GetParam()};
    static constexpr unsigned slots[] = {0, 1, 2, 255, 256, 271, 272, 511};

    unsigned pick(unsigned n) { return static_cast<unsigned>(random() % n); }
    u64 any_frame() {
        switch (pick(24)) {
        case 0: return device_frame;
        case 1: return hypervisor_frame;
        case 2: return foreign_frame;
        case 3: return forbidden_device;
        case 4: return fake::machine_frames + pick(3);
        case 5: return u64{1} << 39;
        default: return mfn(pick(frame_count));
        }
    }
    /// Of every other guest most frames are used as tables of one level each: its trees grow so deep that releases are
    /// interrupted in the middle.
    const bool grows_trees = GetParam() % 2 == 0;
    unsigned usual_level(unsigned frame) { return grows_trees && pick(8) != 0 ? 1 + frame % 4 : 1 + pick(4); }
    u64 any_entry(unsigned level) {
        if (pick(5) == 0) return 0;
        if (grows_trees && pick(8) != 0)
            return level > 1 ? entry(mfn(4 * pick(frame_count / 4) + level - 2), 7) : entry(mfn(pick(frame_count)), 5);
        PageBits bits = page::present | page::user;
        if (pick(2)) bits |= page::writable;
        if (pick(12) == 0) bits &= ~page::present;
        if (pick(12) == 0) bits &= ~page::user;
        if (pick(12) == 0) bits |= page::global;
        if (pick(12) == 0) bits |= page::large;
        if (pick(12) == 0) bits |= page::cache_disable;
        if (pick(12) == 0) bits |= page::no_execute;
        return entry(any_frame(), bits);
    }

    /// Random data in frames that are not tables, so that checks meet trees.
    void scribble() {
        const unsigned f = pick(frame_count);
        if (!acquire_writable(*frames[f], guest.domain.id)) return;
        words(f)[slots[pick(8)]] = any_entry(usual_level(f));
        release_writable(*frames[f]);
    }

    /// One operation; compares its outcome with the model's if nothing was interrupted before or in it.
    void step(unsigned vcpu) {
        const bool clean = holds_are_empty();
        model::Uses uses = model::count_uses(guest, roots, frames);
        const unsigned f = pick(frame_count), level = usual_level(f), slot = slots[pick(8)];
        const u64 target = pick(10) == 0 ? any_frame() : mfn(f), value = any_entry(usual_level(f));
        const bool pinned = roots.pins.contains(mfn(f));
        bool expected = false;
        Result<> result;
        switch (pick(8)) {
        case 0:
            expected = !pinned && model::can_be_table(guest, uses, mfn(f), level);
            result = pin(f, level, vcpu);
            break;
        case 1:
            expected = pinned;
            result = unpin(f, vcpu);
            break;
        case 2: {
            const bool user = pick(2);
            const Mfn current = user ? guest.vcpu(vcpu).user_l4 : guest.vcpu(vcpu).kernel_l4;
            expected = current == Mfn(mfn(f)) || model::can_be_table(guest, uses, mfn(f), 4);
            result = base(f, user, vcpu);
            break;
        }
        default:
            expected = model::can_write(guest, uses, target, slot, PageEntry(value));
            result = write(target, slot, value, vcpu);
            break;
        }
        if (clean && (result || result.error() != Error::Restart)) ASSERT_EQ(result.has_value(), expected);
    }

    /// References from outside: grants, mappings of others, hypercalls under way.
    void outside() {
        const u64 m = mfn(pick(frame_count));
        Frame& f = frame_of(Mfn(m));
        if (pick(2)) {
            auto& list = pick(2) ? roots.writable : roots.plain;
            if (list.empty()) return;
            std::swap(list[pick(static_cast<unsigned>(list.size()))], list.back());
            Frame& held = frame_of(Mfn(list.back()));
            &list == &roots.writable ? release_writable(held) : release_frame(held);
            list.pop_back();
        } else if (pick(2)) {
            const FrameState s = f.load();
            const bool expected = s.type_count() == 0 || s.type() == FrameType::Writable;
            const bool got = acquire_writable(f, guest.domain.id);
            ASSERT_EQ(got, expected);
            if (got) roots.writable.push_back(m);
        } else if (acquire_frame(f, guest.domain.id)) {
            roots.plain.push_back(m);
        }
    }
};

TEST_P(Chaos, AgreesWithTheModel) {
    unsigned interrupted = 0;
    for (int i = 0; i < 6000 && !HasFatalFailure() && !HasNonfatalFailure(); ++i) {
        fake::set_preempted(pick(3) == 0);
        if (pick(3) == 0) scribble();
        if (pick(6) == 0) outside();
        step(pick(2));
        interrupted += !holds_are_empty();
        model::check(guest, roots, frames);
    }
    EXPECT_GT(interrupted, 20u);
}
INSTANTIATE_TEST_SUITE_P(Seeds, Chaos, testing::Range(1u, 7u));

} // namespace
