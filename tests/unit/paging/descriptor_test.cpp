// SPDX-License-Identifier: Apache-2.0
// Which descriptors a guest may have.
#include "x86/pv/paging/descriptor.hpp"

#include <gtest/gtest.h>
#include <memory>

using namespace px;
using x86::Descriptor;
using x86::SystemType;

namespace {

/// What becomes of a descriptor; nothing: it is refused.
constexpr std::optional<Descriptor> sanitised(Descriptor d) {
    return pv::sanitise(d) ? std::optional(d) : std::nullopt;
}

constexpr auto code = x86::descriptor::code | x86::descriptor::is_64bit;

constexpr bool segments_become_those_of_ring_3() {
    for (unsigned privilege = 0; privilege < 4; ++privilege) {
        const auto level = static_cast<u8>(privilege);
        if (sanitised(x86::descriptor::flat(code, level)) != x86::descriptor::flat(code, 3)) return false;
        // Nobody can use what is not there: it stays as it is.
        const Descriptor absent = x86::descriptor::flat(code, level).without(x86::descriptor::present);
        if (sanitised(absent) != absent) return false;
    }
    return sanitised({}) == Descriptor{};
}

constexpr bool what_leads_out_of_ring_3_is_refused() {
    for (unsigned type = 1; type < 16; ++type) {
        const auto system = x86::SystemDescriptor::of(static_cast<SystemType>(type), 0x1000, 0xfff);
        if (sanitised(system.low)) return false;
        const Descriptor absent = system.low.without(x86::descriptor::present);
        if (sanitised(absent) != absent) return false;
    }
    // The reserved type, which the CPU refuses.
    return sanitised(x86::SystemDescriptor::of(SystemType::None, 0x1000, 0xfff).low).has_value();
}

static_assert(segments_become_those_of_ring_3() && what_leads_out_of_ring_3_is_refused());
TEST(Descriptors, SegmentsBecomeThoseOfRing3) { EXPECT_TRUE(segments_become_those_of_ring_3()); }
TEST(Descriptors, WhatLeadsOutOfRing3IsRefused) { EXPECT_TRUE(what_leads_out_of_ring_3_is_refused()); }

TEST(Descriptors, APageIsLookedThroughToItsEnd) {
    const auto page = std::make_unique<x86::DescriptorPage>();
    Descriptor& last = page->entry[x86::DescriptorPage::entries - 1];
    page->entry[0] = last = x86::descriptor::flat(code, 0);
    EXPECT_TRUE(pv::sanitise_page(*page));
    EXPECT_EQ(page->entry[0], x86::descriptor::flat(code, 3));
    EXPECT_EQ(last, x86::descriptor::flat(code, 3));
    last = x86::SystemDescriptor::of(SystemType::InterruptGate, 0, 0).low;
    EXPECT_FALSE(pv::sanitise_page(*page));
}

} // namespace
