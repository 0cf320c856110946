// SPDX-License-Identifier: Apache-2.0
// The decoder: lengths and operands of known encodings, arbitrary bytes; and what emulated writes compute.
#include "x86/guest/decode.hpp"

#include "x86/guest/write_operation.hpp"

#include <gtest/gtest.h>
#include <random>
#include <vector>

using namespace px;
using namespace px::guest;

namespace {

std::optional<Instruction> decode64(std::vector<u8> bytes) { return decode(bytes, CodeSize::Bits64); }

struct Encoding {
    const char* text;
    std::vector<u8> bytes; ///< the instruction, nothing behind it
};

const Encoding encodings[] = {
    {"hlt", {0xf4}},
    {"cli", {0xfa}},
    {"wrmsr", {0x0f, 0x30}},
    {"cpuid", {0x0f, 0xa2}},
    {"xgetbv", {0x0f, 0x01, 0xd0}},
    {"swapgs", {0x0f, 0x01, 0xf8}},
    {"wbinvd", {0x0f, 0x09}},
    {"mov %cr3,%rax", {0x0f, 0x20, 0xd8}},
    {"mov %rdi,%cr8", {0x44, 0x0f, 0x22, 0xc7}},
    {"mov %db7,%rcx", {0x0f, 0x21, 0xf9}},
    {"in (%dx),%al", {0xec}},
    {"out %eax,$0x80", {0xe7, 0x80}},
    {"rep outsl", {0xf3, 0x6f}},
    {"mov %rax,(%rdi)", {0x48, 0x89, 0x07}},
    {"movq $1,8(%rax)", {0x48, 0xc7, 0x40, 0x08, 1, 0, 0, 0}},
    {"movw $1,(%rax)", {0x66, 0xc7, 0x00, 1, 0}},
    {"movabs $1,%r10", {0x49, 0xba, 1, 0, 0, 0, 0, 0, 0, 0}},
    {"movabs %al,0x1122334455667788", {0xa2, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11}},
    {"lock cmpxchg %rcx,(%rbx)", {0xf0, 0x48, 0x0f, 0xb1, 0x0b}},
    {"lock btr $1,(%rdi)", {0xf0, 0x48, 0x0f, 0xba, 0x37, 0x01}},
    {"xchg %rax,0x10(%rsp,%r9,8)", {0x4a, 0x87, 0x44, 0xcc, 0x10}},
    {"and $-3,0x12345678(%r12)", {0x49, 0x83, 0xa4, 0x24, 0x78, 0x56, 0x34, 0x12, 0xfd}},
    {"rep stos %rax,(%rdi)", {0xf3, 0x48, 0xab}},
    {"test $1,%al", {0xf6, 0xc0, 0x01}},
    {"not %eax", {0xf7, 0xd0}},
    {"test $1,%eax", {0xf7, 0xc0, 1, 0, 0, 0}},
    {"enter", {0xc8, 0x10, 0x00, 0x00}},
    {"int $0x80", {0xcd, 0x80}},
    {"nopw %cs:0(%rax,%rax,1)", {0x66, 0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0}},
    {"pshufb %xmm1,%xmm0", {0x66, 0x0f, 0x38, 0x00, 0xc1}},
    {"palignr $1,%xmm1,%xmm0", {0x66, 0x0f, 0x3a, 0x0f, 0xc1, 0x01}},
    {"mov %eax,%gs:0x0", {0x65, 0x89, 0x04, 0x25, 0, 0, 0, 0}},
    {"je", {0x0f, 0x84, 0, 0, 0, 0}},
};

TEST(Decode, LengthsOfKnownInstructions) {
    for (const Encoding& e : encodings) {
        std::vector<u8> bytes = e.bytes;
        const auto i = decode64(bytes);
        ASSERT_TRUE(i) << e.text;
        EXPECT_EQ(i->length, e.bytes.size()) << e.text;
        bytes.resize(15, 0xcc); // what follows does not matter
        const auto longer = decode64(bytes);
        ASSERT_TRUE(longer) << e.text;
        EXPECT_EQ(longer->length, e.bytes.size()) << e.text;
        // Every shorter piece is refused: the caller has to fetch more.
        for (std::size_t n = 0; n < e.bytes.size(); ++n)
            EXPECT_FALSE(decode(std::span(e.bytes).first(n), CodeSize::Bits64)) << e.text << " cut to " << n;
    }
}

TEST(Decode, RefusesVexAndTooManyPrefixes) {
    EXPECT_FALSE(decode64({0xc5, 0xf8, 0x77}));
    EXPECT_FALSE(decode64({0x62, 0xf1, 0x7c, 0x48, 0x10, 0x00}));
    EXPECT_FALSE(decode64(std::vector<u8>(20, 0x66)));
}

TEST(Decode, EffectiveAddresses) {
    x86::Registers r{};
    r.rip = 0x1000;
    r.rsp = 0x7000;
    r.r9 = 3;
    auto i = decode64({0x4a, 0x87, 0x44, 0xcc, 0x10});
    EXPECT_EQ(effective_address(r, *i), 0x7000u + 3 * 8 + 0x10);
    i = decode64({0x48, 0xc7, 0x05, 0xf0, 0xff, 0xff, 0xff, 1, 0, 0, 0}); // relative to the next instruction
    EXPECT_EQ(effective_address(r, *i), 0x1000u + 11 - 16);
    r.rax = ~u64{0};
    i = decode64({0x67, 0x89, 0x40, 0x02}); // mov %eax,2(%eax)
    EXPECT_EQ(effective_address(r, *i), 1u);
}

TEST(Decode, ByteRegistersWithAndWithoutRex) {
    x86::Registers r{};
    r.rax = 0x1234;
    r.rsp = 0x5678;
    EXPECT_EQ(read_register(r, Instruction{}, 4, 1), 0x12u);
    EXPECT_EQ(read_register(r, Instruction{.rex = 0x40}, 4, 1), 0x78u);
    write_register(r, Instruction{}, 4, 1, 0xff);
    EXPECT_EQ(r.rax, 0xff34u);
    r.rcx = ~u64{0};
    write_register(r, Instruction{}, 1, 4, 5);
    EXPECT_EQ(r.rcx, 5u);
}

TEST(Decode, ArbitraryBytesStayInBounds) {
    std::mt19937 random(7);
    for (int n = 0; n < 300000; ++n) {
        std::vector<u8> bytes(random() % 16);
        for (u8& b : bytes) b = static_cast<u8>(random());
        for (CodeSize code : {CodeSize::Bits32, CodeSize::Bits64}) {
            const auto i = decode(bytes, code);
            if (!i) continue;
            ASSERT_GE(i->length, 1);
            ASSERT_LE(i->length, bytes.size());
            x86::Registers r{};
            (void)effective_address(r, *i);
            (void)write_operation(*i, r);
        }
    }
}

/// Runs one instruction with a memory operand on `old`, and the same on the CPU's own registers by inline assembly.
struct Result {
    bool writes;
    u64 value, rax, flags;
};
Result emulate(std::vector<u8> bytes, u64 old, u64 rax, u64 rcx) {
    x86::Registers r{};
    r.rax = rax;
    r.rcx = rcx;
    const auto i = decode64(bytes);
    auto operation = write_operation(*i, r);
    const auto outcome = operation->apply(old, r);
    operation->finish(*i, r);
    EXPECT_EQ(r.rip, bytes.size());
    return {outcome.writes, outcome.value, r.rax, r.rflags.raw() & 0x8d5};
}

#define PX_COMPARE(instruction, mask, ...)                                                                             \
    {                                                                                                                  \
        u64 memory = old, a = rax, flags;                                                                              \
        asm(instruction "; pushfq; popq %2" : "+m"(memory), "+a"(a), "=r"(flags) : "c"(rcx) : "cc");                   \
        const Result mine = emulate({__VA_ARGS__}, old, rax, rcx);                                                     \
        EXPECT_EQ(mine.writes ? mine.value : old, memory) << instruction;                                              \
        EXPECT_EQ(mine.rax, a) << instruction;                                                                         \
        EXPECT_EQ(mine.flags&(mask), flags&(mask)) << instruction;                                                     \
    }

TEST(WriteOperation, ComputesWhatTheCpuDoes) {
    constexpr u64 all = 0x8d5, logic = 0x8c5, carry_only = 1;
    std::mt19937_64 random(5);
    for (int n = 0; n < 2000; ++n) {
        const u64 old = random() % 3 == 0 ? random() % 4 : random();
        const u64 rax = random() % 2 ? old : random(), rcx = random() % 64;
        PX_COMPARE("lock cmpxchgq %%rcx,%0", all, 0xf0, 0x48, 0x0f, 0xb1, 0x0f)
        PX_COMPARE("addq %%rcx,%0", all, 0x48, 0x01, 0x0f)
        PX_COMPARE("subq %%rcx,%0", all, 0x48, 0x29, 0x0f)
        PX_COMPARE("andq %%rcx,%0", logic, 0x48, 0x21, 0x0f)
        PX_COMPARE("orq %%rcx,%0", logic, 0x48, 0x09, 0x0f)
        PX_COMPARE("xorq $-3,%0", logic, 0x48, 0x83, 0x37, 0xfd)
        PX_COMPARE("xchgq %%rax,%0", 0, 0x48, 0x87, 0x07)
        PX_COMPARE("xaddq %%rax,%0", all, 0x48, 0x0f, 0xc1, 0x07)
        PX_COMPARE("btrq $1,%0", carry_only, 0x48, 0x0f, 0xba, 0x37, 0x01)
        PX_COMPARE("btsq $62,%0", carry_only, 0x48, 0x0f, 0xba, 0x2f, 0x3e)
        PX_COMPARE("btcq %%rcx,%0", carry_only, 0x48, 0x0f, 0xbb, 0x0f)
        PX_COMPARE("movq $-7,%0", 0, 0x48, 0xc7, 0x07, 0xf9, 0xff, 0xff, 0xff)
    }
}

TEST(WriteOperation, StringsGoOnRoundByRound) {
    x86::Registers r{};
    r.rax = 0x55;
    r.rcx = 2;
    r.rdi = 0x1000;
    const auto i = decode64({0xf3, 0x48, 0xab});
    auto operation = write_operation(*i, r);
    EXPECT_EQ(operation->apply(0, r).value, 0x55u);
    operation->finish(*i, r);
    EXPECT_EQ(r.rdi, 0x1008u);
    EXPECT_EQ(r.rcx, 1u);
    EXPECT_EQ(r.rip, 0u);
    operation->finish(*i, r);
    EXPECT_EQ(r.rip, 3u);
    EXPECT_EQ(r.rdi, 0x1010u);
}

} // namespace
