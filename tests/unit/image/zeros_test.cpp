// SPDX-License-Identifier: Apache-2.0
// Zeros that nobody reads: sections without contents and holes, in images, files and the cache; copies past a file's
// end.
#include "image/cache.hpp"
#include "image/kernel.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <elf.h>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <random>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace image;

namespace {

using Data = std::vector<std::uint8_t>;

constexpr std::uint64_t address = 0xffffffff81000000, physical = 0x1000000, text_at = 0x1000, bss_at = 0x5000,
                        bss_size = 0x40000, tail_at = bss_at + bss_size, tail_size = 0x3000, memory_size = 0x60000;

/// A segment as Linux' last one: contents, .bss, contents again; all in the file. `sections` come after it.
Data make_elf(std::vector<Elf64_Shdr> sections) {
    Data out(text_at + tail_at + tail_size);
    std::mt19937 random(1);
    for (std::size_t i = text_at; i < out.size(); ++i)
        if (i < text_at + bss_at || i >= text_at + tail_at) out[i] = static_cast<std::uint8_t>(random() | 1);
    Elf64_Ehdr header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_machine = EM_X86_64;
    header.e_entry = address;
    header.e_phoff = sizeof header;
    header.e_phentsize = sizeof(Elf64_Phdr);
    header.e_phnum = 1;
    header.e_shoff = out.size();
    header.e_shentsize = sizeof(Elf64_Shdr);
    header.e_shnum = static_cast<Elf64_Half>(sections.size());
    Elf64_Phdr program{PT_LOAD, 0, text_at, address, physical, tail_at + tail_size, memory_size, 0};
    std::memcpy(out.data(), &header, sizeof header);
    std::memcpy(out.data() + sizeof header, &program, sizeof program);
    auto bytes = reinterpret_cast<const std::uint8_t*>(sections.data());
    out.insert(out.end(), bytes, bytes + sections.size() * sizeof(Elf64_Shdr));
    return out;
}

Elf64_Shdr section(std::uint32_t type, std::uint64_t at, std::uint64_t size, std::uint64_t flags = SHF_ALLOC) {
    Elf64_Shdr header{};
    header.sh_type = type;
    header.sh_flags = flags;
    header.sh_addr = address + at;
    header.sh_size = size;
    return header;
}

const Elf64_Shdr bss = section(SHT_NOBITS, bss_at, bss_size), tail = section(SHT_PROGBITS, tail_at, tail_size);

/// What a builder makes of the segments in memory.
Data memory_of(const Elf& elf) {
    Data out(memory_size, 0xee);
    for (auto& segment : elf.segments) {
        auto at = segment.address - physical;
        EXPECT_LE(at + segment.size, out.size());
        std::copy(segment.data.begin(), segment.data.end(), out.begin() + static_cast<std::ptrdiff_t>(at));
        std::fill_n(out.begin() + static_cast<std::ptrdiff_t>(at + segment.data.size()),
                    segment.size - segment.data.size(), 0);
    }
    return out;
}

std::uint64_t bytes_to_copy(const Elf& elf) {
    std::uint64_t sum = 0;
    for (auto& segment : elf.segments) sum += segment.data.size();
    return sum;
}

std::string temporary(const std::string& name) {
    return testing::TempDir() + "/zeros_test." + std::to_string(getpid()) + "." + name;
}

void write_file(const std::string& path, const Data& bytes) {
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

} // namespace

TEST(Zeros, SectionsWithoutContentsAreNotCopied) {
    auto plain = make_elf({}), cut = make_elf({bss, tail});
    auto all = read_elf(plain), parts = read_elf(cut);
    ASSERT_TRUE(all && parts);
    EXPECT_EQ(bytes_to_copy(*all), tail_at + tail_size);
    EXPECT_EQ(bytes_to_copy(*parts), bss_at + tail_size);
    EXPECT_EQ(memory_of(*parts), memory_of(*all));
}

TEST(Zeros, HolesAreNotCopied) {
    auto file = make_elf({});
    ZeroRun holes[] = {{text_at + bss_at + 0x1000, 0x10000},
                       {text_at + bss_at + 0x12000, 0x800},
                       {text_at + bss_at + 0x20000, 0x11000}};
    auto all = read_elf(file), parts = read_elf(file, holes);
    ASSERT_TRUE(all && parts);
    EXPECT_EQ(bytes_to_copy(*parts), tail_at + tail_size - 0x21000) << "but not the short one";
    EXPECT_EQ(memory_of(*parts), memory_of(*all));
}

TEST(Zeros, SectionsThatAreNotToBeTrustedChangeNothing) {
    auto expected = memory_of(*read_elf(make_elf({})));
    const Elf64_Shdr odd[] = {
        section(SHT_NOBITS, bss_at, bss_size, SHF_ALLOC | SHF_TLS), // no memory of its own
        section(SHT_NOBITS, bss_at, bss_size, 0),                   // not in memory
        section(SHT_NOBITS, bss_at, bss_size + 1),                  // shares memory with the tail
        section(SHT_NOBITS, 0, UINT64_MAX),
        section(SHT_NOBITS, UINT64_MAX - address - 0x100, 0x100000), // wraps
        section(SHT_NOBITS, tail_at + tail_size, 0x20000),           // behind the file's part
    };
    for (auto& one : odd) {
        auto file = make_elf({one, tail});
        auto elf = read_elf(file);
        ASSERT_TRUE(elf);
        EXPECT_EQ(bytes_to_copy(*elf), tail_at + tail_size);
        EXPECT_EQ(memory_of(*elf), expected);
    }
}

TEST(Zeros, HolesOfAFile) {
    auto path = temporary("holes");
    int fd = open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC, 0600);
    ASSERT_GE(fd, 0);
    for (off_t at : {0, 1 << 20}) ASSERT_EQ(pwrite(fd, "x", 1, at), 1);
    ASSERT_EQ(ftruncate(fd, 2 << 20), 0);
    close(fd);
    auto file = File::open("file", path);
    ASSERT_TRUE(file);
    std::uint64_t sum = 0, last = 0;
    for (auto& hole : file->holes()) {
        EXPECT_GE(hole.offset, last);
        last = hole.offset + hole.size;
        sum += hole.size;
        for (auto byte : file->view().subspan(hole.offset, hole.size)) ASSERT_EQ(byte, 0);
    }
    EXPECT_LE(last, std::uint64_t{2 << 20});
    if (sum == 0) GTEST_SKIP() << "this file system does not tell its holes";
    EXPECT_GT(sum, std::uint64_t{1 << 20});
    unlink(path.c_str());
}

