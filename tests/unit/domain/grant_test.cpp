// SPDX-License-Identifier: Apache-2.0
// Grant tables: each promise of GNTTABOP_*, hostile arguments, and random operations against an oracle.
#include "domain/grant/copy.hpp"

#include "domain/fake_domain.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

namespace px {
namespace {

using abi::GrantStatus;
using fake::become;
using fake::TestDomain;

abi::GrantEntryV1& entry(TestDomain& d, u32 ref) PX_NO_THREAD_SAFETY { return d.grants->entry_v1(GrantRef(ref)); }

void offer(TestDomain& from, u32 ref, u16 to, Frame& frame, u16 extra = 0) {
    entry(from, ref) = {static_cast<u16>(abi::gtf_permit_access | extra), to, static_cast<u32>(mfn_of(frame).raw())};
}

abi::GnttabMapGrantRef map(TestDomain& who, u16 from, u32 ref, u32 flags, u64 at = 0x1000) {
    become(who);
    abi::GnttabMapGrantRef op{.host_addr = at, .flags = flags, .ref = ref, .dom = from};
    grant::map(op);
    return op;
}

s16 unmap(TestDomain& who, u32 handle, u64 at = 0x1000, u64 bus = 0) {
    become(who);
    abi::GnttabUnmapGrantRef op{.host_addr = at, .dev_bus_addr = bus, .handle = handle, .status = 0};
    grant::Unmapped out;
    grant::unmap(op, out);
    grant::unmap_complete(out);
    return op.status;
}

constexpr u32 host = abi::gntmap_host_map;
constexpr u32 host_ro = abi::gntmap_host_map | abi::gntmap_readonly;
constexpr s16 okay = 0;

TEST(Grants, MapAndUnmapLeaveTheFrameAsItWas) {
    TestDomain a(1, 1), b(2, 1);
    Frame& frame = a.give_frame();
    offer(a, 9, 2, frame);
    const auto op = map(b, 1, 9, host);
    ASSERT_EQ(op.status, okay);
    EXPECT_EQ(op.dev_bus_addr, paddr_of(mfn_of(frame)).raw());
    EXPECT_EQ(entry(a, 9).flags, abi::gtf_permit_access | abi::gtf_reading | abi::gtf_writing);
    EXPECT_EQ(frame.load().type_count(), 1u);
    EXPECT_EQ(unmap(b, op.handle), okay);
    EXPECT_EQ(entry(a, 9).flags, abi::gtf_permit_access);
    EXPECT_EQ(frame.load().type_count(), 0u);
    EXPECT_EQ(unmap(b, op.handle), grant::raw(GrantStatus::BadHandle)) << "only once";
}

TEST(Grants, RefusedMappings) {
    TestDomain a(1, 1), b(2, 1), c(3, 1);
    Frame& frame = a.give_frame();
    offer(a, 8, 2, frame, abi::gtf_readonly);
    EXPECT_NE(map(c, 1, 8, host_ro).status, okay) << "granted to another";
    EXPECT_NE(map(b, 1, 8, host).status, okay) << "read-only grant";
    EXPECT_EQ(map(b, 1, 7, host).status, grant::raw(GrantStatus::GeneralError)) << "empty entry";
    EXPECT_EQ(map(b, 1, 0x7fffffff, host).status, grant::raw(GrantStatus::BadGntref));
    EXPECT_EQ(map(b, 77, 8, host).status, grant::raw(GrantStatus::BadDomain));
    EXPECT_NE(map(b, 1, 8, 0).status, okay) << "neither host nor device";
    entry(a, 8).frame = 0xfffffff0;
    EXPECT_EQ(map(b, 1, 8, host_ro).status, grant::raw(GrantStatus::BadPage));
    EXPECT_EQ(entry(a, 8).flags, abi::gtf_permit_access | abi::gtf_readonly) << "marks are taken back";
    Frame& foreign = c.give_frame();
    offer(a, 8, 2, foreign);
    EXPECT_NE(map(b, 1, 8, host).status, okay) << "a frame that the granter does not own";
    EXPECT_EQ(foreign.load().word, FrameState::allocated);
}

TEST(Grants, FailedEntryIsUndone) {
    TestDomain a(1, 1), b(2, 1);
    Frame& frame = a.give_frame();
    offer(a, 8, 2, frame);
    b.refuse_mappings = true;
    EXPECT_NE(map(b, 1, 8, host | abi::gntmap_device_map).status, okay);
    EXPECT_EQ(frame.load().word & FrameState::referenced_mask, FrameState::allocated);
    EXPECT_EQ(entry(a, 8).flags, abi::gtf_permit_access);
    EXPECT_EQ(a.references.load(), 1u);
}

TEST(Grants, TheGranterCannotSwapTheFrameWhileItIsMapped) {
    TestDomain a(1, 1), b(2, 1);
    Frame& first = a.give_frame();
    Frame& second = a.give_frame();
    offer(a, 8, 2, first);
    const auto one = map(b, 1, 8, host_ro, 0x1000);
    entry(a, 8).frame = static_cast<u32>(mfn_of(second).raw());
    const auto two = map(b, 1, 8, host_ro, 0x2000);
    ASSERT_EQ(two.status, okay);
    EXPECT_EQ(two.dev_bus_addr, one.dev_bus_addr);
    EXPECT_EQ(unmap(b, one.handle, 0x1000), okay);
    EXPECT_TRUE(entry(a, 8).flags & abi::gtf_reading);
    EXPECT_EQ(unmap(b, two.handle, 0x2000), okay);
    EXPECT_FALSE(entry(a, 8).flags & abi::gtf_reading);
}

TEST(Grants, DeviceAndHostPartsGoSeparately) {
    TestDomain a(1, 1), b(2, 1);
    Frame& frame = a.give_frame();
    offer(a, 8, 2, frame);
    const auto op = map(b, 1, 8, host | abi::gntmap_device_map);
    ASSERT_EQ(op.status, okay);
    EXPECT_EQ(frame.load().type_count(), 2u);
    EXPECT_EQ(unmap(b, op.handle, 0x1000, 0), okay);
    EXPECT_EQ(frame.load().type_count(), 1u);
    EXPECT_TRUE(entry(a, 8).flags & abi::gtf_writing);
    EXPECT_EQ(unmap(b, op.handle, 0, 0x123000), grant::raw(GrantStatus::GeneralError));
    EXPECT_EQ(unmap(b, op.handle, 0, op.dev_bus_addr), okay);
    EXPECT_EQ(frame.load().type_count(), 0u);
    EXPECT_EQ(entry(a, 8).flags, abi::gtf_permit_access);
}

TEST(Grants, CopyChecksBoundsAndRights) {
    TestDomain a(1, 1), b(2, 1);
    Frame& theirs = a.give_frame();
    Frame& mine = b.give_frame();
    std::strcpy(to_virtual<char>(theirs), "from a guest");
    offer(a, 8, 2, theirs, abi::gtf_readonly);
    become(b);
    abi::GnttabCopy op{};
    op.source = {.u = {.ref = 8}, .domid = 1, .offset = 5};
    op.dest = {.u = {.gmfn = mfn_of(mine).raw()}, .domid = abi::domid_self, .offset = 100};
    op.len = 8;
    op.flags = abi::gntcopy_source_gref;
    grant::Copies().copy(op);
    EXPECT_EQ(op.status, okay);
    EXPECT_STREQ(to_virtual<char>(mine) + 100, "a guest");
    op.dest.offset = 4090;
    grant::Copies().copy(op);
    EXPECT_EQ(op.status, grant::raw(GrantStatus::BadCopyArg));
    op.dest.offset = 0;
    std::swap(op.source, op.dest);
    op.flags = abi::gntcopy_dest_gref;
    grant::Copies().copy(op);
    EXPECT_NE(op.status, okay) << "writing to a read-only grant";
    op.flags = 0;
    op.dest = {.u = {.gmfn = mfn_of(theirs).raw()}, .domid = 1, .offset = 0};
    grant::Copies().copy(op);
    EXPECT_EQ(op.status, grant::raw(GrantStatus::PermissionDenied));
    EXPECT_EQ(entry(a, 8).flags, abi::gtf_permit_access | abi::gtf_readonly);
}

TEST(Grants, RowOfCopiesHoldsWhatItUsesUntilItNamesAnother) {
    TestDomain a(1, 1), b(2, 1);
    Frame& first = a.give_frame();
    Frame& second = a.give_frame();
    Frame& mine = b.give_frame();
    std::strcpy(to_virtual<char>(mine), "one, two");
    offer(a, 8, 2, first);
    offer(a, 9, 2, second);
    offer(a, 10, 3, second);
    become(b);
    abi::GnttabCopy op{};
    op.source = {.u = {.gmfn = mfn_of(mine).raw()}, .domid = abi::domid_self, .offset = 0};
    op.dest = {.u = {.ref = 8}, .domid = 1, .offset = 0};
    op.len = 5;
    op.flags = abi::gntcopy_dest_gref;
    {
        grant::Copies copies;
        copies.copy(op);
        EXPECT_EQ(op.status, okay);
        EXPECT_TRUE(entry(a, 8).flags & abi::gtf_writing);
        // The same frames: still judged for the bytes that are asked for.
        op.source.offset = op.dest.offset = op.len;
        op.len = 4;
        copies.copy(op);
        EXPECT_EQ(op.status, okay);
        EXPECT_EQ(first.load().type_count(), 1u);
        op.dest.offset = 4093;
        copies.copy(op);
        EXPECT_EQ(op.status, grant::raw(GrantStatus::BadCopyArg));
        // Another one, and one that is not for us: nothing is held of it, or of the former.
        op.dest = {.u = {.ref = 9}, .domid = 1, .offset = 0};
        copies.copy(op);
        EXPECT_EQ(op.status, okay);
        EXPECT_EQ(entry(a, 8).flags, abi::gtf_permit_access);
        EXPECT_EQ(first.load().type_count(), 0u);
        op.dest.u.ref = 10;
        copies.copy(op);
        EXPECT_NE(op.status, okay);
        EXPECT_EQ(entry(a, 9).flags, abi::gtf_permit_access);
        op.dest.u.ref = 9;
        copies.copy(op);
        EXPECT_EQ(op.status, okay);
    }
    EXPECT_EQ(entry(a, 9).flags, abi::gtf_permit_access);
    EXPECT_EQ(second.load().type_count(), 0u);
    EXPECT_EQ(mine.load().count(), 0u);
    EXPECT_STREQ(to_virtual<char>(first), "one, two");
    EXPECT_STREQ(to_virtual<char>(second), "two");
}

TEST(Grants, VersionTwoHasStatusFramesAndKeepsReservedEntries) {
    TestDomain a(1, 1), b(2, 1);
    Frame& frame = a.give_frame();
    offer(a, 1, 2, frame);
    become(a);
    const auto mapped = map(b, 1, 1, host);
    ASSERT_EQ(mapped.status, okay);
    // The tools keep reserved entries mapped; the marks of use move with the version.
    become(a);
    abi::GnttabSetVersion op{.version = 2};
    ASSERT_TRUE(grant::set_version(op));
    GrantTable& table = *a.grants;
    {
        Guard guard(table.lock);
        EXPECT_EQ(table.entry_v2(GrantRef(1)).hdr.flags, abi::gtf_permit_access);
        EXPECT_EQ(table.status_of(GrantRef(1)), abi::gtf_reading | abi::gtf_writing);
        table.entry_v2(GrantRef(8)).full_page.frame = table.entry_v2(GrantRef(1)).full_page.frame;
        table.entry_v2(GrantRef(8)).hdr = {abi::gtf_permit_access, 2};
    }
    const auto other = map(b, 1, 8, host, 0x2000);
    ASSERT_EQ(other.status, okay);
    become(a);
    op.version = 1;
    EXPECT_EQ(grant::set_version(op).error(), Error::Busy);
    EXPECT_EQ(op.version, 2);
    EXPECT_EQ(unmap(b, other.handle, 0x2000), okay);
    become(a);
    op.version = 1;
    ASSERT_TRUE(grant::set_version(op));
    EXPECT_EQ(entry(a, 1).domid, 2);
    EXPECT_EQ(entry(a, 1).flags, abi::gtf_permit_access | abi::gtf_reading | abi::gtf_writing);
    EXPECT_EQ(unmap(b, mapped.handle), okay);
    EXPECT_EQ(entry(a, 1).flags, abi::gtf_permit_access);
    become(a);
    op.version = 3;
    EXPECT_FALSE(grant::set_version(op));
}

TEST(Grants, LimitsHold) {
    TestDomain a(1, 1), b(2, 1);
    become(a);
    abi::GnttabSetupTable setup{.dom = abi::domid_self, .nr_frames = 5};
    EXPECT_TRUE(grant::setup_table(setup));
    EXPECT_EQ(setup.status, grant::raw(GrantStatus::GeneralError));
    Frame& frame = a.give_frame();
    offer(a, 8, 2, frame);
    u32 mapped = 0;
    while (map(b, 1, 8, host_ro, 0x1000 * (mapped + 1)).status == okay) ++mapped;
    EXPECT_EQ(mapped, 2 * GrantTable::maptrack_per_page) << "two pages of handles";
}

/// Random maps and unmaps by two domains: counts in the frame equal the oracle's after every step.
TEST(Grants, RandomOperationsMatchTheOracle) {
    std::mt19937 random(5);
    const u64 before = fake::frames_in_use();
    {
        TestDomain a(1, 1), b(2, 1), c(3, 1);
        TestDomain* users[] = {&b, &c};
        Frame* frames[16];
        for (u32 i = 0; i < 16; ++i) {
            frames[i] = &a.give_frame();
            offer(a, 8 + i, static_cast<u16>(2 + i % 2), *frames[i], i % 3 == 0 ? abi::gtf_readonly : 0);
        }
        struct Live {
            u32 user, handle, frame;
            u64 at;
            bool write;
        };
        std::vector<Live> live;
        u64 next = 0x1000;
        for (int step = 0; step < 5000; ++step) {
            if (random() % 2 || live.empty()) {
                const u32 u = random() % 2, i = random() % 16;
                const bool write = random() % 2;
                const auto op = map(*users[u], 1, 8 + i, write ? host : host_ro, next);
                const bool allowed = i % 2 == u && !(write && i % 3 == 0);
                ASSERT_EQ(op.status == okay, allowed && live.size() < 300) << step;
                if (op.status == okay) live.push_back({u, op.handle, i, next, write});
                next += 0x1000;
                if (live.size() >= 290) step += 1;
            }
            if (!live.empty() && random() % 2) {
                const std::size_t which = random() % live.size();
                const Live l = live[which];
                // Releasing with the other user's handle table must not touch this mapping.
                ASSERT_NE(unmap(*users[1 - l.user], l.handle, l.at), okay);
                ASSERT_EQ(unmap(*users[l.user], l.handle, l.at), okay);
                live.erase(live.begin() + static_cast<long>(which));
            }
            while (live.size() > 200) {
                ASSERT_EQ(unmap(*users[live.back().user], live.back().handle, live.back().at), okay);
                live.pop_back();
            }
        }
        for (u32 i = 0; i < 16; ++i) {
            u64 readers = 0, writers = 0;
            for (const Live& l : live)
                if (l.frame == i) ++(l.write ? writers : readers);
            EXPECT_EQ(frames[i]->load().count(), readers);
            EXPECT_EQ(frames[i]->load().type_count(), writers);
        }
        for (const Live& l : live) EXPECT_EQ(unmap(*users[l.user], l.handle, l.at), okay);
        for (Frame* f : frames) {
            EXPECT_EQ(f->load().word & FrameState::referenced_mask, FrameState::allocated);
            heap::free(*f, 0, true);
        }
    }
    EXPECT_EQ(fake::frames_in_use(), before);
}

} // namespace
} // namespace px
