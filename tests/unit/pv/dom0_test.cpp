// SPDX-License-Identifier: Apache-2.0
// The dom0 builder's pure parts: kernels' ELF files and notes, where things go, dom0_mem=.
#include "x86/guest/load/elf.hpp"
#include "x86/guest/load/memory_option.hpp"
#include "x86/pv/dom0/layout.hpp"

#include "abi/elfnote.hpp"
#include "boot/option_list.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <vector>

namespace px::options {
std::span<const BootOption> all() { return {}; }
} // namespace px::options

namespace px::pv::dom0 {
namespace {

using File = std::vector<u8>;

template <class T> void put(File& file, std::size_t at, T value) {
    if (file.size() < at + sizeof(T)) file.resize(at + sizeof(T));
    std::memcpy(file.data() + at, &value, sizeof(T));
}

void add_note(File& notes, abi::ElfNote type, const void* value, u32 bytes) {
    const std::size_t at = notes.size();
    put<u32>(notes, at, 4);
    put<u32>(notes, at + 4, bytes);
    put<u32>(notes, at + 8, static_cast<u32>(type));
    notes.insert(notes.end(), {'X', 'e', 'n', 0});
    const auto* p = static_cast<const u8*>(value);
    notes.insert(notes.end(), p, p + bytes);
    while (notes.size() % 4) notes.push_back(0);
}
void add_number(File& notes, abi::ElfNote type, u64 value) { add_note(notes, type, &value, sizeof(value)); }

constexpr u64 base = 0xffffffff80000000;

/// A kernel like Linux's: one segment at 16 MiB, notes behind it.
File kernel_file() {
    File notes;
    add_note(notes, abi::ElfNote::XenVersion, "xen-3.0", 8);
    add_number(notes, abi::ElfNote::VirtBase, base);
    add_number(notes, abi::ElfNote::PaddrOffset, 0);
    add_number(notes, abi::ElfNote::Entry, base + 0x1000000);
    add_number(notes, abi::ElfNote::InitP2m, 0x8000000000);
    add_number(notes, abi::ElfNote::ModStartPfn, 1);
    File f{0x7f, 'E', 'L', 'F', 2, 1, 1};
    f.resize(64 + 2 * 56);
    put<u16>(f, 16, 2);
    put<u16>(f, 18, 62);
    put<u64>(f, 24, 0x1000000);
    put<u64>(f, 32, 64);
    put<u16>(f, 54, 56);
    put<u16>(f, 56, 2);
    const auto header = [&f](std::size_t at, u32 type, u64 offset, u64 address, u64 file_bytes, u64 memory_bytes) {
        put<u32>(f, at, type);
        put<u64>(f, at + 8, offset);
        put<u64>(f, at + 24, address);
        put<u64>(f, at + 32, file_bytes);
        put<u64>(f, at + 40, memory_bytes);
    };
    header(64, 1, 512, 0x1000000, 1024, 0x300000);
    header(64 + 56, 4, 2048, 0, notes.size(), notes.size());
    f.resize(2048);
    f.insert(f.end(), notes.begin(), notes.end());
    return f;
}

TEST(Kernel, NotesAndSegments) {
    const auto k = parse_kernel(kernel_file());
    ASSERT_TRUE(k);
    EXPECT_EQ(k->entry, GuestVaddr(base + 0x1000000));
    EXPECT_EQ(k->virt_base, GuestVaddr(base));
    EXPECT_EQ(k->init_p2m, GuestVaddr(0x8000000000));
    EXPECT_TRUE(k->takes_module_by_frame);
    EXPECT_EQ(k->segment_count, 1u);
    EXPECT_EQ(k->start, 0x1000000u);
    EXPECT_EQ(k->end, 0x1300000u);
}

TEST(Kernel, DamagedFilesAreRefusedOrStayInBounds) {
    const File good = kernel_file();
    for (std::size_t n = 0; n < good.size(); n += 7) (void)parse_kernel(std::span(good).first(n));
    std::mt19937_64 random(2);
    for (int round = 0; round < 20000; ++round) {
        File f = good;
        for (int i = 0; i < 4; ++i) f[random() % f.size()] = static_cast<u8>(random());
        const auto k = parse_kernel(f);
        if (!k) continue;
        for (std::size_t i = 0; i < k->segment_count; ++i) {
            const Segment& s = k->segments[i];
            EXPECT_LE(s.file_offset + s.file_bytes, f.size());
            EXPECT_LE(s.file_bytes, s.memory_bytes);
            EXPECT_GE(s.address, k->start);
            EXPECT_LE(s.address + s.memory_bytes, k->end);
        }
    }
}

TEST(Layout, NothingOverlapsAndTablesSuffice) {
    Kernel k = *parse_kernel(kernel_file());
    for (const auto p2m : {GuestVaddr(0x8000000000), GuestVaddr(0)}) {
        for (const u64 frames : {u64{16384}, u64{65536}, u64{1} << 20}) {
            k.init_p2m = p2m;
            const auto l = make_layout(k, frames, 5'000'000);
            ASSERT_TRUE(l);
            const FrameRange* const ranges[] = {&l->kernel, &l->p2m,   &l->p2m_tables, &l->start_info,
                                                &l->tables, &l->stack, &l->initrd};
            for (const FrameRange* a : ranges) {
                EXPECT_LE(a->end(), frames);
                for (const FrameRange* b : ranges)
                    if (a != b && a->count && b->count) EXPECT_TRUE(a->end() <= b->first || b->end() <= a->first);
            }
            EXPECT_GE(l->tables.count, 1 + tables_below_l4(GuestVaddr(base), GuestVaddr(base) + l->mapped * page_size));
            EXPECT_GE(l->mapped, l->stack.end() + 128) << "512 KiB to spare";
            EXPECT_EQ(l->mapped % 1024, 0u);
            EXPECT_GE(l->p2m.count * page_size, frames * 8);
            EXPECT_GE(l->initrd.count * page_size, 5'000'000u);
        }
    }
    EXPECT_FALSE(make_layout(k, 4096, 0)) << "kernel at 16 MiB, domain of 16 MiB";
}

/// A kernel's notes may be damaged: what they ask for is a guest's addresses, or there is no layout. Nothing wraps.
TEST(Layout, OnlyAtAGuestsAddresses) {
    constexpr u64 frames = 65536;
    constexpr u64 bad[] = {0xffff'ffff'ffff'f000, 0xffff'ffff'ffff'0000, 0xffff'8000'0000'0000, 0xffff'87ff'ffff'f000,
                           0x0000'7fff'ffff'f000, 0x0000'8000'0000'0000, 0x8000'0000'0000'0000, base + 1};
    const Kernel good = *parse_kernel(kernel_file());
    for (const u64 address : bad) {
        Kernel k = good;
        k.virt_base = GuestVaddr(address);
        EXPECT_FALSE(make_layout(k, frames, 0)) << std::hex << address;
        k = good;
        k.init_p2m = GuestVaddr(address);
        EXPECT_FALSE(make_layout(k, frames, 0)) << std::hex << address;
    }
    Kernel k = good;
    k.virt_base = GuestVaddr(0xffff'8800'0000'0000);
    EXPECT_TRUE(make_layout(k, frames, 0));
    k.end = u64{1} << 41;
    EXPECT_FALSE(make_layout(k, frames, 0)) << "far beyond the domain";
}

TEST(Layout, TableCounts) {
    EXPECT_EQ(tables_below_l4(GuestVaddr(0), GuestVaddr(0x1000)), 3u);
    EXPECT_EQ(tables_below_l4(GuestVaddr(0), GuestVaddr(0x200000)), 3u);
    EXPECT_EQ(tables_below_l4(GuestVaddr(0), GuestVaddr(0x200001)), 4u);
    EXPECT_EQ(tables_below_l4(GuestVaddr(0x1ff000), GuestVaddr(0x201000)), 4u);
    EXPECT_EQ(tables_below_l4(GuestVaddr(0), GuestVaddr(u64{1} << 30)), 512u + 1 + 1);
}

MemorySize size_of(std::string_view text, u64 available) {
    MemoryOption option;
    EXPECT_TRUE(parse_memory_option(text, option)) << text;
    return memory_size(option, available);
}

TEST(Dom0Memory, AllForms) {
    constexpr u64 gib = (u64{1} << 30) / page_size;
    EXPECT_EQ(size_of("1048576", 4 * gib).frames, gib) << "a bare number is KiB";
    EXPECT_EQ(size_of("1G", 4 * gib).frames, gib);
    EXPECT_EQ(size_of("1G", 4 * gib).max_frames, ~u64{0});
    EXPECT_EQ(size_of("768M,max:1G", 4 * gib).max_frames, gib);
    EXPECT_EQ(size_of("2G,max:1G", 4 * gib).frames, gib);
    EXPECT_EQ(size_of("512M,min:1G", 4 * gib).frames, gib);
    EXPECT_EQ(size_of("-1G", 4 * gib).frames, 3 * gib);
    EXPECT_EQ(size_of("25%", 4 * gib).frames, gib);
    EXPECT_EQ(size_of("25%+512M", 4 * gib).frames, gib + gib / 2);
    EXPECT_EQ(size_of("50%-1G", 4 * gib).frames, gib);
    EXPECT_EQ(size_of("-8G", 4 * gib).frames, 0u);
    EXPECT_EQ(size_of("8G", 4 * gib).frames, 4 * gib);
    EXPECT_EQ(size_of("", 4 * gib).frames, 4 * gib - (u64{128} << 20) / page_size);
    MemoryOption option;
    for (const char* bad : {"max:", "101%", "25%x", "12Q", "%", "min:abc"})
        EXPECT_FALSE(parse_memory_option(bad, option)) << bad;
}

} // namespace
} // namespace px::pv::dom0
