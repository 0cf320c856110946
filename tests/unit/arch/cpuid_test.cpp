// SPDX-License-Identifier: Apache-2.0
// CPUID's words: which register of which leaf a type stands for, and whole words that CPUs are known to give.
#include "x86/arch/cpuid_bits.hpp"

#include <gtest/gtest.h>

using namespace px;
using namespace px::x86;

namespace {

template <class A, class B>
concept Mixes = requires(A a, B b) { a | b; };
static_assert(!Mixes<Leaf1C, Leaf1D> && !Mixes<Leaf7B, Leaf7C> && !Mixes<Leaf7Sub1A, LeafDSub1A>);
static_assert(Leaf7Sub1A::Identity::leaf == 7 && Leaf7Sub1A::Identity::subleaf == 1);
static_assert(Extended8B::Identity::leaf == 0x80000008 && Extended8B::Identity::in == CpuidRegister::B);

/// A bit is looked for in its own register.
constexpr bool registers_are_found_by_type() {
    constexpr CpuidResult r{1u << 4, 1u << 5, 1u << 28, 1u << 26};
    if (!r.has(leaf_1c::avx) || r.has(leaf_1c::xsave) || !r.has(leaf_1d::sse2) || r.has(leaf_1d::htt)) return false;
    return r.has(leaf_7b::avx2) && r.has(leaf_7d::ibrs_ibpb) && r.has(leaf_7_1a::avx_vnni);
}

/// Of a Core 2 Duo T7300 and a Ryzen 7 (SDM volume 2, tables 3-10 and 3-11; APM volume 3, appendix E).
constexpr bool known_words_read_as_they_should() {
    constexpr Leaf1D edx{0xbfebfbff};
    if (!edx.has(leaf_1d::fpu | leaf_1d::sep | leaf_1d::mtrr | leaf_1d::clflush | leaf_1d::htt)) return false;
    constexpr Leaf1C ecx{0x0000e3bd};
    if (!ecx.has(leaf_1c::sse3 | leaf_1c::vmx | leaf_1c::cx16) || ecx.has_any(leaf_1c::avx | leaf_1c::x2apic))
        return false;
    constexpr Leaf1B ebx{0x01020800};
    if (leaf_1b::FlushUnits::of(ebx) != 8 || leaf_1b::Threads::of(ebx) != 2 || leaf_1b::ApicId::of(ebx) != 1)
        return false;
    constexpr Extended1D amd{0x2fd3fbff};
    if (!amd.has(extended_1d::syscall | extended_1d::nx | extended_1d::gib_pages | extended_1d::long_mode))
        return false;
    return extended_8a::PhysicalBits::of(Extended8A{0x3030}) == 48 && !amd.has_any(extended_1d::amd_3dnow);
}

static_assert(registers_are_found_by_type() && known_words_read_as_they_should());
TEST(Cpuid, RegistersAreFoundByType) { EXPECT_TRUE(registers_are_found_by_type()); }
TEST(Cpuid, KnownWordsReadAsTheyShould) { EXPECT_TRUE(known_words_read_as_they_should()); }

} // namespace
