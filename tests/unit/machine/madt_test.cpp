// SPDX-License-Identifier: Apache-2.0
// The MADT of QEMU 7.2 (q35, 4 CPUs), and malformed ones.
#include "x86/machine/firmware/acpi_madt.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <vector>

namespace px::x86::acpi {
namespace {

constexpr u8 qemu_madt[] = {
    0x41, 0x50, 0x49, 0x43, 0x90, 0x00, 0x00, 0x00, 0x01, 0x4b, 0x42, 0x4f, 0x43, 0x48, 0x53, 0x20, 0x42, 0x58,
    0x50, 0x43, 0x20, 0x20, 0x20, 0x20, 0x01, 0x00, 0x00, 0x00, 0x42, 0x58, 0x50, 0x43, 0x01, 0x00, 0x00, 0x00,
    0x00, 0x00, 0xe0, 0xfe, 0x01, 0x00, 0x00, 0x00, 0x00, 0x08, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x08,
    0x01, 0x01, 0x01, 0x00, 0x00, 0x00, 0x00, 0x08, 0x02, 0x02, 0x01, 0x00, 0x00, 0x00, 0x00, 0x08, 0x03, 0x03,
    0x01, 0x00, 0x00, 0x00, 0x01, 0x0c, 0x00, 0x00, 0x00, 0x00, 0xc0, 0xfe, 0x00, 0x00, 0x00, 0x00, 0x02, 0x0a,
    0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x0a, 0x00, 0x05, 0x05, 0x00, 0x00, 0x00, 0x0d, 0x00,
    0x02, 0x0a, 0x00, 0x09, 0x09, 0x00, 0x00, 0x00, 0x0d, 0x00, 0x02, 0x0a, 0x00, 0x0a, 0x0a, 0x00, 0x00, 0x00,
    0x0d, 0x00, 0x02, 0x0a, 0x00, 0x0b, 0x0b, 0x00, 0x00, 0x00, 0x0d, 0x00, 0x04, 0x06, 0xff, 0x00, 0x00, 0x01,
};

std::unique_ptr<Topology> read(std::span<const u8> table) {
    auto t = std::make_unique<Topology>();
    read_madt(table.data(), static_cast<u32>(table.size()), *t);
    return t;
}

TEST(Madt, ReadsQemusTable) {
    const auto t = read(qemu_madt);
    ASSERT_EQ(t->cpu_count, 4u);
    for (u32 i = 0; i < 4; ++i) {
        EXPECT_EQ(t->cpus[i].apic_id, i);
        EXPECT_EQ(t->cpus[i].acpi_id, i);
    }
    ASSERT_EQ(t->io_apic_count, 1u);
    EXPECT_EQ(t->io_apics[0].address, Paddr(0xfec00000));
    EXPECT_EQ(t->io_apics[0].gsi_base, 0u);
    EXPECT_EQ(t->local_apic, 0xfee00000u);
    ASSERT_EQ(t->override_count, 5u);
    EXPECT_EQ(t->overrides[0].isa_irq, 0);
    EXPECT_EQ(t->overrides[0].gsi, 2u);
    EXPECT_FALSE(t->overrides[0].is_level);
    EXPECT_EQ(t->overrides[2].gsi, 9u);
    EXPECT_TRUE(t->overrides[2].is_level);
    EXPECT_FALSE(t->overrides[2].is_active_low);
    EXPECT_EQ(t->dropped, 0u);
}

TEST(Madt, SurvivesEveryTruncation) {
    for (std::size_t n = 0; n <= sizeof qemu_madt; ++n) {
        const std::vector<u8> cut(qemu_madt, qemu_madt + n); // the sanitizer watches its end
        EXPECT_LE(read(cut)->cpu_count, 4u);
    }
}

TEST(Madt, EntryLengthsAreNotTrusted) {
    std::mt19937 random(1);
    for (int round = 0; round < 2000; ++round) {
        std::vector<u8> bytes(qemu_madt, qemu_madt + sizeof qemu_madt);
        for (int flips = 0; flips < 4; ++flips) bytes[44 + random() % (bytes.size() - 44)] = static_cast<u8>(random());
        const auto t = read(bytes);
        EXPECT_LE(t->cpu_count, max_cpus);
        EXPECT_LE(t->override_count, Topology::max_overrides);
    }
}

TEST(Madt, CountsCpusBeyondTheLimit) {
    std::vector<u8> bytes(qemu_madt, qemu_madt + 44);
    for (u32 i = 0; i < 300; ++i) { // x2APIC entries
        const u8 entry[16] = {9, 16, 0, 0, static_cast<u8>(i), static_cast<u8>(i >> 8), 0, 0, 1};
        bytes.insert(bytes.end(), entry, entry + sizeof entry);
    }
    const auto t = read(bytes);
    EXPECT_EQ(t->cpu_count, max_cpus);
    EXPECT_EQ(t->dropped, 300u - max_cpus);
    EXPECT_EQ(t->cpus[255].apic_id, 255u);
}

} // namespace
} // namespace px::x86::acpi
