// SPDX-License-Identifier: Apache-2.0
// Reads CPUID (SDM volume 2 CPUID; APM volume 3 appendix E).
#include "x86/machine/cpu/cpu_features.hpp"

#include "x86/instructions.hpp"

namespace px::x86 {

constinit CpuFeatures cpu_features;

namespace {

void put_words(char* to, const u32* words, std::size_t count) {
    __builtin_memcpy(to, words, count * 4);
    to[count * 4] = '\0';
}

void read_identity(CpuFeatures& f) {
    const auto zero = cpuid(0);
    f.max_leaf = zero.eax;
    const u32 name[3] = {zero.ebx, zero.edx, zero.ecx};
    put_words(f.vendor_name, name, 3);
    const std::string_view vendor = f.vendor_name;
    if (vendor == "GenuineIntel") f.vendor = Vendor::Intel;
    if (vendor == "AuthenticAMD" || vendor == "HygonGenuine") f.vendor = Vendor::Amd;
    const u32 signature = cpuid(1).eax;
    f.family = signature >> 8 & 15;
    if (f.family == 15) f.family += signature >> 20 & 255;
    f.model = signature >> 4 & 15;
    if (f.family == 6 || f.family >= 15) f.model |= (signature >> 16 & 15) << 4;
    f.stepping = signature & 15;
    f.max_extended_leaf = cpuid(0x80000000).eax;
    if (f.max_extended_leaf >= 0x80000004) {
        u32 brand[12];
        for (u32 i = 0; i < 3; ++i) {
            const auto r = cpuid(0x80000002 + i);
            u32* const words = &brand[std::size_t{4} * i];
            words[0] = r.eax, words[1] = r.ebx, words[2] = r.ecx, words[3] = r.edx;
        }
        put_words(f.brand, brand, 12);
    }
    if (f.max_extended_leaf >= 0x80000008)
        f.physical_address_bits = extended_8a::PhysicalBits::of(cpuid_word<Extended8A>());
}

void read_features(CpuFeatures& f) {
    const auto one = cpuid(1);
    const u32 units = leaf_1b::FlushUnits::of(one.get<Leaf1B>());
    if (one.has(leaf_1d::clflush) && units != 0) f.cache_line_bytes = units * 8;
    f.vmx = one.has(leaf_1c::vmx), f.pcid = one.has(leaf_1c::pcid), f.x2apic = one.has(leaf_1c::x2apic);
    f.tsc_deadline = one.has(leaf_1c::tsc_deadline), f.mwait = one.has(leaf_1c::monitor);
    f.xsave = one.has(leaf_1c::xsave), f.hypervisor = one.has(leaf_1c::hypervisor);
    f.mtrr = one.has(leaf_1d::mtrr), f.pge = one.has(leaf_1d::pge), f.pat = one.has(leaf_1d::pat);
    const auto extended = cpuid(0x80000001);
    f.svm = extended.has(extended_1c::svm), f.nx = extended.has(extended_1d::nx);
    f.gib_pages = extended.has(extended_1d::gib_pages), f.rdtscp = extended.has(extended_1d::rdtscp);
    if (f.max_extended_leaf >= 0x80000007) f.invariant_tsc = cpuid_word<Extended7D>().has(extended_7d::invariant_tsc);
    if (f.max_leaf >= 6) f.arat = cpuid_word<Leaf6A>().has(leaf_6a::arat);
    if (f.max_leaf >= 7) {
        const auto seven = cpuid(7);
        f.fsgsbase = seven.has(leaf_7b::fsgsbase), f.smep = seven.has(leaf_7b::smep);
        f.invpcid = seven.has(leaf_7b::invpcid), f.smap = seven.has(leaf_7b::smap);
        f.umip = seven.has(leaf_7c::umip), f.pku = seven.has(leaf_7c::pku), f.rdpid = seven.has(leaf_7c::rdpid);
    }
    if (f.hypervisor) {
        const auto r = cpuid(0x40000000);
        const u32 name[3] = {r.ebx, r.ecx, r.edx};
        char text[13];
        put_words(text, name, 3);
        f.is_tcg = std::string_view(text) == "TCGTCGTCGTCG";
    }
}

/// x87, SSE, AVX, AVX-512 (three) and protection keys; bounds registers and AMX are not switched.
constexpr u64 known_components = 0x7 | 0xe0 | 0x200;

void read_extended_state(CpuFeatures& f) {
    if (!f.xsave || f.max_leaf < 0xd) return;
    const auto r = cpuid(0xd, 0);
    f.xcr0 = (u64{r.edx} << 32 | r.eax) & known_components;
    if ((f.xcr0 & 0xe0) != 0xe0) f.xcr0 &= ~u64{0xe0};
    f.xsave_bytes = 576;
    for (u32 i = 2; i < 63; ++i) {
        if (!(f.xcr0 >> i & 1)) continue;
        const auto component = cpuid(0xd, i);
        if (component.eax + component.ebx > f.xsave_bytes) f.xsave_bytes = component.eax + component.ebx;
    }
    const auto ways = cpuid_word<LeafDSub1A>();
    f.xsaveopt = ways.has(leaf_d_1a::xsaveopt), f.xsavec = ways.has(leaf_d_1a::xsavec);
    f.xsaves = ways.has(leaf_d_1a::xsaves);
}

} // namespace

void detect_cpu_features() {
    read_identity(cpu_features);
    read_features(cpu_features);
    read_extended_state(cpu_features);
}

} // namespace px::x86
