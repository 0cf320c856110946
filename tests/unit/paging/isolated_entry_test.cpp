// SPDX-License-Identifier: Apache-2.0
// What guests' isolated page tables show of an L4 table.
#include "x86/pv/xpti/xpti.hpp"

#include <gtest/gtest.h>

using namespace px;
using namespace px::pv;

namespace {

constexpr Mfn own{0x1234}, copy{0x5678};
constexpr PageEntry link(u64 mfn) { return PageEntry(mfn << page_shift | 0x67); }

TEST(IsolatedEntry, GuestSlotsAreCopied) {
    for (const unsigned slot : {0u, 255u, 272u, 511u}) {
        EXPECT_EQ(xpti::isolated_entry(link(7), slot, own, copy), link(7));
        EXPECT_EQ(xpti::isolated_entry({}, slot, own, copy), PageEntry{});
    }
}

TEST(IsolatedEntry, OfTheHypervisorOnlyTheM2pAndTheDescriptors) {
    for (unsigned slot = 256; slot < 272; ++slot)
        EXPECT_EQ(xpti::isolated_entry(link(7), slot, own, copy), slot == 256 || slot == 260 ? link(7) : PageEntry{})
            << slot;
}

TEST(IsolatedEntry, LinearEntriesMapTheCopy) {
    EXPECT_EQ(xpti::isolated_entry(link(own.raw()).with(page::no_execute), 100, own, copy),
              link(copy.raw()).with(page::no_execute));
    constexpr PageEntry absent{own, {}};
    EXPECT_EQ(xpti::isolated_entry(absent, 100, own, copy), absent);
}

} // namespace
