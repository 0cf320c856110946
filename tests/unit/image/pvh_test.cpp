// SPDX-License-Identifier: Apache-2.0
// PVH guests before there is a domain: layout, start info, ACPI tables, initial state, CPU policy.
#include "image/acpi.hpp"
#include "image/pvh_layout.hpp"
#include "image/pvh_state.hpp"

#include "abi/hvm.hpp"
#include "abi/hvm_save.hpp"

#include <cstring>
#include <gtest/gtest.h>
#include <numeric>

using namespace image;

namespace {

constexpr std::uint64_t mib = 256; ///< in pages

Elf kernel(std::uint64_t at = 0x1000000, std::uint64_t size = 0x3a00000) {
    Elf elf;
    elf.segments.push_back({{}, at, size});
    elf.notes.physical_entry = at + 0x850;
    return elf;
}

template <class T> T read(const std::vector<std::uint8_t>& bytes, std::uint64_t at) {
    T value{};
    EXPECT_LE(at + sizeof value, bytes.size());
    if (at + sizeof value <= bytes.size()) std::memcpy(&value, bytes.data() + at, sizeof value);
    return value;
}

std::uint8_t sum(const std::vector<std::uint8_t>& bytes, std::uint64_t at, std::uint64_t size) {
    return std::accumulate(bytes.begin() + static_cast<long>(at), bytes.begin() + static_cast<long>(at + size),
                           std::uint8_t{0},
                           [](std::uint8_t a, std::uint8_t b) { return static_cast<std::uint8_t>(a + b); });
}

} // namespace

TEST(PvhLayout, PartsFollowEachOtherInLowMemory) {
    auto layout = layout_pvh(kernel(), 5000, 100, 9000, 256 * mib);
    ASSERT_TRUE(layout);
    EXPECT_EQ(layout->kernel.first, 0x1000u);
    EXPECT_EQ(layout->start_info.first, layout->kernel.end());
    EXPECT_EQ(layout->ramdisk.first, layout->start_info.end());
    EXPECT_EQ(layout->ramdisk.count, 2u);
    EXPECT_EQ(layout->acpi.first, 0xfc000u);
    EXPECT_EQ(layout->acpi.count, 3u);
    ASSERT_EQ(layout->ram.size(), 1u);
    EXPECT_EQ(layout->ram[0].count, 256 * mib);
}

TEST(PvhLayout, MemoryGoesAroundTheHole) {
    auto layout = layout_pvh(kernel(), 0, 0, 4096, 8192 * mib);
    ASSERT_TRUE(layout);
    ASSERT_EQ(layout->ram.size(), 2u);
    EXPECT_EQ(layout->ram[0].end(), 0xfc000u);
    EXPECT_EQ(layout->ram[1].first, 0x100000u);
    EXPECT_EQ(layout->ram[0].count + layout->ram[1].count, 8192 * mib);
    std::uint64_t end = 0;
    for (auto& entry : layout->memory_map) {       // in order, and nothing twice
        EXPECT_GE(std::uint64_t{entry.addr}, end); // a copy: the entries are packed
        end = entry.addr + entry.size;
    }
    EXPECT_EQ(layout->memory_map.size(), 4u);
}

TEST(PvhLayout, RefusesWhatCannotWork) {
    auto plain = kernel();
    plain.notes.physical_entry.reset();
    EXPECT_NE(layout_pvh(plain, 0, 0, 0, 256 * mib).error().what.find("PVH"), std::string::npos);
    EXPECT_FALSE(layout_pvh(kernel(), 0, 0, 0, 70 * mib));                // the kernel ends at 74 MiB
    EXPECT_FALSE(layout_pvh(kernel(), 200 * mib << 12, 0, 0, 256 * mib)); // RAM disk too large
    EXPECT_FALSE(layout_pvh(kernel(0xf0000000, 0x10000000), 0, 0, 0, 8192 * mib));
    auto outside = kernel();
    outside.notes.physical_entry = 0x100;
    EXPECT_FALSE(layout_pvh(outside, 0, 0, 0, 256 * mib));
}

