// SPDX-License-Identifier: Apache-2.0
// Which addresses a paravirtual guest may name.
#include "x86/pv/guest_copy.hpp"

#include <gtest/gtest.h>

namespace px::pv {
namespace {

static_assert(!std::is_invocable_v<decltype(is_guest_range), u64, u64>);
static_assert(!std::is_invocable_v<decltype(is_guest_range), Vaddr, u64>);

constexpr u64 lower_end = u64{1} << 47, upper_start = x86::layout::hole_end;

constexpr bool both_halves_are_the_guests() {
    return is_guest_range(GuestVaddr(0), lower_end) && is_guest_range(GuestVaddr(lower_end - 1), 1) &&
           is_guest_range(GuestVaddr(upper_start), 0 - upper_start) && is_guest_range(GuestVaddr(~u64{0}), 1);
}

constexpr bool ranges_do_not_reach_into_the_hole_or_around() {
    if (is_guest_range(GuestVaddr(lower_end - 1), 2) || is_guest_range(GuestVaddr(lower_end), 1)) return false;
    if (is_guest_range(GuestVaddr(upper_start - 1), 1) || is_guest_range(GuestVaddr(~u64{0}), 2)) return false;
    for (const u64 hypervisors : {x86::layout::m2p_guest_start, x86::layout::per_domain_start, x86::layout::vmap_start})
        if (is_guest_range(GuestVaddr(hypervisors), 1)) return false;
    return !is_guest_range(GuestVaddr(8), ~u64{0}) && !is_guest_range(GuestVaddr(upper_start), ~u64{0});
}

static_assert(both_halves_are_the_guests() && ranges_do_not_reach_into_the_hole_or_around());
TEST(GuestRange, BothHalvesAreTheGuests) { EXPECT_TRUE(both_halves_are_the_guests()); }
TEST(GuestRange, NoRangeReachesIntoTheHoleOrAround) { EXPECT_TRUE(ranges_do_not_reach_into_the_hole_or_around()); }

} // namespace
} // namespace px::pv
