// SPDX-License-Identifier: Apache-2.0
// What guests' isolated page tables show of an L4 table.
#include "x86/pv/xpti/xpti.hpp"

#include <gtest/gtest.h>

using namespace px;
using namespace px::pv;

namespace {

constexpr Mfn own{0x1234}, copy{0x5678};
constexpr u64 link(u64 mfn) { return mfn << page_shift | 0x67; }

TEST(IsolatedEntry, GuestSlotsAreCopied) {
    for (const unsigned slot : {0u, 255u, 272u, 511u}) {
        EXPECT_EQ(xpti::isolated_entry(link(7), slot, own, copy), link(7));
        EXPECT_EQ(xpti::isolated_entry(0, slot, own, copy), 0u);
    }
}

TEST(IsolatedEntry, OfTheHypervisorOnlyTheM2pAndTheDescriptors) {
    for (unsigned slot = 256; slot < 272; ++slot)
        EXPECT_EQ(xpti::isolated_entry(link(7), slot, own, copy), slot == 256 || slot == 260 ? link(7) : 0) << slot;
}

TEST(IsolatedEntry, LinearEntriesMapTheCopy) {
    constexpr u64 no_execute = Entry::no_execute;
    EXPECT_EQ(xpti::isolated_entry(link(own.raw()) | no_execute, 100, own, copy), link(copy.raw()) | no_execute);
    const u64 absent = own.raw() << page_shift;
    EXPECT_EQ(xpti::isolated_entry(absent, 100, own, copy), absent);
}

} // namespace
