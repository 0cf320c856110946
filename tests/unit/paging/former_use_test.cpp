// SPDX-License-Identifier: Apache-2.0
// What has to be flushed, and where, before a frame is used as something else; which memory types an entry may have.
#include "domain/rangeset.hpp"
#include "memory/heap.hpp"
#include "paging/fake_paging.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <vector>

using namespace px;
using pv::PageBits;
using pv::PageEntry;
namespace page = x86::page;

namespace {

constexpr auto read_only = page::present | page::user, writable = read_only | page::writable;

struct FormerUse : testing::Test {
    fake::Guest guest{7, 1}, tool{8, 1};
    RangeSet ports;
    Frame* frame = nullptr;
    u64 all = 0, of_one = 0;

    void SetUp() override {
        if (heap::total_frames() == 0) heap::add_region(Mfn(1000), Mfn(1000 + 64));
        frame = &guest.give_frame();
        fake_current = &guest.vcpu(0);
        tool.domain.is_privileged = true;
    }
    void TearDown() override {
        fake_current = nullptr;
        EXPECT_TRUE(give_up_frame(*frame));
        while (heap::scrub_some(64)) {}
        tool.domain.io_ports = guest.domain.io_ports = nullptr;
    }
    /// An entry of a domain's that maps the frame comes and goes.
    Result<> map(pv::PvDomain& by, PageBits bits) {
        PageEntry e(mfn_of(*frame), bits);
        TRY(pv::acquire_mapping(e, by, guest.domain));
        pv::release_mapping(e, by);
        return {};
    }
    void give_devices(pv::PvDomain& domain) {
        ASSERT_TRUE(ports.add(0x60, 0x60));
        domain.io_ports = &ports;
    }
    /// As map(), and a CPU writes by the entry.
    void write_past_caches(pv::PvDomain& by, PageBits attribute) {
        PageEntry e(mfn_of(*frame), writable | attribute);
        ASSERT_TRUE(pv::acquire_mapping(e, by, guest.domain));
        fake::write_past_caches(*frame);
        pv::release_mapping(e, by);
    }
    /// The frame becomes a page of descriptors.
    void make_descriptors() {
        all = fake::flushes;
        of_one = fake::flushes_of_one;
        {
            Guard guard(guest.domain.page_table_lock);
            ASSERT_TRUE(pv::acquire_descriptors(*frame, guest.domain));
        }
        pv::release_descriptors(*frame);
    }
    void expect_flushes(u64 of_all_cpus, u64 at_home) const {
        EXPECT_EQ(fake::flushes, all + of_all_cpus);
        EXPECT_EQ(fake::flushes_of_one, of_one + at_home);
        if (at_home) EXPECT_EQ(fake::flushed_domain, &guest.domain);
    }
};

TEST_F(FormerUse, StaysAtHome) {
    ASSERT_TRUE(map(guest.domain, writable));
    make_descriptors();
    expect_flushes(0, 1);
    ASSERT_TRUE(map(guest.domain, writable)); // and back
    expect_flushes(0, 2);
}

TEST_F(FormerUse, IsEveryonesWhenAnotherDomainHasMappedIt) {
    ASSERT_TRUE(map(tool.domain, writable)); // the mapping is gone, translations of it may not be
    ASSERT_TRUE(map(guest.domain, writable));
    make_descriptors();
    expect_flushes(1, 0);
    // That has flushed all that were.
    ASSERT_TRUE(map(guest.domain, writable));
    make_descriptors();
    expect_flushes(0, 1);
    ASSERT_TRUE(map(tool.domain, writable)); // here a table's use ends: its walkers, and all since nothing is known
    make_descriptors();
    expect_flushes(1, 0);
}

TEST_F(FormerUse, ReadingByOthersCountsToo) {
    ASSERT_TRUE(map(tool.domain, read_only));
    ASSERT_TRUE(map(guest.domain, writable));
    make_descriptors();
    expect_flushes(1, 0);
}

TEST_F(FormerUse, IsEveryonesWhenSomebodyElseEndsIt) {
    ASSERT_TRUE(map(guest.domain, writable));
    for (Vcpu* current : {static_cast<Vcpu*>(&tool.vcpu(0)), static_cast<Vcpu*>(nullptr)}) {
        fake_current = current;
        make_descriptors();
        expect_flushes(1, 0);
        ASSERT_TRUE(map(guest.domain, writable));
    }
}

TEST_F(FormerUse, MemoryTypesAreForDomainsWithDevices) {
    for (const auto attribute : {page::write_through, page::cache_disable, page::large}) {
        EXPECT_EQ(map(guest.domain, writable | attribute).error(), Error::Invalid);
        EXPECT_EQ(map(tool.domain, writable | attribute).error(), Error::Invalid);
    }
    tool.domain.io_ports = &ports;
    EXPECT_EQ(map(tool.domain, writable | page::write_through).error(), Error::Invalid); // no port yet
    ASSERT_TRUE(ports.add(0x60, 0x60));
    EXPECT_TRUE(map(tool.domain, writable | page::write_through));
}

TEST_F(FormerUse, WhatWasWrittenPastCachesIsWhatADescriptorPageIsCheckedBy) {
    give_devices(guest.domain);
    for (const auto attribute : {page::write_through, page::cache_disable, page::large}) {
        write_past_caches(guest.domain, attribute);
        EXPECT_TRUE(fake::differs_from_memory(*frame));
        make_descriptors();
        EXPECT_FALSE(fake::differs_from_memory(*frame));
    }
    // By another domain's entry too, and once more: what was seen of it before is not enough.
    give_devices(tool.domain);
    for (int i = 0; i < 2; ++i) {
        write_past_caches(tool.domain, page::large);
        make_descriptors();
        EXPECT_FALSE(fake::differs_from_memory(*frame));
    }
}

TEST_F(FormerUse, PastCachesOneReadsWhatTheyHad) {
    give_devices(guest.domain);
    u64 before = fake::cache_flushes;
    ASSERT_TRUE(map(guest.domain, read_only | page::cache_disable));
    EXPECT_EQ(fake::cache_flushes, before + 1); // a scrubber's zeros are in memory then
    ASSERT_TRUE(map(guest.domain, writable | page::cache_disable));
    ASSERT_TRUE(map(guest.domain, writable));
    EXPECT_EQ(fake::cache_flushes, before + 1);
    // Its next life begins anew.
    for (int life = 0; life < 2; ++life) {
        Frame& freed = *frame;
        write_past_caches(guest.domain, page::cache_disable);
        ASSERT_TRUE(give_up_frame(freed));
        EXPECT_TRUE(freed.flags & frame_flag::uncached);
        while (heap::scrub_some(64)) {}
        EXPECT_FALSE(fake::differs_from_memory(freed));
        EXPECT_EQ(freed.flags & frame_flag::uncached, 0);
        frame = &guest.give_frame();
        before = fake::cache_flushes;
        ASSERT_TRUE(map(guest.domain, writable | page::large));
        EXPECT_EQ(fake::cache_flushes, before + 1);
    }
}

TEST_F(FormerUse, AFrameThatIsGivenOutUnscrubbedIsFlushedToo) {
    give_devices(guest.domain);
    std::vector<Frame*> all_frames;
    write_past_caches(guest.domain, page::large);
    Frame& freed = *frame;
    ASSERT_TRUE(give_up_frame(freed));
    while (Frame* f = heap::allocate({})) all_frames.push_back(f);
    EXPECT_TRUE(std::ranges::find(all_frames, &freed) != all_frames.end());
    EXPECT_FALSE(fake::differs_from_memory(freed));
    EXPECT_EQ(freed.flags, 0);
    for (Frame* f : all_frames) heap::free(*f, 0, false);
    frame = &guest.give_frame();
}

TEST_F(FormerUse, WithoutSuchAMappingCachesStayAsTheyAre) {
    const u64 before = fake::cache_flushes;
    for (int i = 0; i < 3; ++i) {
        ASSERT_TRUE(map(guest.domain, writable));
        make_descriptors();
    }
    EXPECT_EQ(fake::cache_flushes, before);
}

/// What a CPU keeps of the last vCPU, it keeps by this number: another may have its address.
TEST(Vcpus, NumbersDoNotComeAgain) {
    std::vector<u64> seen;
    for (int i = 0; i < 4; ++i) {
        fake::Guest one(9, 2);
        seen.push_back(one.vcpu(0).identity);
        seen.push_back(one.vcpu(1).identity);
    }
    std::ranges::sort(seen);
    EXPECT_EQ(std::ranges::adjacent_find(seen), seen.end());
    EXPECT_NE(seen.front(), 0u); // nobody's
}

TEST(Entries, MemoryTypesAreNotThoseThatNeedNoCheck) {
    const PageEntry plain(Mfn(0), writable);
    for (const auto attribute : {page::write_through, page::cache_disable, page::large})
        EXPECT_FALSE(pv::same_reference(plain, PageEntry(Mfn(0), writable | attribute)));
    EXPECT_TRUE(
        pv::same_reference(plain, PageEntry(Mfn(0), writable | page::accessed | page::dirty | page::no_execute)));
}

} // namespace
