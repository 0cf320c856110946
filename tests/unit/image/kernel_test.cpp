// SPDX-License-Identifier: Apache-2.0
// Kernel images made in memory: ELF notes, bzImage, every packing, damage of all kinds, and the PV layout.
#include "image/kernel.hpp"
#include "image/pv_layout.hpp"
#include "packing/pack.hpp"

#include <cstring>
#include <elf.h>
#include <gtest/gtest.h>
#include <map>

using namespace image;
using packing::bzimage, packing::pack, packing::packings, packing::Packing;

namespace {

using Data = std::vector<std::uint8_t>;

void put(Data& out, const void* data, std::size_t size) {
    auto bytes = static_cast<const std::uint8_t*>(data);
    out.insert(out.end(), bytes, bytes + size);
}

void note(Data& out, std::uint32_t type, const void* desc, std::uint32_t size) {
    Elf64_Nhdr header{4, size, type};
    put(out, &header, sizeof header);
    put(out, "Xen", 4);
    put(out, desc, size);
    out.resize((out.size() + 3) & ~std::size_t{3});
}

void note(Data& out, std::uint32_t type, std::uint64_t value) { note(out, type, &value, 8); }

constexpr std::uint64_t base = 0xffffffff80000000;

/// A small PV kernel: one segment of text, one with much to clear, and the notes.
Data make_elf(bool by_frame = true) {
    Data notes;
    note(notes, 1, base + 0x1000000);
    note(notes, 3, base);
    note(notes, 4, 0);
    note(notes, 5, "xen-3.0", 8);
    note(notes, 6, "linux", 6);
    if (by_frame) {
        note(notes, 15, 0x8000000000);
        note(notes, 16, 1);
    }
    Data text(5000, 0x90);
    for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<std::uint8_t>(i * 7 ^ i >> 5);
    Elf64_Ehdr header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_machine = EM_X86_64;
    header.e_phoff = sizeof header;
    header.e_phentsize = sizeof(Elf64_Phdr);
    header.e_phnum = 3;
    auto at = sizeof header + 3 * sizeof(Elf64_Phdr);
    Elf64_Phdr programs[3]{};
    programs[0] = {PT_LOAD, 0, at, 0, 0x1000000, text.size(), text.size(), 0};
    programs[1] = {PT_LOAD, 0, at, 0, 0x1200000, 100, 0x100000, 0};
    programs[2] = {PT_NOTE, 0, at + text.size(), 0, 0, notes.size(), notes.size(), 4};
    Data out;
    put(out, &header, sizeof header);
    put(out, programs, sizeof programs);
    put(out, text.data(), text.size());
    put(out, notes.data(), notes.size());
    return out;
}

} // namespace

TEST(Kernel, NotesAndSegments) {
    auto file = make_elf();
    auto kernel = make_kernel(file);
    ASSERT_TRUE(kernel) << kernel.error().what;
    auto& notes = kernel->elf().notes;
    EXPECT_EQ(notes.entry, base + 0x1000000);
    EXPECT_EQ(notes.guest_os, "linux");
    EXPECT_TRUE(notes.module_by_frame);
    EXPECT_EQ(kernel->elf().segments.size(), 2u);
    EXPECT_EQ(kernel->elf().segments[1].size, 0x100000u);
}

TEST(Kernel, EveryPackingInABzImageAndAlone) {
    auto elf = make_elf();
    for (auto packing : packings) {
        auto packed = pack(packing, elf);
        for (auto& file : {bzimage(packed), packed}) {
            auto kernel = make_kernel(file);
            ASSERT_TRUE(kernel) << name(packing) << ": " << kernel.error().what;
            EXPECT_TRUE(std::ranges::equal(kernel->elf_bytes(), elf)) << name(packing);
        }
    }
}

TEST(Kernel, EveryTruncationIsAnErrorOrHarmless) {
    auto elf = make_elf();
    for (auto packing : packings) {
        auto packed = pack(packing, elf);
        for (std::size_t size = 0; size + 8 < packed.size(); size += 1 + packed.size() / 97) {
            (void)make_kernel(View(packed).first(size));
        }
    }
    auto image = bzimage(pack(Packing::Xz, elf));
    for (std::size_t size = 0; size + 1 < image.size(); ++size) EXPECT_FALSE(make_kernel(View(image).first(size)));
    for (std::size_t size = 0; size < elf.size(); size += 3) {
        Data cut(elf.begin(), elf.begin() + static_cast<std::ptrdiff_t>(size)); // so that the sanitizer sees overruns
        (void)make_kernel(cut);
    }
}

