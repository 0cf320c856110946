// SPDX-License-Identifier: Apache-2.0
// Registers and fields: what compiles, what does not, and that neighbours are left alone. Each case runs twice: when it
// is compiled, where undefined behaviour is an error, and under the sanitizers.
#include "base/register.hpp"

#include <gtest/gtest.h>

using namespace px;

namespace {

using Wide = Register<struct WideTag, u64>;
using Other = Register<struct OtherTag, u64>;
using Byte = Register<struct ByteTag, u8>;

template <class A, class B>
concept Mixes = requires(A a, B b) { a | b; };
template <class A, class B>
concept Compares = requires(A a, B b) { a == b; };
static_assert(Mixes<Wide, Wide> && !Mixes<Wide, Other> && !Mixes<Wide, u64> && !Mixes<Wide, Byte>);
static_assert(Compares<Wide, Wide> && !Compares<Wide, Other> && !Compares<Wide, u64>);
static_assert(!std::is_convertible_v<u64, Wide> && !std::is_convertible_v<Wide, u64>);
static_assert(sizeof(Wide) == 8 && sizeof(Byte) == 1 && std::is_trivially_copyable_v<Wide>);
static_assert(std::is_standard_layout_v<Wide>); // offsetof of a structure that has one

constexpr auto first = Wide::bit(0), last = Wide::bit(63);

constexpr bool bits_are_set_and_cleared() {
    Wide w = first | last;
    if (w.raw() != (u64{1} << 63 | 1) || !w.has(first) || !w.has(first | last)) return false;
    if (w.without(first) != last || w.with(Wide::bit(1)).raw() != (u64{1} << 63 | 3)) return false;
    // has: all of them; has_any: one will do. Of no bits all are there, and not one.
    if (first.has(first | last) || !first.has_any(first | last)) return false;
    if (!first.has(Wide{}) || first.has_any(Wide{})) return false;
    w &= ~last;
    if (w != first) return false;
    w |= last;
    return (w ^ first) == last && Byte::bit(7).raw() == 0x80 && (~Byte{0x0f}).raw() == 0xf0;
}

enum class Kind : u8 { None, Some, Many };
using Low = Field<Wide, 0, 4>;
using Middle = Field<Wide, 4, 2, Kind>;
using Top = Field<Wide, 60, 4>;
using InByte = Field<Byte, 5, 3>;

constexpr bool fields_are_read_at_their_width() {
    constexpr Wide w{0xa0000000000000e7};
    return Low::of(w) == 7 && Middle::of(w) == Kind::Many && Top::of(w) == 0xa && InByte::of(Byte{0xa1}) == 5;
}

constexpr bool neighbours_are_left_alone() {
    constexpr Wide all{~u64{0}};
    if (Middle::put(all, Kind::None).raw() != ~u64{0x30} || Middle::put(Wide{}, Kind::Many).raw() != 0x20) return false;
    if (Top::put(all, 0).raw() != ~u64{0} >> 4 || Top::make(1).raw() != u64{1} << 60) return false;
    // What is too large for a field is cut off.
    return Low::make(0x12).raw() == 2 && Low::put(Wide{0xf0}, 0xff).raw() == 0xff && InByte::make(0xff).raw() == 0xe0;
}

static_assert(bits_are_set_and_cleared() && fields_are_read_at_their_width() && neighbours_are_left_alone());
TEST(Register, BitsAreSetAndCleared) { EXPECT_TRUE(bits_are_set_and_cleared()); }
TEST(Register, FieldsAreReadAtTheirWidth) { EXPECT_TRUE(fields_are_read_at_their_width()); }
TEST(Register, NeighboursAreLeftAlone) { EXPECT_TRUE(neighbours_are_left_alone()); }

} // namespace
