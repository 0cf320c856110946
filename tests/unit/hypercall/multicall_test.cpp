// SPDX-License-Identifier: Apache-2.0
// multicall: results, faults, preemption between entries, and entries that are not finished.
#include "hypercall/fake_caller.hpp"
#include "hypercall/handlers.hpp"
#include "hypercall/table.hpp"

#include <gtest/gtest.h>

using namespace px;
using hypercall::Call;
using hypercall::Outcome;
using hypercall::Restarts;
using hypercall::Row;
using hypercall::Table;

namespace {

int calls, restarts_wanted, preempt_after;

/// args[0] + args[1]; raises a soft interrupt after `preempt_after` calls.
Outcome add(Call& call) {
    if (++calls == preempt_after) softirq::raise(SoftIrq::Timer);
    return Outcome::of(static_cast<s64>(call.args[0] + call.args[1]));
}
/// Counts args[0] down, one per call, and asks to go on.
Outcome countdown(Call& call) {
    ++calls;
    if (call.args[0] == 0) return Outcome::of(42);
    --call.args[0];
    return Outcome::restart();
}

constexpr Row common[] = {{abi::Hypercall(1), "add", add},
                          {abi::Hypercall(3), "multicall", hypercall::multicall, Restarts::Maybe}};
constexpr Row own[] = {{abi::Hypercall(2), "countdown", countdown, Restarts::Maybe},
                       {abi::Hypercall(4), "restarts against its row", countdown}};
constexpr Row others[] = {{abi::Hypercall(5), "add", add}};
constexpr Table table = hypercall::make_table({common, own}), others_table = hypercall::make_table({common, others});
constexpr GuestKind kind{.hypercalls = &table}, other_kind{.hypercalls = &others_table};

// A row is at its number, as its part has it; other numbers are nobody's.
static_assert(table.entries[1].handler == add && table.entries[2].handler == countdown && !table.entries[5].handler);
static_assert(table.entries[2].restarts && !table.entries[1].restarts && !table.entries[0].handler);
static_assert(!others_table.entries[2].handler && others_table.entries[5].handler == add);

struct MulticallTest : testing::Test {
    MulticallTest() {
        fake_current = &caller;
        calls = restarts_wanted = preempt_after = 0;
        softirq::pending.here() = 0;
    }
    ~MulticallTest() override { fake_current = nullptr; }
    static constexpr u64 list = fake::Memory::base + 64;
    static u64 entry(u64 i) { return list + i * sizeof(abi::MulticallEntry); }
    void put(u64 i, u64 op, u64 a, u64 b = 0) {
        caller.memory.put(entry(i), abi::MulticallEntry{.op = op, .result = 0xdead, .args = {a, b, 3, 4, 5, 6}});
    }
    u64 result(u64 i) { return caller.memory.get<abi::MulticallEntry>(entry(i)).result; }
    /// Runs to the end as the guest's repeated hypercall would; returns rax.
    s64 run(u64 address, u64 count, int* repeats = nullptr) {
        Call call{{address, count}};
        for (;;) {
            const Outcome outcome = hypercall::multicall(call);
            if (!outcome.is_restart) return outcome.value;
            if (repeats) ++*repeats;
            softirq::pending.here() = 0;
        }
    }
    fake::CallerDomain domain{DomId(1), &kind};
    fake::Caller caller{domain};
};

TEST_F(MulticallTest, RunsEachAndStoresResults) {
    for (u64 i = 0; i < 10; ++i) put(i, 1, i, 100);
    put(3, 63, 0);
    put(4, 1'000'000, 0);
    EXPECT_EQ(run(list, 10), 0);
    EXPECT_EQ(result(9), 109u);
    EXPECT_EQ(static_cast<s64>(result(3)), -38);
    EXPECT_EQ(static_cast<s64>(result(4)), -38);
    EXPECT_EQ(caller.memory.get<abi::MulticallEntry>(entry(5)).args[0], 5u) << "arguments stay as they were";
}

TEST_F(MulticallTest, PreemptedBetweenEntries) {
    for (u64 i = 0; i < 10; ++i) put(i, 1, i, 0);
    preempt_after = 4;
    int repeats = 0;
    EXPECT_EQ(run(list, 10, &repeats), 0);
    EXPECT_EQ(repeats, 1);
    EXPECT_EQ(calls, 10) << "no entry twice";
    for (u64 i = 0; i < 10; ++i) EXPECT_EQ(result(i), i);
}

TEST_F(MulticallTest, UnfinishedEntryGoesOn) {
    put(0, 1, 1, 1);
    put(1, 2, 5);
    put(2, 1, 2, 2);
    int repeats = 0;
    EXPECT_EQ(run(list, 3, &repeats), 0);
    EXPECT_EQ(repeats, 5);
    EXPECT_EQ(result(1), 42u);
    EXPECT_EQ(result(2), 4u);
    EXPECT_EQ(calls, 1 + 6 + 1);
}

TEST_F(MulticallTest, DoesNotNest) {
    put(0, 3, list, 1);
    EXPECT_EQ(run(list, 1), 0);
    EXPECT_EQ(static_cast<s64>(result(0)), -22);
}

TEST_F(MulticallTest, BadPointersFault) {
    EXPECT_EQ(run(0, 1), -14);
    EXPECT_EQ(run(~u64{0} - 8, 2), -14);
    EXPECT_EQ(run(0, 0), 0);
    const u64 last = fake::Memory::base + caller.memory.bytes.size() - sizeof(abi::MulticallEntry);
    caller.memory.put(last, abi::MulticallEntry{.op = 1, .result = 0, .args = {1, 2}});
    EXPECT_EQ(run(last, 2), -14) << "the second entry is outside";
    EXPECT_EQ(caller.memory.get<abi::MulticallEntry>(last).result, 3u);
    put(0, 1, 1, 1);
    EXPECT_EQ(run(list, 0x1'0000'0001), 0) << "the count has 32 bits";
}

TEST_F(MulticallTest, CallsOfTheGuestsOwnKindOnly) {
    put(0, 5, 1, 1);
    EXPECT_EQ(run(list, 1), 0);
    EXPECT_EQ(static_cast<s64>(result(0)), -38);
    fake::CallerDomain other_domain{DomId(2), &other_kind};
    fake::Caller other{other_domain};
    other.memory = caller.memory;
    fake_current = &other;
    EXPECT_EQ(run(list, 1), 0);
    EXPECT_EQ(other.memory.get<abi::MulticallEntry>(entry(0)).result, 2u);
    other.memory.put(entry(0), abi::MulticallEntry{.op = 2, .result = 0, .args = {1}});
    EXPECT_EQ(run(list, 1), 0);
    EXPECT_EQ(static_cast<s64>(other.memory.get<abi::MulticallEntry>(entry(0)).result), -38);
}

TEST_F(MulticallTest, OnlyCallsWhoseRowSaysSoAreMadeAgain) {
    put(0, 4, 1);
    EXPECT_THROW(run(list, 1), std::logic_error);
}

} // namespace