TEST(PvhLayout, StartInfoPointsAtItsParts) {
    std::string line(6000, 'x'); // longer than a page
    auto layout = layout_pvh(kernel(), 5000, line.size(), 4096, 256 * mib);
    ASSERT_TRUE(layout);
    auto page = make_start_info(*layout, line);
    auto base = layout->start_info.first << 12;
    auto info = read<abi::HvmStartInfo>(page, 0);
    EXPECT_EQ(info.magic, 0x336ec578u);
    EXPECT_EQ(info.version, 1u);
    EXPECT_EQ(info.nr_modules, 1u);
    EXPECT_EQ(info.rsdp_paddr, 0xfc000000u);
    auto module = read<abi::HvmModlistEntry>(page, info.modlist_paddr - base);
    EXPECT_EQ(module.paddr, layout->ramdisk.first << 12);
    EXPECT_EQ(module.size, 5000u);
    ASSERT_EQ(info.memmap_entries, layout->memory_map.size());
    for (std::size_t i = 0; i < info.memmap_entries; ++i) {
        auto entry =
            read<abi::HvmMemmapTableEntry>(page, info.memmap_paddr - base + i * sizeof(abi::HvmMemmapTableEntry));
        EXPECT_EQ(entry.addr, std::uint64_t{layout->memory_map[i].addr});
        EXPECT_EQ(entry.type, std::uint32_t{layout->memory_map[i].type});
    }
    EXPECT_EQ(std::string(reinterpret_cast<char*>(page.data()) + (info.cmdline_paddr - base)), line);
}

TEST(Acpi, TablesAreChainedAndSumToZero) {
    constexpr std::uint64_t address = 0xfc000000;
    std::vector<AcpiProcessor> processors;
    for (std::uint32_t i = 0; i < 128; ++i) processors.push_back({i, i * 2, i < 100});
    auto bytes = make_acpi_tables(address, 0xfee00000, processors);
    EXPECT_EQ(std::memcmp(bytes.data(), "RSD PTR ", 8), 0);
    EXPECT_EQ(sum(bytes, 0, 20), 0);
    EXPECT_EQ(sum(bytes, 0, 36), 0);
    auto check = [&](std::uint64_t at, const char* signature) {
        EXPECT_EQ(std::memcmp(bytes.data() + at, signature, 4), 0);
        EXPECT_EQ(sum(bytes, at, read<std::uint32_t>(bytes, at + 4)), 0) << signature;
    };
    auto xsdt = read<std::uint64_t>(bytes, 24) - address;
    check(xsdt, "XSDT");
    ASSERT_EQ(read<std::uint32_t>(bytes, xsdt + 4), 36u + 16);
    auto fadt = read<std::uint64_t>(bytes, xsdt + 36) - address, madt = read<std::uint64_t>(bytes, xsdt + 44) - address;
    check(fadt, "FACP");
    check(madt, "APIC");
    EXPECT_TRUE(read<std::uint32_t>(bytes, fadt + 112) & 1 << 20); // HW_REDUCED_ACPI
    auto dsdt = read<std::uint64_t>(bytes, fadt + 140) - address;
    check(dsdt, "DSDT");
    EXPECT_EQ(read<std::uint32_t>(bytes, madt + 36), 0xfee00000u);
    unsigned enabled = 0, all = 0;
    for (auto at = madt + 44; at < madt + read<std::uint32_t>(bytes, madt + 4); at += bytes[at + 1], ++all) {
        ASSERT_EQ(bytes[at] == 0 || bytes[at] == 9, true);
        bool small = bytes[at] == 0;
        enabled += read<std::uint32_t>(bytes, at + (small ? 4 : 8)) & 1;
        EXPECT_EQ(small ? bytes[at + 3] : read<std::uint32_t>(bytes, at + 4), all * 2);
    }
    EXPECT_EQ(all, 128u);
    EXPECT_EQ(enabled, 100u);
}

TEST(Acpi, PackageLengthsMatchWhatTheyHold) {
    for (std::uint32_t count : {1u, 2u, 4u, 128u}) {
        std::vector<AcpiProcessor> processors(count);
        auto bytes = make_acpi_tables(0, 0xfee00000, processors);
        std::size_t at = 64 + 36; // behind the RSDP's room and the DSDT's header
        auto end = 64 + read<std::uint32_t>(bytes, 64 + 4);
        auto length = [&](std::size_t& where) {
            unsigned more = bytes[where] >> 6;
            std::size_t value = more ? bytes[where] & 0xf : bytes[where] & 0x3f;
            for (unsigned i = 0; i < more; ++i) value |= std::size_t{bytes[where + 1 + i]} << (4 + 8 * i);
            auto start = where;
            where += 1 + more;
            return start + value; // where the package ends
        };
        ASSERT_EQ(bytes[at++], 0x10);
        EXPECT_EQ(length(at), end);
        EXPECT_EQ(std::memcmp(bytes.data() + at, "\\_SB_", 5), 0);
        at += 5;
        for (std::uint32_t i = 0; i < count; ++i) {
            ASSERT_EQ(bytes[at], 0x5b);
            ASSERT_EQ(bytes[at + 1], 0x82);
            at += 2;
            at = length(at);
        }
        EXPECT_EQ(at, end);
    }
}

namespace {

void record(std::vector<std::uint8_t>& out, abi::HvmSaveType type, std::uint16_t instance, std::size_t size) {
    abi::HvmSaveDescriptor descriptor{static_cast<std::uint16_t>(type), instance, static_cast<std::uint32_t>(size)};
    auto bytes = reinterpret_cast<std::uint8_t*>(&descriptor);
    out.insert(out.end(), bytes, bytes + sizeof descriptor);
    out.resize(out.size() + size, 0x11);
}

} // namespace

