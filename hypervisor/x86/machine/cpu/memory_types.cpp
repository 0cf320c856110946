// SPDX-License-Identifier: Apache-2.0
#include "x86/machine/cpu/memory_types.hpp"

#include "x86/instructions.hpp"
#include "x86/machine/cpu/cpu.hpp"

#include <array>
#include <atomic>

namespace px::x86::memory_types {
namespace {

constexpr u64 enabled = 1 << 11, fixed_supported = 1 << 8;
constexpr std::array fixed_msrs{Msr::MtrrFix64K,    Msr::MtrrFix16K,    Msr::MtrrFix16K + 1, Msr::MtrrFix4K,
                                Msr::MtrrFix4K + 1, Msr::MtrrFix4K + 2, Msr::MtrrFix4K + 3,  Msr::MtrrFix4K + 4,
                                Msr::MtrrFix4K + 5, Msr::MtrrFix4K + 6, Msr::MtrrFix4K + 7};
constexpr u32 most_ranges = 16; ///< more than any CPU has

/// All of a CPU's registers, in the order of each list.
struct Registers {
    u64 standard = 0; ///< MTRRdefType: the default type and what is enabled
    std::array<u64, fixed_msrs.size()> fixed{};
    std::array<u64, std::size_t{2} * most_ranges> variable{};
    bool operator==(const Registers&) const = default;
};

constinit Registers boot;
constinit std::atomic<u32> differing{0};

bool has_fixed() { return (rdmsr(Msr::MtrrCap) & fixed_supported) != 0; }

Registers read() {
    Registers r;
    r.standard = rdmsr(Msr::MtrrDefault);
    if (has_fixed())
        for (std::size_t i = 0; i < fixed_msrs.size(); ++i) r.fixed[i] = rdmsr(fixed_msrs[i]);
    for (u32 i = 0; i < 2 * range_count(); ++i) r.variable[i] = rdmsr(Msr::MtrrBase + i);
    return r;
}

/// Neither the TLB nor a cache may hold what was made under the old types.
void forget() {
    wbinvd();
    const Cr4 flags = read_cr4();
    write_cr4(flags.without(cr4::pge)); // drops global entries too
    write_cr3(read_cr3());
    write_cr4(flags);
}

/// The order of 12.11.7.2 and 12.11.8: caching off, ranges off, all registers, and back. The other CPUs wait for this
/// one.
void write(const Registers& r) {
    const Cr0 control = read_cr0();
    write_cr0((control | cr0::cache_disable).without(cr0::not_write_through));
    forget();
    wrmsr(Msr::MtrrDefault, rdmsr(Msr::MtrrDefault) & ~enabled);
    if (has_fixed())
        for (std::size_t i = 0; i < fixed_msrs.size(); ++i) wrmsr(fixed_msrs[i], r.fixed[i]);
    for (u32 i = 0; i < 2 * range_count(); ++i) wrmsr(Msr::MtrrBase + i, r.variable[i]);
    forget();
    wrmsr(Msr::MtrrDefault, r.standard);
    write_cr0(control);
}

} // namespace

u32 range_count() {
    if (!cpu_features.mtrr) return 0;
    const auto count = static_cast<u32>(rdmsr(Msr::MtrrCap) & 0xff);
    return count < most_ranges ? count : most_ranges;
}

Range range(u32 number) {
    const u64 base = rdmsr(Msr::MtrrBase + 2 * number), mask = rdmsr(Msr::MtrrBase + 2 * number + 1);
    const u64 frames = mask >> page_shift;
    if (!(mask & enabled) || frames == 0) return {}; // "valid" is the same bit there
    return {base >> page_shift, frames & (0 - frames), static_cast<u32>(base & 0xff)};
}

void note() {
    if (cpu_features.mtrr) boot = read();
}

void take_over() {
    if (!cpu_features.mtrr || read() == boot) return;
    write(boot);
    differing.fetch_add(1, std::memory_order_relaxed); // read when all have started
}

u32 differed() { return differing.load(std::memory_order_relaxed); }

} // namespace px::x86::memory_types
