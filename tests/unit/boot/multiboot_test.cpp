// SPDX-License-Identifier: Apache-2.0
// What boot loaders leave behind, well made and broken.
#include "x86/machine/boot/multiboot.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

using namespace px;
using namespace px::x86::boot;
using Kind = MemoryRange::Kind;

namespace {

/// 64 KiB of physical memory with a cursor.
class Memory {
  public:
    std::vector<char> bytes = std::vector<char>(65536);
    u32 next = 0x1000;
    template <class T> void set(u32 at, const T& value) { std::memcpy(bytes.data() + at, &value, sizeof value); }
    template <class T> void add(const T& value) {
        set(next, value);
        next += sizeof value;
    }
    u32 text(const char* s) {
        const u32 at = next;
        std::memcpy(bytes.data() + at, s, std::strlen(s) + 1);
        next += static_cast<u32>(std::strlen(s) + 1 + 7) & ~7u;
        return at;
    }
    [[nodiscard]] PhysicalMemory view() const { return PhysicalMemory(bytes.data(), bytes.size()); }
};

struct Read {
    BootInfo info{};
    StringPool pool;
};

u32 multiboot1(Memory& m, const char* loader) {
    const u32 line = m.text("/boot/proxenos com1=115200 -- x"), loader_name = m.text(loader);
    const u32 module_text = m.text("/boot/vmlinuz root=/dev/xvda");
    const u32 modules = m.next;
    for (const u32 word : {0x200000u, 0x345678u, module_text, 0u}) m.add(word);
    const u32 map = m.next;
    struct [[gnu::packed]] {
        u32 size = 20;
        u64 start, bytes;
        u32 type;
    } range;
    for (const auto& [start, bytes, type] :
         {std::tuple<u64, u64, u32>{0, 0x9fc00, 1}, {0x100000, 0x7ff00000, 1}, {0xfee00000, 0x1000, 77}}) {
        range.start = start, range.bytes = bytes, range.type = type;
        m.add(range);
    }
    const u32 map_bytes = m.next - map;
    m.next = (m.next + 7) & ~7u;
    const u32 info = m.next;
    for (const u32 word :
         {0x24du, 0u, 0u, 0u, line, 1u, modules, 0u, 0u, 0u, 0u, map_bytes, map, 0u, 0u, 0u, loader_name})
        m.add(word);
    return info;
}

TEST(Multiboot1, AllParts) {
    Memory m;
    const u32 at = multiboot1(m, "qemu");
    Read r;
    ASSERT_TRUE(read_multiboot1(m.view(), at, r.pool, r.info));
    EXPECT_STREQ(r.info.loader, "qemu");
    EXPECT_STREQ(r.info.command_line, "com1=115200 -- x");
    ASSERT_EQ(r.info.module_count, 1u);
    EXPECT_EQ(r.info.modules[0].start, Paddr(0x200000));
    EXPECT_EQ(r.info.modules[0].bytes, 0x145678u);
    EXPECT_STREQ(r.info.modules[0].command_line, "root=/dev/xvda");
    ASSERT_EQ(r.info.range_count, 3u);
    EXPECT_EQ(r.info.ranges[1].bytes, 0x7ff00000u);
    EXPECT_EQ(r.info.ranges[2].kind, Kind::Reserved) << "unknown types are not RAM";
}

TEST(Multiboot1, ModuleThatEndsBeforeItStarts) {
    Memory m;
    const u32 at = multiboot1(m, "GRUB 2.06");
    m.set(m.view().read<u32>(at + 24) + 4, 0x1000u);
    Read r;
    EXPECT_FALSE(read_multiboot1(m.view(), at, r.pool, r.info));
}

TEST(Multiboot, ImagePathIsStripped) {
    EXPECT_EQ(without_image_path("/boot/xen.gz a=b", false), "a=b");
    EXPECT_EQ(without_image_path("placeholder root=/dev/sda", false), "placeholder root=/dev/sda");
    EXPECT_EQ(without_image_path("  root=/dev/sda ro", false), "root=/dev/sda ro");
    EXPECT_EQ(without_image_path("xen.gz a=b", true), "a=b");
    EXPECT_EQ(without_image_path("", true), "");
}

void tag(Memory& m, u32 type, const std::vector<char>& data) {
    m.next = (m.next + 7) & ~7u;
    m.add(type);
    m.add(static_cast<u32>(8 + data.size()));
    for (const char c : data) m.add(c);
}
template <class... T> std::vector<char> pack(const T&... values) {
    std::vector<char> out;
    (out.insert(out.end(), reinterpret_cast<const char*>(&values),
                reinterpret_cast<const char*>(&values) + sizeof values),
     ...);
    return out;
}
std::vector<char> characters(const std::string& s) { return {s.c_str(), s.c_str() + s.size() + 1}; }

u32 multiboot2(Memory& m) {
    const u32 at = m.next = 0x2000;
    m.add(u32{0});
    m.add(u32{0});
    tag(m, 1, characters("placeholder loglvl=all"));
    tag(m, 2, characters("GRUB 2.06"));
    auto module = pack(u32{0x400000}, u32{0x500001});
    const auto text = characters("ro quiet");
    module.insert(module.end(), text.begin(), text.end());
    tag(m, 3, module);
    tag(m, 6,
        pack(u32{24}, u32{0}, u64{0}, u64{0x80000000}, u32{1}, u32{0}, u64{0x80000000}, u64{0x1000}, u32{4}, u32{0}));
    tag(m, 15, characters("RSD PTR "));
    tag(m, 0, {});
    m.set(at, m.next - at);
    return at;
}

TEST(Multiboot2, AllParts) {
    Memory m;
    const u32 at = multiboot2(m);
    Read r;
    ASSERT_TRUE(read_multiboot2(m.view(), at, r.pool, r.info));
    EXPECT_STREQ(r.info.command_line, "placeholder loglvl=all");
    ASSERT_EQ(r.info.module_count, 1u);
    EXPECT_EQ(r.info.modules[0].bytes, 0x100001u);
    EXPECT_STREQ(r.info.modules[0].command_line, "ro quiet");
    ASSERT_EQ(r.info.range_count, 2u);
    EXPECT_EQ(r.info.ranges[1].kind, Kind::AcpiNvs);
    EXPECT_EQ(m.view().text(r.info.rsdp.raw(), 8), "RSD PTR ");
}

TEST(Multiboot2, EfiMapWins) {
    Memory m;
    const u32 at = m.next = 0x2000;
    m.add(u32{0});
    m.add(u32{0});
    tag(m, 6, pack(u32{24}, u32{0}, u64{0}, u64{0x80000000}, u32{1}, u32{0}));
    const auto descriptor = [](u32 type, u64 start, u64 pages) {
        return pack(type, u32{0}, start, u64{0}, pages, u64{8}, u64{0});
    };
    auto map = pack(u32{48}, u32{1});
    for (const auto& d : {descriptor(7, 0x0, 0x100), descriptor(3, 0x100000, 0x100), descriptor(4, 0x200000, 0x100),
                          descriptor(6, 0x300000, 1), descriptor(11, 0xfee00000, 1)})
        map.insert(map.end(), d.begin(), d.end());
    tag(m, 17, map);
    tag(m, 0, {});
    m.set(at, m.next - at);
    Read r;
    ASSERT_TRUE(read_multiboot2(m.view(), at, r.pool, r.info));
    ASSERT_EQ(r.info.range_count, 3u);
    EXPECT_EQ(r.info.ranges[0].bytes, 0x300000u);
    EXPECT_EQ(r.info.ranges[1].kind, Kind::Reserved);
}

TEST(Doors, SurviveGarbage) {
    std::mt19937 random(1);
    for (int i = 0; i < 5000; ++i) {
        Memory m;
        const u32 one = multiboot1(m, "qemu"), two = multiboot2(m);
        for (int j = 0; j < 8; ++j) m.bytes[0x1000 + random() % 0x1200] = static_cast<char>(random());
        Read a, b, c;
        (void)read_multiboot1(m.view(), one, a.pool, a.info);
        (void)read_multiboot2(m.view(), two, b.pool, b.info);
        (void)read_pvh(m.view(), one, c.pool, c.info);
        normalise(a.info);
        normalise(b.info);
    }
}

TEST(MemoryMap, SortsCutsAndJoins) {
    BootInfo info{};
    add_range(info, 0x100000, 0x100000, Kind::Ram);
    add_range(info, 0, 0x80000, Kind::Ram);
    add_range(info, 0x80000, 0x20000, Kind::Ram);
    add_range(info, 0x180000, 0x1000, Kind::AcpiNvs);
    add_range(info, 0x1f0000, 0x20000, Kind::Reserved);
    normalise(info);
    const std::tuple<u64, u64, Kind> expected[] = {{0, 0xa0000, Kind::Ram},
                                                   {0x100000, 0x80000, Kind::Ram},
                                                   {0x180000, 0x1000, Kind::AcpiNvs},
                                                   {0x181000, 0x6f000, Kind::Ram},
                                                   {0x1f0000, 0x20000, Kind::Reserved}};
    ASSERT_EQ(info.range_count, std::size(expected));
    for (std::size_t i = 0; i < info.range_count; ++i)
        EXPECT_EQ(std::tuple(info.ranges[i].start.raw(), info.ranges[i].bytes, info.ranges[i].kind), expected[i]) << i;
}

} // namespace
