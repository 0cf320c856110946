// SPDX-License-Identifier: Apache-2.0
// CPU policies: limits, round trips through the tools' form, consistency of leaves.
#include "x86/guest/policy/cpu_policy.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace px::guest {
namespace {

/// A CPU of the recorded kind: AMD, with AVX-512 and everything else a guest must not see all at once.
CpuidLeafValue recorded(u32 leaf, u32 subleaf) {
    static const std::map<std::pair<u32, u32>, CpuidLeafValue> leaves = {
        {{0, 0}, {0x16, 0x68747541, 0x444d4163, 0x69746e65}},
        {{1, 0}, {0x00060fb1, 0x00020800, ~0u, ~0u}},
        {{4, 0}, {0x121, 1, 2, 3}},
        {{4, 1}, {0x122, 1, 2, 3}},
        {{7, 0}, {1, ~0u, ~0u, ~0u}},
        {{7, 1}, {~0u, 0, 0, 0}},
        {{0xd, 0}, {0x2e7, 2696, 2696, 0}},
        {{0xd, 1}, {0xf, 0, 0, 0}},
        {{0xd, 2}, {256, 576, 0, 0}},
        {{0xd, 5}, {64, 1088, 0, 0}},
        {{0xd, 6}, {512, 1152, 0, 0}},
        {{0xd, 7}, {1024, 1664, 0, 0}},
        {{0xd, 9}, {8, 2688, 0, 0}},
        {{0x80000000, 0}, {0x80000021, 0, 0, 0}},
        {{0x80000001, 0}, {0, 0, ~0u, ~0u}},
        {{0x80000008, 0}, {0x3028, ~0u, ~0u, 0}},
        {{0x8000000a, 0}, {1, 16, 0, ~0u}},
    };
    const auto found = leaves.find({leaf, subleaf});
    return found == leaves.end() ? CpuidLeafValue{} : found->second;
}

constexpr u64 avx_host = 7;

CpuPolicy limited(u64 components) {
    CpuPolicy p;
    read_policy(p, &recorded);
    limit_to_pv(p, components);
    return p;
}

TEST(CpuPolicy, LeavesOutWhatParavirtualGuestsCannotUse) {
    const CpuPolicy p = limited(avx_host);
    EXPECT_TRUE(p.has(x86::leaf_1c::hypervisor));
    for (const unsigned bit : {3u, 5u, 17u, 21u, 24u}) EXPECT_FALSE(p.basic[1].c & 1u << bit) << "1c bit " << bit;
    for (const unsigned bit : {1u, 3u, 12u, 13u, 17u}) EXPECT_FALSE(p.basic[1].d & 1u << bit) << "1d bit " << bit;
    for (const unsigned bit : {7u, 10u, 20u}) EXPECT_FALSE(p.feature[0].b & 1u << bit) << "7b bit " << bit;
    EXPECT_FALSE(p.feature[0].d & (1u << 26 | 1u << 27 | 1u << 29 | 1u << 31)) << "MSRs that nobody emulates";
    EXPECT_FALSE(p.extended[1].c & 1u << 2) << "SVM";
    EXPECT_EQ(p.extended[0xa], CpuidLeafValue{});
    EXPECT_LE(p.basic[0].a, 0xdu);
}

/// All bits that may pass: what guests have seen so far, a word after the other.
TEST(CpuPolicy, WhatMayPassIsKnown) {
    const CpuPolicy p = limited(0xe7);
    EXPECT_EQ(p.basic[1].d, 0x1f89cbf5u);
    EXPECT_EQ(p.basic[1].c, 0xf6d83203u);
    EXPECT_EQ(p.feature[0].b, 0xf1af0329u);
    EXPECT_EQ(p.feature[0].c, 0x1a405f43u);
    EXPECT_EQ(p.feature[0].d, 0x0000401cu);
    EXPECT_EQ(p.feature[1], (CpuidLeafValue{0x30, 0, 0, 0}));
    EXPECT_EQ(p.extended[1].d, 0xea500800u | 0x0181c3f5u); // AMD's
    EXPECT_EQ(p.extended[1].c, 0x002109e3u);
    EXPECT_EQ(p.extended[8], (CpuidLeafValue{0x3028, 1, 0, 0}));
    EXPECT_EQ(p.xstate[1].a, 7u);
}

/// The place of a word is its type's.
TEST(CpuPolicy, AWordIsFoundByItsType) {
    CpuPolicy p{};
    p.add(x86::leaf_1c::avx);
    p.add(x86::leaf_7b::avx2 | x86::leaf_7b::bmi2);
    p.add(x86::leaf_7_1a::avx_vnni);
    p.add(x86::leaf_d_1a::xsavec);
    p.add(x86::extended_21a::automatic_ibrs);
    EXPECT_EQ(p.basic[1], (CpuidLeafValue{0, 0, 1u << 28, 0}));
    EXPECT_EQ(p.feature[0], (CpuidLeafValue{0, 1u << 5 | 1u << 8, 0, 0}));
    EXPECT_EQ(p.feature[1], (CpuidLeafValue{1u << 4, 0, 0, 0}));
    EXPECT_EQ(p.xstate[1], (CpuidLeafValue{1u << 1, 0, 0, 0}));
    EXPECT_EQ(p.extended[0x21], (CpuidLeafValue{1u << 8, 0, 0, 0}));
    EXPECT_TRUE(p.has(x86::leaf_7b::avx2 | x86::leaf_7b::bmi2) && !p.has(x86::leaf_7b::avx2 | x86::leaf_7b::bmi1));
    p.remove(x86::leaf_7b::avx2);
    EXPECT_EQ(p.get<x86::Leaf7B>(), x86::leaf_7b::bmi2);
    p.keep(x86::leaf_7b::avx2);
    EXPECT_EQ(p.get<x86::Leaf7B>(), x86::Leaf7B{});
}

TEST(CpuPolicy, ExtendedStateFollowsTheSwitchedComponents) {
    const CpuPolicy avx = limited(avx_host);
    EXPECT_EQ(avx.xstate[0].a, 7u);
    EXPECT_EQ(avx.xstate[0].c, 832u);
    EXPECT_EQ(avx.xstate[7], CpuidLeafValue{});
    EXPECT_TRUE(avx.basic[1].c & 1u << 28);
    EXPECT_FALSE(avx.feature[0].b & 1u << 16) << "AVX-512 without its state";
    const CpuPolicy all = limited(0xe7);
    EXPECT_EQ(all.xstate[0].c, 2688u);
    EXPECT_TRUE(all.feature[0].b & 1u << 16);
    const CpuPolicy none = limited(0);
    EXPECT_EQ(none.xstate[0], CpuidLeafValue{});
    EXPECT_FALSE(none.basic[1].c & (1u << 26 | 1u << 28 | 1u << 12));
    EXPECT_FALSE(none.feature[0].b & 1u << 5);
}

TEST(CpuPolicy, RoundTripThroughTheToolsForm) {
    const CpuPolicy p = limited(avx_host);
    abi::CpuidLeaf leaves[max_serialised_leaves];
    abi::MsrEntry msrs[max_serialised_msrs];
    const u32 count = serialise_leaves(p, leaves);
    ASSERT_LE(count, max_serialised_leaves);
    CpuPolicy copy{};
    for (u32 i = 0; i < count; ++i) ASSERT_TRUE(merge(copy, leaves[i])) << std::hex << leaves[i].leaf;
    for (u32 i = 0; i < serialise_msrs(p, msrs); ++i) ASSERT_TRUE(merge(copy, msrs[i]));
    abi::CpuidLeaf again[max_serialised_leaves];
    ASSERT_EQ(serialise_leaves(copy, again), count);
    for (u32 i = 0; i < count; ++i) {
        EXPECT_EQ(leaves[i].leaf, again[i].leaf);
        EXPECT_EQ(leaves[i].a, again[i].a) << std::hex << leaves[i].leaf;
        EXPECT_EQ(leaves[i].d, again[i].d) << std::hex << leaves[i].leaf;
    }
}

TEST(CpuPolicy, UnknownLeavesAreRefused) {
    CpuPolicy p{};
    for (const abi::CpuidLeaf leaf : {abi::CpuidLeaf{0x17, ~0u, 0, 0, 0, 0},
                                      {4, 6, 0, 0, 0, 0},
                                      {4, ~0u, 0, 0, 0, 0},
                                      {1, 0, 0, 0, 0, 0},
                                      {0x80000022, ~0u, 0, 0, 0, 0},
                                      {0xd, 63, 0, 0, 0, 0}})
        EXPECT_EQ(merge(p, leaf).error(), Error::Range) << std::hex << leaf.leaf;
    EXPECT_EQ(merge(p, abi::MsrEntry{0x10, 0, 0}).error(), Error::Range);
    EXPECT_EQ(merge(p, abi::MsrEntry{0xce, 1, 0}).error(), Error::Invalid);
}

/// Whatever tools send: afterwards the guest has nothing beyond the maximum, and serialising it stays in bounds.
TEST(CpuPolicy, RandomPoliciesNeverExceedTheMaximum) {
    const CpuPolicy maximum = limited(avx_host);
    std::mt19937 random(1);
    for (int round = 0; round < 2000; ++round) {
        CpuPolicy p = maximum;
        for (int i = 0; i < 40; ++i) {
            const u32 bases[] = {static_cast<u32>(random() % 0x18), 0x80000000u + static_cast<u32>(random() % 0x24),
                                 0x40000000u};
            const u32 leaf = bases[random() % 3];
            const u32 subleaf = random() % 2 ? ~0u : static_cast<u32>(random() % 64);
            (void)merge(p, abi::CpuidLeaf{leaf, subleaf, static_cast<u32>(random()), static_cast<u32>(random()),
                                          static_cast<u32>(random()), static_cast<u32>(random())});
        }
        recalculate(p, maximum, avx_host);
        u32 words[featureset_words], limits[featureset_words];
        get_featureset(p, words);
        get_featureset(maximum, limits);
        for (u32 i = 0; i < featureset_words; ++i) {
            if (i == 11) continue; // leaf 0x80000021: no feature of it is offered
            EXPECT_EQ(words[i] & ~limits[i], 0u) << "word " << i;
        }
        EXPECT_EQ(p.xstate[0].a & ~u32{avx_host}, 0u);
        abi::CpuidLeaf leaves[max_serialised_leaves];
        EXPECT_LE(serialise_leaves(p, leaves), max_serialised_leaves);
    }
}

} // namespace
} // namespace px::guest
