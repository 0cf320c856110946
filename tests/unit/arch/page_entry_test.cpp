// SPDX-License-Identifier: Apache-2.0
// Page-table entries against the manual's figures, and what their place in a table does with them.
#include "x86/arch/page_entry.hpp"

#include <gtest/gtest.h>
#include <memory>

using namespace px;
using namespace px::x86;

namespace {

/// SDM volume 3, figure 4-11 and table 4-20.
constexpr bool bits_are_where_the_manual_has_them() {
    using namespace page;
    constexpr auto low = present | writable | user | write_through | cache_disable | accessed | dirty | large | global;
    return low.raw() == 0x1ff && no_execute.raw() == u64{1} << 63 && Available::mask.raw() == 0xe00 &&
           memory_type.raw() == 0x98 && (low | no_execute | Available::mask).raw() == 0x8000000000000fff;
}

constexpr Mfn frame{0xfedcba9876};
constexpr auto all_bits = PageEntry(~u64{0}).bits();

constexpr bool frame_and_bits_do_not_mix() {
    constexpr PageEntry e(frame, page::present | page::no_execute);
    if (e.raw() != 0x800fedcba9876001 || e.frame() != frame || e.address() != paddr_of(frame)) return false;
    if (e.bits() != (page::present | page::no_execute) || PageEntry(paddr_of(frame), e.bits()) != e) return false;
    // Bits 52 to 62 are none of the frame's.
    constexpr PageEntry full(~u64{0});
    if (full.frame() != Mfn((u64{1} << 40) - 1) || full.leading_to(frame) != PageEntry(frame, all_bits)) return false;
    if (full.leading_to(Mfn(0)).raw() != ~PageEntry::address_mask) return false;
    return e.with(page::user).without(page::present | page::no_execute) == PageEntry(frame, page::user);
}

constexpr bool absent_is_not_empty() {
    constexpr PageEntry absent(frame, page::writable);
    return PageEntry{}.is_empty() && !absent.is_empty() && !absent.is_present() && absent.is_writable() &&
           !PageEntry(page::user.raw()).is_writable();
}

constexpr bool one_bit_or_all_of_them() {
    constexpr PageEntry e(Mfn(0), page::present | page::large);
    return e.has(page::present | page::large) && !e.has(page::memory_type) && e.has_any(page::memory_type) &&
           !e.has_any(page::user | page::writable);
}

/// An address that has another index at each level (SDM volume 3, figure 4-8).
constexpr bool each_level_has_nine_bits_of_the_address() {
    constexpr u64 address =
        u64{0xffff} << 48 | u64{0x101} << 39 | u64{0x82} << 30 | u64{0x43} << 21 | 0x24 << 12 | 0xabc;
    if (table_index(address, 4) != 0x101 || table_index(address, 3) != 0x82) return false;
    if (table_index(address, 2) != 0x43 || table_index(address, 1) != 0x24) return false;
    if (table_index(GuestVaddr(address), 3) != 0x82) return false;
    if (table_index(~u64{0}, 4) != 511 || table_index(~u64{0}, 1) != 511) return false;
    return bytes_of_entry(1) == page_size && bytes_of_entry(2) == u64{2} << 20 && bytes_of_entry(3) == u64{1} << 30 &&
           bytes_of_entry(top_level) == u64{512} << 30;
}

static_assert(bits_are_where_the_manual_has_them() && frame_and_bits_do_not_mix() && absent_is_not_empty());
static_assert(one_bit_or_all_of_them() && each_level_has_nine_bits_of_the_address());
TEST(PageEntry, BitsAreWhereTheManualHasThem) { EXPECT_TRUE(bits_are_where_the_manual_has_them()); }
TEST(PageEntry, FrameAndBitsDoNotMix) { EXPECT_TRUE(frame_and_bits_do_not_mix()); }
TEST(PageEntry, AbsentIsNotEmpty) { EXPECT_TRUE(absent_is_not_empty()); }
TEST(PageEntry, OneBitOrAllOfThem) { EXPECT_TRUE(one_bit_or_all_of_them()); }
TEST(PageEntry, EachLevelHasNineBitsOfTheAddress) { EXPECT_TRUE(each_level_has_nine_bits_of_the_address()); }

static_assert(!std::is_convertible_v<u64, PageEntry> && !std::is_convertible_v<PageEntry, u64>);
static_assert(!std::is_convertible_v<u64, PageBits> && !std::is_convertible_v<PageBits, PageEntry>);
static_assert(!std::is_copy_constructible_v<PageSlot> && !std::is_copy_assignable_v<PageTable>);
static_assert(std::atomic<u64>::is_always_lock_free && std::is_standard_layout_v<PageTable>);

TEST(PageTable, EntriesAreEightBytesEach) {
    const auto table = std::make_unique<PageTable>();
    (*table)[0].store(PageEntry(0x11));
    (*table)[entries_per_table - 1].store(PageEntry(0x22));
    u64 words[entries_per_table];
    __builtin_memcpy(words, table.get(), sizeof words);
    EXPECT_EQ(words[0], 0x11u);
    EXPECT_EQ(words[1], 0u);
    EXPECT_EQ(words[511], 0x22u);
}

TEST(PageSlot, WhatIsReplacedIsTold) {
    PageSlot slot;
    EXPECT_TRUE(slot.load().is_empty());
    const PageEntry first(frame, page::present), second(frame + 1, page::present), dirty = first.with(page::dirty);
    slot.store(first);
    EXPECT_EQ(slot.exchange(dirty), first);
    // The CPU has set a bit since it was read: nothing is written, and the caller gets the entry with that bit.
    PageEntry expected = first;
    EXPECT_FALSE(slot.compare_exchange(expected, second));
    EXPECT_EQ(expected, dirty);
    EXPECT_EQ(slot.load(), dirty);
    EXPECT_TRUE(slot.compare_exchange(expected, second));
    EXPECT_EQ(expected, dirty);
    EXPECT_EQ(slot.load(), second);
}

} // namespace
