// SPDX-License-Identifier: Apache-2.0
// Each counted instruction by its bytes, as an assembler writes them; what looks like one and is none; bytes that end
// early.
#include "bench/plugin/decode.hpp"

#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <vector>

namespace bench {
namespace {

using Bytes = std::vector<uint8_t>;

/// From a copy that ends where the bytes do, so that a byte read too many is found by the sanitizer.
Decoded decoded(const Bytes& bytes, uint32_t msr = 0) {
    const auto copy = std::make_unique<uint8_t[]>(bytes.size());
    std::copy(bytes.begin(), bytes.end(), copy.get());
    return decode(copy.get(), bytes.size(), msr);
}

struct Case {
    const char* text;
    Bytes bytes;
    Event event;
};

const Case cases[] = {
    {"mov %rax, %cr3", {0x0f, 0x22, 0xd8}, Event::MovCr3},
    {"mov %r9, %cr3", {0x41, 0x0f, 0x22, 0xd9}, Event::MovCr3},
    {"mov %rax, %cr4", {0x0f, 0x22, 0xe0}, Event::MovCr},
    {"mov %rax, %cr8", {0x44, 0x0f, 0x22, 0xc0}, Event::MovCr},
    {"mov %rax, %cr11 is not cr3", {0x44, 0x0f, 0x22, 0xd8}, Event::MovCr},
    {"mov %cr3, %rax", {0x0f, 0x20, 0xd8}, Event::None},
    {"clts", {0x0f, 0x06}, Event::MovCr},
    {"lmsw %ax", {0x0f, 0x01, 0xf0}, Event::MovCr},
    {"smsw %ax", {0x0f, 0x01, 0xe0}, Event::None},
    {"mov %rax, %db7", {0x0f, 0x23, 0xf8}, Event::MovDr},
    {"invlpg (%rdi)", {0x0f, 0x01, 0x3f}, Event::Invlpg},
    {"invlpga", {0x0f, 0x01, 0xdf}, Event::Invlpg},
    {"invpcid (%rsi), %rdi", {0x66, 0x0f, 0x38, 0x82, 0x3e}, Event::Invpcid},
    {"0f 38 82 without 66", {0x0f, 0x38, 0x82, 0x3e}, Event::None},
    {"another of 66 0f 38", {0x66, 0x0f, 0x38, 0x00, 0x3e}, Event::None},
    {"wrmsr", {0x0f, 0x30}, Event::Wrmsr},
    {"rdmsr", {0x0f, 0x32}, Event::Rdmsr},
    {"rdtsc", {0x0f, 0x31}, Event::Rdtsc},
    {"rdtscp", {0x0f, 0x01, 0xf9}, Event::Rdtsc},
    {"wrgsbase %rax", {0xf3, 0x48, 0x0f, 0xae, 0xd8}, Event::WrBase},
    {"wrfsbase %rax", {0xf3, 0x48, 0x0f, 0xae, 0xd0}, Event::WrBase},
    {"rdfsbase %rax", {0xf3, 0x48, 0x0f, 0xae, 0xc0}, Event::None},
    {"swapgs", {0x0f, 0x01, 0xf8}, Event::Swapgs},
    {"mov %eax, %ds", {0x8e, 0xd8}, Event::LoadSegment},
    {"lldt %ax", {0x0f, 0x00, 0xd0}, Event::LoadSegment},
    {"ltr %ax", {0x0f, 0x00, 0xd8}, Event::LoadSegment},
    {"str %ax", {0x0f, 0x00, 0xc8}, Event::None},
    {"verw %ax", {0x0f, 0x00, 0xe8}, Event::Verw},
    {"verw (%rip)", {0x0f, 0x00, 0x2d, 1, 2, 3, 4}, Event::Verw},
    {"verr %ax", {0x0f, 0x00, 0xe0}, Event::None},
    {"iretq", {0x48, 0xcf}, Event::Iret},
    {"iretd", {0xcf}, Event::Iret},
    {"sysretq", {0x48, 0x0f, 0x07}, Event::Sysret},
    {"sysexit", {0x0f, 0x35}, Event::Sysret},
    {"syscall", {0x0f, 0x05}, Event::Syscall},
    {"sysenter", {0x0f, 0x34}, Event::Syscall},
    {"int $0x80", {0xcd, 0x80}, Event::Int},
    {"int3", {0xcc}, Event::Int},
    {"cpuid", {0x0f, 0xa2}, Event::Cpuid},
    {"vmrun", {0x0f, 0x01, 0xd8}, Event::Vmrun},
    {"vmlaunch", {0x0f, 0x01, 0xc2}, Event::Vmrun},
    {"vmresume", {0x0f, 0x01, 0xc3}, Event::Vmrun},
    {"vmmcall", {0x0f, 0x01, 0xd9}, Event::Vmmcall},
    {"vmcall", {0x0f, 0x01, 0xc1}, Event::Vmmcall},
    {"vmload", {0x0f, 0x01, 0xda}, Event::Vmload},
    {"vmsave", {0x0f, 0x01, 0xdb}, Event::Vmsave},
    {"stgi", {0x0f, 0x01, 0xdc}, Event::Gif},
    {"clgi", {0x0f, 0x01, 0xdd}, Event::Gif},
    {"sgdt (%rax)", {0x0f, 0x01, 0x00}, Event::None},
    {"lgdt (%rax) has vmrun's neighbourhood", {0x0f, 0x01, 0x10}, Event::None},
    {"hlt", {0xf4}, Event::Hlt},
    {"pause", {0xf3, 0x90}, Event::Pause},
    {"nop", {0x90}, Event::None},
    {"xchg %r8, %rax", {0x49, 0x90}, Event::None},
    {"lock incl (%rax)", {0xf0, 0xff, 0x00}, Event::Lock},
    {"lock cmpxchg %rcx, (%rax)", {0xf0, 0x48, 0x0f, 0xb1, 0x08}, Event::Lock},
    {"lock with other prefixes around it", {0x66, 0xf0, 0x2e, 0x0f, 0xb1, 0x08}, Event::Lock},
    {"cmpxchg without lock", {0x48, 0x0f, 0xb1, 0x08}, Event::None},
    {"xchg %rax, (%rdi)", {0x48, 0x87, 0x07}, Event::Lock},
    {"xchg %al, (%rdi)", {0x86, 0x07}, Event::Lock},
    {"lock xchg counts once", {0xf0, 0x48, 0x87, 0x07}, Event::Lock},
    {"xchg %rcx, %rdi", {0x48, 0x87, 0xcf}, Event::None},
    {"lock cmpxchg16b (%rdi)", {0xf0, 0x48, 0x0f, 0xc7, 0x0f}, Event::Lock},
    {"lfence", {0x0f, 0xae, 0xe8}, Event::Fence},
    {"mfence", {0x0f, 0xae, 0xf0}, Event::Fence},
    {"sfence", {0x0f, 0xae, 0xf8}, Event::Fence},
    {"fxsave64 (%rdi)", {0x48, 0x0f, 0xae, 0x07}, Event::Xsave},
    {"xsaveopt (%rdi)", {0x0f, 0xae, 0x37}, Event::Xsave},
    {"xsaves (%rdi)", {0x0f, 0xc7, 0x2f}, Event::Xsave},
    {"xrstor (%rdi)", {0x0f, 0xae, 0x2f}, Event::Xrstor},
    {"xrstors (%rdi)", {0x0f, 0xc7, 0x1f}, Event::Xrstor},
    {"clflush (%rdi)", {0x0f, 0xae, 0x3f}, Event::None},
    {"rdrand %eax", {0x0f, 0xc7, 0xf0}, Event::None},
    {"ldmxcsr (%rdi)", {0x0f, 0xae, 0x17}, Event::None},
    {"wbinvd", {0x0f, 0x09}, Event::Wbinvd},
    {"out %al, $0x80", {0xe6, 0x80}, Event::Io},
    {"in (%dx), %eax", {0xed}, Event::Io},
    {"rep insl", {0xf3, 0x6d}, Event::Io},
    {"mov %rax, %rbx", {0x48, 0x89, 0xc3}, Event::None},
    {"call *%rax", {0xff, 0xd0}, Event::None},
    {"movabs with an opcode in its constant", {0x48, 0xb8, 0x0f, 0x22, 0xd8, 0xf4, 0xcf, 0, 0, 0}, Event::None},
    {"vzeroupper (VEX)", {0xc5, 0xf8, 0x77}, Event::None},
    {"an EVEX prefix before an opcode's byte", {0x62, 0xf1, 0x7c, 0x48, 0x10, 0x0f}, Event::None},
    {"REX that another prefix makes void", {0x41, 0x66, 0x0f, 0x22, 0xd9}, Event::MovCr3},
};

TEST(decode, each_instruction) {
    for (const Case& one : cases) EXPECT_EQ(decoded(one.bytes).event, one.event) << one.text;
}

/// Cut short before what decides about it, nothing is an event; and nothing is read behind the end.
TEST(decode, truncated) {
    for (const Case& one : cases) {
        for (size_t size = 0; size < one.bytes.size(); ++size) {
            const Event event = decoded({one.bytes.begin(), one.bytes.begin() + static_cast<long>(size)}).event;
            EXPECT_TRUE(event == Event::None || event == one.event) << one.text << " of " << size << " bytes";
        }
    }
    EXPECT_EQ(decoded({0x0f}).event, Event::None);
    EXPECT_EQ(decoded({0x0f, 0x22}).event, Event::None);
    EXPECT_EQ(decoded({0x0f, 0x01}).event, Event::None);
    EXPECT_EQ(decoded({0x66, 0x0f, 0x38, 0x82}).event, Event::None);
    EXPECT_EQ(decoded({0xf0}).event, Event::None);
    EXPECT_EQ(decoded({0xf3}).event, Event::None);
    EXPECT_EQ(decoded({0x48}).event, Event::None);
    EXPECT_EQ(decoded({}).event, Event::None);
}

TEST(decode, source_of_a_control_register) {
    EXPECT_EQ(decoded({0x0f, 0x22, 0xdf}).source, 7);        // mov %rdi, %cr3
    EXPECT_EQ(decoded({0x41, 0x0f, 0x22, 0xdf}).source, 15); // mov %r15, %cr3
    EXPECT_EQ(decoded({0x41, 0x66, 0x0f, 0x22, 0xdf}).source, 7);
}

TEST(decode, a_register_is_told_where_its_number_is_known) {
    for (const uint32_t msr : {0xc0000100u, 0xc0000101u, 0xc0000102u})
        EXPECT_EQ(decoded({0x0f, 0x30}, msr).event, Event::WrmsrBase);
    EXPECT_EQ(decoded({0x0f, 0x30}, 0x830).event, Event::Wrmsr);
    const Bytes load = {0xb9, 0x02, 0x01, 0x00, 0xc0};
    EXPECT_EQ(constant_in_ecx(load.data(), load.size()), 0xc0000102u);
    EXPECT_EQ(constant_in_ecx(load.data(), 4), 0u);
    const Bytes other = {0xb8, 0x02, 0x01, 0x00, 0xc0};
    EXPECT_EQ(constant_in_ecx(other.data(), other.size()), 0u);
}

TEST(decode, marks) {
    for (uint8_t kind = 1; kind <= 4; ++kind)
        EXPECT_EQ(static_cast<uint8_t>(decoded({0x0f, 0x1f, 0x80, kind, 'P', 'X', 'N'}).mark), kind);
    EXPECT_EQ(decoded({0x0f, 0x1f, 0x80, 5, 'P', 'X', 'N'}).mark, Mark::None);
    EXPECT_EQ(decoded({0x0f, 0x1f, 0x80, 0, 'P', 'X', 'N'}).mark, Mark::None);
    EXPECT_EQ(decoded({0x0f, 0x1f, 0x80, 1, 'P', 'X', 'M'}).mark, Mark::None);
    EXPECT_EQ(decoded({0x0f, 0x1f, 0x80, 1, 'P', 'X'}).mark, Mark::None);
    EXPECT_EQ(decoded({0x0f, 0x1f, 0x80, 0, 0, 0, 0}).mark, Mark::None); // a compiler's padding
    EXPECT_EQ(decoded({0x0f, 0x1f, 0x84, 1, 'P', 'X', 'N'}).mark, Mark::None);
    EXPECT_EQ(decoded({0x0f, 0x1f, 0x80, 1, 'P', 'X', 'N'}).event, Event::None);
}

TEST(decode, every_event_has_a_name_of_its_own) {
    std::vector<std::string> names(event_names, event_names + event_count);
    for (const std::string& name : names) EXPECT_EQ(std::count(names.begin(), names.end(), name), 1) << name;
}

} // namespace
} // namespace bench
