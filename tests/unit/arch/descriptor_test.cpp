// SPDX-License-Identifier: Apache-2.0
// Selectors, descriptors and gates against words that the manuals' figures give.
#include "x86/arch/descriptor.hpp"

#include <cstddef>
#include <gtest/gtest.h>

using namespace px;
using namespace px::x86;

namespace {

/// SDM volume 3, figure 3-6.
constexpr bool selectors_have_three_parts() {
    constexpr Selector s{0xe033};
    if (selector::Index::of(s) != 0x1c06 || selector::Privilege::of(s) != 3 || s.has(selector::local)) return false;
    if (!Selector{0x000f}.has(selector::local) || selector::Index::of(Selector{0xffff}) != 8191) return false;
    // What a guest gives: ring 3 in any case, and no more than 16 bits.
    return selector::in_ring3(0xffff00010010).raw() == 0x0013 && selector::in_ring3(0).raw() == 3;
}

/// The words of a flat model (SDM volume 3, figure 3-8; APM volume 2, figures 4-20 and 4-21).
constexpr bool flat_segments_are_the_known_words() {
    using namespace descriptor;
    return flat(code | is_64bit, 0).raw() == 0x00af9b000000ffff && flat(is_32bit, 0).raw() == 0x00cf93000000ffff &&
           flat(code | is_32bit, 1).raw() == 0x00cfbb000000ffff && flat(is_32bit, 3).raw() == 0x00cff3000000ffff &&
           flat(code | is_64bit, 3).raw() == 0x00affb000000ffff && Privilege::of(flat(code, 2)) == 2;
}

/// SDM volume 3, figure 8-4 and table 3-2.
constexpr bool system_descriptors_keep_their_base_apart() {
    constexpr auto task = SystemDescriptor::of(SystemType::TaskState, 0xffff830123456780, 103);
    if (task.low.raw() != (u64{0x23} << 56 | u64{0x89} << 40 | u64{0x456780} << 16 | 103)) return false;
    if (task.high.raw() != 0xffff8301) return false;
    constexpr auto ldt = SystemDescriptor::of(SystemType::Ldt, 0xff000000, 0xffff);
    return ldt.low.raw() == 0xff0082000000ffff && ldt.high == Descriptor{} &&
           descriptor::Type::of(ldt.low) == SystemType::Ldt && !ldt.low.has(descriptor::is_segment);
}

/// SDM volume 3, figure 6-8.
constexpr bool gates_keep_their_handler_apart() {
    constexpr Gate g = Gate::of(0xffff82d040123456, Selector{0xe008}, 3, 4);
    return g.offset_low == 0x3456 && g.offset_middle == 0x4012 && g.offset_high == 0xffff82d0 && g.reserved == 0 &&
           g.code.raw() == 0xe008 && g.stack == 4 && g.rights == 0xee && Gate::of(0, {}, 0, 0).rights == 0x8e;
}

static_assert(selectors_have_three_parts() && flat_segments_are_the_known_words());
static_assert(system_descriptors_keep_their_base_apart() && gates_keep_their_handler_apart());
TEST(Descriptor, SelectorsHaveThreeParts) { EXPECT_TRUE(selectors_have_three_parts()); }
TEST(Descriptor, FlatSegmentsAreTheKnownWords) { EXPECT_TRUE(flat_segments_are_the_known_words()); }
TEST(Descriptor, SystemDescriptorsKeepTheirBaseApart) { EXPECT_TRUE(system_descriptors_keep_their_base_apart()); }
TEST(Descriptor, GatesKeepTheirHandlerApart) { EXPECT_TRUE(gates_keep_their_handler_apart()); }

/// SDM volume 3, figure 6-8 and 8-11.
static_assert(offsetof(Gate, code) == 2 && offsetof(Gate, stack) == 4 && offsetof(Gate, rights) == 5);
static_assert(offsetof(Gate, offset_middle) == 6 && offsetof(Gate, offset_high) == 8);
static_assert(offsetof(TaskState, rsp0) == 4 && offsetof(TaskState, ist) == 36);
static_assert(offsetof(TaskState, io_map_base) == 102);

} // namespace
