// SPDX-License-Identifier: Apache-2.0
// Tables that compare our numbers and layouts with those of the public headers, one line each.
#pragma once

#include <gtest/gtest.h>

#include "tests/unit/abi/xen_headers.hpp"

/// Two spellings of one number.
#define SAME(ours, theirs) EXPECT_EQ(static_cast<long long>(ours), static_cast<long long>(theirs)) << #theirs

// Applies FIELD(ours, theirs, field) to each further argument (up to 256).
#define ABI_PARENS ()
#define ABI_EXPAND(...) ABI_EXPAND3(ABI_EXPAND3(ABI_EXPAND3(ABI_EXPAND3(__VA_ARGS__))))
#define ABI_EXPAND3(...) ABI_EXPAND2(ABI_EXPAND2(ABI_EXPAND2(ABI_EXPAND2(__VA_ARGS__))))
#define ABI_EXPAND2(...) ABI_EXPAND1(ABI_EXPAND1(ABI_EXPAND1(ABI_EXPAND1(__VA_ARGS__))))
#define ABI_EXPAND1(...) ABI_EXPAND0(ABI_EXPAND0(ABI_EXPAND0(ABI_EXPAND0(__VA_ARGS__))))
#define ABI_EXPAND0(...) __VA_ARGS__
#define ABI_EACH_AGAIN() ABI_EACH
#define ABI_EACH(ours, theirs, field, ...)                                                                             \
    ABI_FIELD(ours, theirs, field)                                                                                     \
    __VA_OPT__(ABI_EACH_AGAIN ABI_PARENS(ours, theirs, __VA_ARGS__))

#define ABI_FIELD(ours, theirs, field)                                                                                 \
    EXPECT_EQ(offsetof(ours, field), offsetof(theirs, field)) << #ours "." #field " offset";                           \
    EXPECT_EQ(sizeof(static_cast<ours*>(nullptr)->field), sizeof(static_cast<theirs*>(nullptr)->field))                \
        << #ours "." #field " size";

/// One structure: size, alignment, and offset and size of each field; both sides share field names.
#define LAYOUT(ours, theirs, ...)                                                                                      \
    do {                                                                                                               \
        using Theirs [[maybe_unused]] = theirs;                                                                        \
        EXPECT_EQ(sizeof(ours), sizeof(Theirs)) << #ours;                                                              \
        EXPECT_EQ(alignof(ours), alignof(Theirs)) << #ours;                                                            \
        ABI_EXPAND(ABI_EACH(ours, Theirs, __VA_ARGS__))                                                                \
    } while (false)
