// SPDX-License-Identifier: Apache-2.0
// CPUID texts: libxl's names and lists of leaves.
#include "config/cpuid.hpp"
#include "config/load.hpp"

#include <gtest/gtest.h>

using namespace config;

namespace {

std::string letters(const std::string& text, std::uint32_t leaf, unsigned place) {
    auto parsed = parse_cpuid(text);
    EXPECT_TRUE(parsed) << text;
    if (parsed)
        for (auto& each : *parsed)
            if (each.leaf == leaf) return each.registers[place];
    return {};
}

} // namespace

TEST(Cpuid, NamesHaveTheirPlaces) {
    // The bits of the SDM's tables: TM is leaf 1 EDX 29, SSE3 ECX 0, hypervisor ECX 31, AVX2 leaf 7 EBX 5, NX 80000001
    // EDX 20.
    EXPECT_EQ(letters("host,tm=0", 1, 3), "xx0xxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
    EXPECT_EQ(letters("host,sse3=1", 1, 2), "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx1");
    EXPECT_EQ(letters("host,hypervisor=k", 1, 2), "kxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
    EXPECT_EQ(letters("host, avx2=0", 7, 1), "xxxxxxxxxxxxxxxxxxxxxxxxxx0xxxxx");
    EXPECT_EQ(letters("host,nx=0", 0x80000001, 3), "xxxxxxxxxxx0xxxxxxxxxxxxxxxxxxxx");
    EXPECT_EQ(letters("host,avx512vl=0,sha=0", 7, 1), "0x0xxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
    EXPECT_EQ(letters("host,ssbd=0", 7, 3), "0xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
    EXPECT_EQ(letters("host,3dnow=0,lm=0", 0x80000001, 3), "0x0xxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
    EXPECT_EQ(letters("host,sse4_1=0,sse4.2=1", 1, 2), "xxxxxxxxxxx10xxxxxxxxxxxxxxxxxxx");
    EXPECT_EQ(letters("host,proccount=6", 1, 1), "xxxxxxxx00000110xxxxxxxxxxxxxxxx");
    EXPECT_TRUE(parse_cpuid("host")->empty());
}

TEST(Cpuid, WrongTextsAreRefused) {
    for (auto text :
         {"", "tm=0", "host,tm", "host,nosuch=0", "host,-=0", "host,tm=2", "host,proccount=256", "host,tm=y"})
        EXPECT_FALSE(parse_cpuid(text)) << text;
    for (auto text : {"1", "1:ecx=x",
                      "1:exx="
                      "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
                      "x:ecx=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "1,:ecx=0"})
        EXPECT_FALSE(parse_cpuid_leaves({text})) << text;
}

TEST(Cpuid, ListsOfLeaves) {
    auto parsed = parse_cpuid_leaves({"0x1:ecx=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx0,edx=1xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
                                      "7,0:ebx=kxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"});
    ASSERT_TRUE(parsed);
    ASSERT_EQ(parsed->size(), 2u);
    EXPECT_FALSE((*parsed)[0].subleaf);
    EXPECT_EQ((*parsed)[1].subleaf, 0u);
    EXPECT_EQ((*parsed)[0].registers[3][0], '1');
}

TEST(Cpuid, BitsAreApplied) {
    EXPECT_EQ(apply_bits("10xkxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 0x60000001, 0x10000000), 0xb0000001u);
    EXPECT_EQ(apply_bits("", 5, 7), 5u);
    EXPECT_EQ(apply_bits("sxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 0xffffffff, 0), 0x7fffffffu);
}

TEST(Cpuid, ReachesTheConfiguration) {
    auto loaded = load_text("name='g'\nkernel='/k'\ncpuid='host,avx2=0'\n", "g.cfg");
    ASSERT_TRUE(loaded);
    EXPECT_EQ(loaded->cpuid.size(), 1u);
    EXPECT_FALSE(load_text("name='g'\nkernel='/k'\ncpuid='avx2=0'\n", "g.cfg"));
}
