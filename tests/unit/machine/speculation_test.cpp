// SPDX-License-Identifier: Apache-2.0
// Which defences a CPU gets, by what it says of itself.
#include "x86/machine/cpu/speculation.hpp"

#include "x86/machine/cpu/patch.hpp"

#include <gtest/gtest.h>

using namespace px;
using namespace px::x86;
using namespace px::x86::speculation;

namespace {

constexpr auto intel_bits = leaf_7d::md_clear | leaf_7d::ibrs_ibpb | leaf_7d::stibp | leaf_7d::ssbd;

// Skylake-SP with current microcode: no word in ARCH_CAPABILITIES that helps.
constexpr Facts skylake{.is_intel = true, .family = 6, .model = 0x55, .leaf_7d = intel_bits};
// Sapphire Rapids: RDCL_NO, IBRS_ALL, MDS_NO among others.
constexpr Facts sapphire{.is_intel = true, .family = 6, .model = 0x8f, .leaf_7d = intel_bits, .capabilities = 0x2b};
// Zen 4: IBPB, IBRS, STIBP, IBRS always on, SSBD; automatic IBRS.
constexpr Facts zen4{.family = 25,
                     .model = 0x61,
                     .extended_8b = extended_8b::ibpb | extended_8b::ibrs | extended_8b::stibp |
                                    extended_8b::ibrs_always_on | extended_8b::ssbd,
                     .extended_21a = extended_21a::automatic_ibrs};

TEST(Speculation, Skylake) {
    const Choice c = decide(skylake, {});
    EXPECT_TRUE(c.has_meltdown && c.has_l1tf && c.has_mds);
    EXPECT_TRUE(c.clears_buffers && c.has_ibpb);
    EXPECT_TRUE(c.has_spec_ctrl);
    EXPECT_EQ(c.spec_ctrl, 0u); // IBRS there does not last without being written at each entry
    EXPECT_EQ(c.l1d_address_bits, 44u);
}

TEST(Speculation, PageTablesAreIsolatedWhereTheCpuHasMeltdown) {
    EXPECT_TRUE(decide(skylake, {}).xpti_dom0 && decide(skylake, {}).xpti_domu);
    for (const Facts& good : {sapphire, zen4}) EXPECT_FALSE(decide(good, {}).xpti_dom0 || decide(good, {}).xpti_domu);
    const Choice some = decide(skylake, {.xpti_dom0 = false});
    EXPECT_TRUE(!some.xpti_dom0 && some.xpti_domu);
    const Choice forced = decide(zen4, {.xpti_domu = true});
    EXPECT_TRUE(!forced.xpti_dom0 && forced.xpti_domu);
}

TEST(Speculation, IndirectBranchesAreProtectedWhereIbrsDoesNotLast) {
    EXPECT_EQ(decide(skylake, {}).thunk, Thunk::Retpoline);
    EXPECT_EQ(decide(Facts{}, {}).thunk, Thunk::Retpoline);
    EXPECT_EQ(decide(sapphire, {}).thunk, Thunk::Jump);
    EXPECT_EQ(decide(zen4, {}).thunk, Thunk::Jump);
    EXPECT_EQ(decide(zen4, {.ibrs = false}).thunk, Thunk::Retpoline);
    EXPECT_EQ(decide(zen4, {.thunk = Thunk::Lfence}).thunk, Thunk::Lfence);
    EXPECT_EQ(decide(skylake, {.thunk = Thunk::Jump}).thunk, Thunk::Jump);
}

TEST(Speculation, JumpsReachTheirTargets) {
    EXPECT_EQ(jump_at(0x1000, 0x1005), (std::array<u8, 5>{0xe9, 0, 0, 0, 0}));
    EXPECT_EQ(jump_at(0x1000, 0x0f00), (std::array<u8, 5>{0xe9, 0xfb, 0xfe, 0xff, 0xff}));
    EXPECT_EQ(jump_at(0x1000, 0x12345678), (std::array<u8, 5>{0xe9, 0x73, 0x46, 0x34, 0x12}));
}

TEST(Speculation, SapphireRapids) {
    const Choice c = decide(sapphire, {});
    EXPECT_FALSE(c.has_meltdown || c.has_l1tf || c.has_mds || c.clears_buffers);
    EXPECT_TRUE(c.has_ibpb);
    EXPECT_EQ(c.spec_ctrl, 1u);
}

TEST(Speculation, Zen4) {
    const Choice c = decide(zen4, {});
    EXPECT_FALSE(c.has_meltdown || c.has_l1tf || c.has_mds || c.clears_buffers);
    EXPECT_TRUE(c.has_ibpb && c.has_automatic_ibrs);
    EXPECT_EQ(c.spec_ctrl, 0u);
}

TEST(Speculation, NothingIsWrittenThatTheCpuDoesNotHave) {
    for (const bool intel : {false, true}) {
        const Choice c = decide({.is_intel = intel, .family = 15, .model = 107}, {.stibp = true, .ssbd = true});
        EXPECT_FALSE(c.has_spec_ctrl || c.has_ibpb || c.has_automatic_ibrs || c.clears_buffers);
        EXPECT_EQ(c.spec_ctrl, 0u);
    }
}

TEST(Speculation, TheCommandLineDecides) {
    const Choice off = decide(skylake, {.verw = false, .ibpb = false, .ibrs = false});
    EXPECT_FALSE(off.clears_buffers || off.has_ibpb);
    EXPECT_TRUE(off.has_meltdown); // that stays true
    const Choice more = decide(sapphire, {.forces_verw = true, .stibp = true, .ssbd = true});
    EXPECT_TRUE(more.clears_buffers);
    EXPECT_EQ(more.spec_ctrl, 7u);
}

TEST(Speculation, SmallCoresAndCore2) {
    EXPECT_FALSE(decide({.is_intel = true, .family = 6, .model = 0x37}, {}).has_l1tf);
    EXPECT_EQ(decide({.is_intel = true, .family = 6, .model = 0x17}, {}).l1d_address_bits, 36u);
}

TEST(AbsentEntries, OnlyWhatPointsToMemory) {
    const AbsentEntries none{}, a = absent_entries_below(u64{16} << 30, 44);
    EXPECT_FALSE(none.refuse(PageEntry(0x1000)));
    EXPECT_FALSE(a.refuse({}));
    EXPECT_FALSE(a.refuse(PageEntry(0xffe))); // flags alone
    EXPECT_TRUE(a.refuse(PageEntry(0x1000)));
    EXPECT_TRUE(a.refuse(PageEntry((u64{16} << 30) - 0x1000)));
    EXPECT_FALSE(a.refuse(PageEntry(u64{16} << 30)));
    EXPECT_FALSE(a.refuse(PageEntry(0x1001))); // present: page types judge it
    EXPECT_TRUE(a.refuse(PageEntry(0x1000 | u64{1} << 63)));
    EXPECT_TRUE(a.refuse(PageEntry(0x1000 | u64{1} << 45)));                   // the cache does not look at bit 45
    EXPECT_FALSE(a.refuse(PageEntry(~u64{0x1000} & PageEntry::address_mask))); // inverted, as Linux does
}

TEST(Patch, VerwReachesItsSelector) {
    const u64 place = 0xffff82d040200100, selector = 0xffff82d040300000;
    const auto bytes = verw_at(place, selector);
    EXPECT_EQ((std::array{bytes[0], bytes[1], bytes[2]}), (std::array<u8, 3>{0x0f, 0x00, 0x2d}));
    const u32 distance = static_cast<u32>(bytes[3]) | static_cast<u32>(bytes[4]) << 8 |
                         static_cast<u32>(bytes[5]) << 16 | static_cast<u32>(bytes[6]) << 24;
    EXPECT_EQ(place + 7 + static_cast<s64>(static_cast<s32>(distance)), selector);
    const auto back = verw_at(selector, place);
    EXPECT_EQ(back[6], 0xff); // backwards
}

TEST(Speculation, LfenceWaits) {
    const auto amd = [](u32 family, Extended21A bits = {}) {
        return decide({.is_amd = true, .family = family, .extended_21a = bits}, {}).lfence;
    };
    EXPECT_EQ(decide(skylake, {}).lfence, Lfence::Always);
    EXPECT_EQ(amd(0xf), Lfence::Always); // K8, and family 0x11, have no register for it
    EXPECT_EQ(amd(0x11), Lfence::Always);
    for (const u32 family : {0x10u, 0x12u, 0x14u, 0x15u, 0x16u, 0x17u, 0x19u}) EXPECT_EQ(amd(family), Lfence::ByMsr);
    EXPECT_EQ(amd(0x19, extended_21a::lfence_serialises), Lfence::Always); // Zen 4 says so itself
    EXPECT_EQ(decide({.family = 6}, {}).lfence, Lfence::Unknown);          // some other maker's
}

} // namespace