TEST(Zeros, CacheKeepsImagesWithoutTheirZeros) {
    auto folder = temporary("cache"), path = temporary("kernel");
    auto image = make_elf({});
    image.resize(image.size() + (4 << 20)); // as an unpacked image with much .bss behind
    Data wrapped = image;
    write_file(path, wrapped);
    auto name = cache_name(folder, path);
    ASSERT_FALSE(name.empty());
    cache_store(name, image);
    struct stat status{};
    ASSERT_EQ(stat(name.c_str(), &status), 0);
    EXPECT_EQ(static_cast<std::size_t>(status.st_size), image.size());
    EXPECT_LT(status.st_blocks * 512, 1 << 20);
    auto kept = File::open("cached", name);
    ASSERT_TRUE(kept);
    EXPECT_TRUE(std::ranges::equal(kept->view(), image));
    std::filesystem::remove_all(folder);
    unlink(path.c_str());
}

TEST(Zeros, CopiesAreExactAtAnyAlignment) {
    Data from(3000), to(3200);
    for (std::size_t i = 0; i < from.size(); ++i) from[i] = static_cast<std::uint8_t>(i * 31 + i / 256);
    for (std::size_t skip : {0, 1, 7, 33})
        for (std::size_t at : {0, 1, 16, 31, 65})
            for (std::size_t size : {0, 1, 31, 127, 128, 129, 1000, 2900}) {
                std::ranges::fill(to, 0xaa);
                ASSERT_TRUE(copy_mapped(View(from).subspan(skip, size), to.data() + at));
                ASSERT_TRUE(std::equal(from.begin() + static_cast<std::ptrdiff_t>(skip),
                                       from.begin() + static_cast<std::ptrdiff_t>(skip + size),
                                       to.begin() + static_cast<std::ptrdiff_t>(at)));
                ASSERT_EQ(std::count(to.begin(), to.begin() + static_cast<std::ptrdiff_t>(at), 0xaa),
                          static_cast<std::ptrdiff_t>(at));
                ASSERT_TRUE(std::all_of(to.begin() + static_cast<std::ptrdiff_t>(at + size), to.end(),
                                        [](auto byte) { return byte == 0xaa; }));
            }
}

TEST(Zeros, AFileThatBecomesShorterIsAnError) {
    auto path = temporary("short");
    write_file(path, Data(100000, 7));
    auto file = File::open("file", path);
    ASSERT_TRUE(file);
    Data to(100000);
    ASSERT_TRUE(copy_mapped(file->view(), to.data()));
    ASSERT_EQ(truncate(path.c_str(), 5000), 0);
    auto copied = copy_mapped(file->view(), to.data());
    ASSERT_FALSE(copied);
    EXPECT_EQ(copied.error().what, "cannot read a file: it became shorter");
    unlink(path.c_str());
}
