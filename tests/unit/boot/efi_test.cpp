// SPDX-License-Identifier: Apache-2.0
// EFI's memory map and the rights of its runtime regions.
#include "x86/machine/firmware/efi_runtime.hpp"

#include "boot/efi_map.hpp"
#include "x86/machine/boot/multiboot.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <random>
#include <vector>

using namespace px;
using namespace px::x86;

namespace {

constexpr EfiRegion code{0x100000, 16, efi_attribute::runtime | 8, EfiRegion::RuntimeCode};
constexpr EfiRegion data{0x200000, 4, efi_attribute::runtime | 8, EfiRegion::RuntimeData};

TEST(EfiRights, DataIsNeverExecuted) { EXPECT_EQ(efi::rights_of(data, 0x200000, {}), (efi::Rights{true, false})); }

TEST(EfiRights, CodeIsBothWithoutATable) { EXPECT_EQ(efi::rights_of(code, 0x100000, {}), (efi::Rights{true, true})); }

TEST(EfiRights, TheTableTellsCodeAndDataApart) {
    const EfiRegion parts[] = {{0x102000, 3, efi_attribute::read_only, EfiRegion::RuntimeCode},
                               {0x105000, 2, efi_attribute::no_execute, EfiRegion::RuntimeCode}};
    EXPECT_EQ(efi::rights_of(code, 0x102000, parts), (efi::Rights{false, true}));
    EXPECT_EQ(efi::rights_of(code, 0x104fff, parts), (efi::Rights{false, true}));
    EXPECT_EQ(efi::rights_of(code, 0x105000, parts), (efi::Rights{true, false}));
    EXPECT_EQ(efi::rights_of(code, 0x107000, parts), (efi::Rights{true, true}));
    EXPECT_EQ(efi::same_rights(code, 0x100000, parts), 0x2000u);
    EXPECT_EQ(efi::same_rights(code, 0x102000, parts), 0x3000u);
    EXPECT_EQ(efi::same_rights(code, 0x105000, parts), 0x2000u);
    EXPECT_EQ(efi::same_rights(code, 0x107000, parts), 0x9000u);
}

/// A walk by same_rights covers each page once and agrees with rights_of on all of them, whatever the table says.
TEST(EfiRights, PiecesCoverTheRegion) {
    std::mt19937 random(7);
    for (int round = 0; round < 2000; ++round) {
        std::vector<EfiRegion> parts;
        for (unsigned i = random() % 6; i-- > 0;)
            parts.push_back(
                {0xf0000 + random() % 40 * page_size, 1 + random() % 9,
                 (random() % 2 ? efi_attribute::read_only : 0) | (random() % 2 ? efi_attribute::no_execute : 0), 5});
        u64 at = code.start;
        while (at < code.end()) {
            const u64 bytes = efi::same_rights(code, at, parts);
            ASSERT_GT(bytes, 0u);
            ASSERT_EQ(bytes % page_size, 0u);
            for (u64 page = at; page < at + bytes; page += page_size)
                if (parts.size() < 2) {
                    EXPECT_EQ(efi::rights_of(code, page, parts), efi::rights_of(code, at, parts));
                }
            at += bytes;
        }
        EXPECT_EQ(at, code.end());
    }
}

/// System table at 0x1000, its tables at 0x2000, the table of attributes at 0x3000.
class Firmware {
  public:
    std::vector<char> bytes = std::vector<char>(65536);
    template <class T> void set(u64 at, const T& value) { std::memcpy(bytes.data() + at, &value, sizeof value); }
    explicit Firmware(u32 count, u32 step = 40) {
        efi::SystemTable system{};
        system.header.signature = efi::SystemTable::expected_signature;
        system.table_count = 2;
        system.tables = 0x2000;
        set(0x1000, system);
        set(0x2000, efi::ConfigurationTable{{1, 2, 3, {}}, 0x9999});
        set(0x2018, efi::ConfigurationTable{efi::MemoryAttributesTable::guid, 0x3000});
        set(0x3000, efi::MemoryAttributesTable{1, count, step, 0});
        for (u32 i = 0; i < count && 0x3010 + (i + 1) * step <= bytes.size(); ++i) {
            const u64 words[5] = {5, u64{i + 1} << 20, 0, 2, efi_attribute::read_only};
            std::memcpy(bytes.data() + 0x3010 + i * step, words, sizeof words);
        }
    }
    [[nodiscard]] unsigned read(EfiMap& map) const {
        boot::read_efi_rights(boot::PhysicalMemory(bytes.data(), bytes.size()), 0x1000, map);
        return map.right_count;
    }
};

TEST(EfiAttributes, AreFound) {
    auto map = std::make_unique<EfiMap>();
    ASSERT_EQ(Firmware(3, 48).read(*map), 3u);
    EXPECT_EQ(map->right[2].start, u64{3} << 20);
    EXPECT_EQ(map->right[2].pages, 2u);
    EXPECT_EQ(map->right[2].attributes, efi_attribute::read_only);
}

TEST(EfiAttributes, ATableThatDoesNotFitIsNotHalfRead) {
    auto map = std::make_unique<EfiMap>();
    EXPECT_EQ(Firmware(EfiMap::max_rights).read(*map), EfiMap::max_rights);
    EXPECT_EQ(Firmware(EfiMap::max_rights + 1).read(*map), 0u);
    EXPECT_EQ(Firmware(0xffffffff).read(*map), 0u);
    EXPECT_EQ(Firmware(3, 8).read(*map), 0u);
}

TEST(EfiAttributes, SurviveGarbage) {
    std::mt19937 random(3);
    auto map = std::make_unique<EfiMap>();
    for (int i = 0; i < 5000; ++i) {
        Firmware firmware(4);
        for (int j = 0; j < 8; ++j) firmware.bytes[0x1000 + random() % 0x2100] = static_cast<char>(random());
        EXPECT_LE(firmware.read(*map), EfiMap::max_rights);
    }
}

} // namespace