TEST(Kernel, ErrorsSayWhat) {
    Data text(2000, 'x');
    EXPECT_EQ(make_kernel(text).error().what, "the kernel is in no known form");
    auto elf = make_elf();
    elf[18] = 40; // Arm
    EXPECT_EQ(make_kernel(elf).error().what, "the kernel is not for 64-bit x86");
    EXPECT_EQ(load_kernel("/nonexistent").error().what, "kernel '/nonexistent': No such file or directory");
    EXPECT_EQ(load_kernel("/tmp").error().what, "kernel '/tmp': not a regular file");
}

TEST(PvLayout, PartsAreDisjointInsideAndMapped) {
    for (bool by_frame : {true, false}) {
        auto file = make_elf(by_frame);
        auto kernel = make_kernel(file);
        ASSERT_TRUE(kernel);
        for (std::uint64_t mib : {64, 256, 1024, 16384}) {
            auto layout = layout_pv(kernel->elf(), 3'000'000, mib << 8);
            ASSERT_TRUE(layout) << layout.error().what;
            std::map<std::uint64_t, std::uint64_t> taken;
            for (auto part : {layout->kernel, layout->ramdisk, layout->p2m, layout->start_info, layout->xenstore,
                              layout->console, layout->tables, layout->stack}) {
                EXPECT_GT(part.count, 0u);
                EXPECT_LE(part.end(), layout->pages);
                for (auto [first, end] : taken) EXPECT_TRUE(part.end() <= first || part.first >= end);
                taken[part.first] = part.end();
            }
            auto& first = layout->ranges[0];
            EXPECT_EQ((first.address + (first.frames.count << 12)) % (4 << 20), 0u);
            EXPECT_GE(first.frames.count, layout->stack.end() + 128);
            EXPECT_EQ(layout->page_tables[0].level, 4u);
            for (auto& range : layout->ranges)
                for (std::uint64_t page = 0; page < range.frames.count; page += 511) {
                    auto address = range.address + (page << 12);
                    for (unsigned level = 1; level <= 3; ++level) {
                        int covering = 0;
                        for (auto& table : layout->page_tables)
                            covering +=
                                table.level == level && address >> (12 + 9 * level) == table.covers >> (12 + 9 * level);
                        EXPECT_EQ(covering, 1) << level;
                    }
                }
            EXPECT_EQ(layout->ramdisk_by_frame, by_frame);
        }
    }
}

TEST(PvLayout, TooSmallAndNotPv) {
    auto file = make_elf();
    auto kernel = make_kernel(file);
    EXPECT_EQ(layout_pv(kernel->elf(), 64 << 20, 32 << 8).error().remedy, "raise memory=");
    auto elf = kernel->elf();
    elf.notes = {};
    EXPECT_EQ(layout_pv(elf, 0, 64 << 8).error().what, "the kernel has no Xen notes");
}

/// What a kernel says of itself is only asked for: addresses that are no guest's, or that wrap, are an error, and so
/// is, at once, a segment far beyond the guest's memory.
TEST(PvLayout, AddressesThatAreNoGuests) {
    auto file = make_elf();
    auto kernel = make_kernel(file);
    ASSERT_TRUE(kernel);
    constexpr std::uint64_t pages = 256 << 8;
    constexpr std::uint64_t bad[] = {0xffff'ffff'ffff'f000, 0xffff'ffff'ffff'0000, 0xffff'8000'0000'0000,
                                     0xffff'87ff'ffff'f000, 0x0000'7fff'ffff'f000, 0x0000'8000'0000'0000,
                                     0x8000'0000'0000'0000};
    for (auto address : bad) {
        auto elf = kernel->elf();
        elf.notes.virtual_base = address;
        auto layout = layout_pv(elf, 0, pages);
        ASSERT_FALSE(layout) << std::hex << address;
        elf = kernel->elf();
        elf.notes.init_p2m = address;
        EXPECT_FALSE(layout_pv(elf, 0, pages)) << std::hex << address;
    }
    auto elf = kernel->elf();
    elf.notes.init_p2m = 0x8000000001;
    EXPECT_FALSE(layout_pv(elf, 0, pages));
    elf = kernel->elf();
    elf.notes.virtual_base = 0;
    elf.segments[0].address = std::uint64_t{1} << 40;
    EXPECT_EQ(layout_pv(elf, 0, pages).error().remedy, "raise memory=");
}