TEST(PvhState, StartsInFlatProtectedMode) {
    std::vector<std::uint8_t> now;
    record(now, abi::HvmSaveType::Header, 0, sizeof(abi::HvmSaveHeader));
    record(now, abi::HvmSaveType::Lapic, 0, sizeof(abi::HvmHwLapic));
    record(now, abi::HvmSaveType::Mtrr, 0, sizeof(abi::HvmHwMtrr));
    record(now, abi::HvmSaveType::Mtrr, 1, sizeof(abi::HvmHwMtrr));
    record(now, abi::HvmSaveType::End, 0, 0);
    auto made = initial_context(now, 0x1000850, 0x4a00000);
    ASSERT_TRUE(made);
    std::size_t at = 0, mtrrs = 0, cpus = 0;
    for (;;) {
        auto descriptor = read<abi::HvmSaveDescriptor>(*made, at);
        auto type = static_cast<abi::HvmSaveType>(descriptor.typecode);
        if (at == 0) EXPECT_EQ(type, abi::HvmSaveType::Header);
        at += sizeof descriptor;
        if (type == abi::HvmSaveType::End) break;
        EXPECT_NE(type, abi::HvmSaveType::Lapic);
        if (type == abi::HvmSaveType::Mtrr) {
            EXPECT_EQ(read<abi::HvmHwMtrr>(*made, at).msr_mtrr_def_type, 0x806u);
            ++mtrrs;
        }
        if (type == abi::HvmSaveType::Cpu) {
            auto cpu = read<abi::HvmHwCpu>(*made, at);
            EXPECT_EQ(cpu.rip, 0x1000850u);
            EXPECT_EQ(cpu.rbx, 0x4a00000u);
            EXPECT_EQ(cpu.cr0, 0x11u);
            EXPECT_EQ(cpu.cs_arbytes, 0xc9bu);
            ++cpus;
        }
        at += descriptor.length;
    }
    EXPECT_EQ(at, made->size());
    EXPECT_EQ(mtrrs, 2u);
    EXPECT_EQ(cpus, 1u);
}

TEST(PvhState, ADamagedStreamIsAnError) {
    std::vector<std::uint8_t> now;
    record(now, abi::HvmSaveType::Header, 0, sizeof(abi::HvmSaveHeader));
    EXPECT_FALSE(initial_context(now, 0, 0)); // no end
    record(now, abi::HvmSaveType::End, 0, 0);
    EXPECT_TRUE(initial_context(now, 0, 0));
    now.resize(sizeof(abi::HvmSaveDescriptor) + 3);
    EXPECT_FALSE(initial_context(now, 0, 0));
    EXPECT_FALSE(initial_context({}, 0, 0));
}

TEST(PvhState, ProcessorIdsDoubleAndTheTscIsHidden) {
    xen::CpuPolicy amd{{{0, abi::cpuid_no_subleaf, 13, 0x68747541, 0x444d4163, 0x69746e65},
                        {1, abi::cpuid_no_subleaf, 0, 0x00020800, 0, 0},
                        {0x80000007, abi::cpuid_no_subleaf, 0, 0, 0, 0x100},
                        {0x80000008, abi::cpuid_no_subleaf, 0, 0, 0x1001, 0}},
                       {}};
    shape_policy(amd, false);
    EXPECT_EQ(amd.leaves[1].b, 0x00040800u);
    EXPECT_EQ(amd.leaves[1].d, 1u << 28);
    EXPECT_EQ(amd.leaves[2].d, 0u);
    EXPECT_EQ(amd.leaves[3].c, 0x2003u);
    xen::CpuPolicy single{{{1, abi::cpuid_no_subleaf, 0, 0x00000800, 0, 0}}, {}};
    shape_policy(single, false);
    EXPECT_EQ(single.leaves[0].b, 0x00020800u); // a host of one CPU gives no number
    xen::CpuPolicy intel{{{0, abi::cpuid_no_subleaf, 13, 0x756e6547, 0x6c65746e, 0x49656e69},
                          {4, 0, 1u << 26 | 1u << 14 | 0x121, 0, 0, 0},
                          {0x80000007, abi::cpuid_no_subleaf, 0, 0, 0, 0x100},
                          {0x80000008, abi::cpuid_no_subleaf, 0, 0, 0x1001, 0}},
                         {}};
    shape_policy(intel, true);
    EXPECT_EQ(intel.leaves[1].a, 3u << 26 | 0x121);
    EXPECT_EQ(intel.leaves[2].d, 0x100u);
    EXPECT_EQ(intel.leaves[3].c, 0x1001u);
}
