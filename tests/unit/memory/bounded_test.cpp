// SPDX-License-Identifier: Apache-2.0
// Indices behind a check that the CPU may guess wrongly.
#include "base/bounded.hpp"

#include <gtest/gtest.h>

namespace px {
namespace {

TEST(Bounded, IsTheIndexOrZero) {
    constexpr u64 values[] = {0, 1, 2, 127, 128, 129, 0x7fffffff, 0xffffffff, u64{1} << 62, u64{1} << 63, ~u64{0}};
    for (const u64 size : {u64{0}, u64{1}, u64{128}, u64{0xffffffff}, (u64{1} << 63) - 1})
        for (const u64 index : values)
            EXPECT_EQ(bounded(index, size), index < size ? index : 0) << index << " " << size;
}

} // namespace
} // namespace px
