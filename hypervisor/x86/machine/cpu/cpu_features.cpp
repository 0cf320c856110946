// SPDX-License-Identifier: Apache-2.0
// Reads CPUID (SDM volume 2 CPUID; APM volume 3 appendix E).
#include "x86/machine/cpu/cpu_features.hpp"

#include "x86/instructions.hpp"

namespace px::x86 {

constinit CpuFeatures cpu_features;

namespace {

constexpr bool bit(u32 word, unsigned n) { return word >> n & 1; }

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
    if (f.max_extended_leaf >= 0x80000008) f.physical_address_bits = cpuid(0x80000008).eax & 0xff;
}

void read_features(CpuFeatures& f) {
    const auto one = cpuid(1);
    constexpr unsigned clflush = 19;
    if (const u32 units = one.ebx >> 8 & 0xff; bit(one.edx, clflush) && units != 0) f.cache_line_bytes = units * 8;
    f.vmx = bit(one.ecx, 5), f.pcid = bit(one.ecx, 17), f.x2apic = bit(one.ecx, 21), f.tsc_deadline = bit(one.ecx, 24);
    f.mwait = bit(one.ecx, 3), f.xsave = bit(one.ecx, 26), f.hypervisor = bit(one.ecx, 31);
    f.mtrr = bit(one.edx, 12), f.pge = bit(one.edx, 13), f.pat = bit(one.edx, 16);
    const auto extended = cpuid(0x80000001);
    f.svm = bit(extended.ecx, 2), f.nx = bit(extended.edx, 20), f.gib_pages = bit(extended.edx, 26);
    f.rdtscp = bit(extended.edx, 27);
    if (f.max_extended_leaf >= 0x80000007) f.invariant_tsc = bit(cpuid(0x80000007).edx, 8);
    if (f.max_leaf >= 6) f.arat = bit(cpuid(6).eax, 2);
    if (f.max_leaf >= 7) {
        const auto seven = cpuid(7);
        f.fsgsbase = bit(seven.ebx, 0), f.smep = bit(seven.ebx, 7), f.invpcid = bit(seven.ebx, 10);
        f.smap = bit(seven.ebx, 20), f.umip = bit(seven.ecx, 2), f.pku = bit(seven.ecx, 3),
        f.rdpid = bit(seven.ecx, 22);
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
    const auto sub = cpuid(0xd, 1);
    f.xsaveopt = bit(sub.eax, 0), f.xsavec = bit(sub.eax, 1), f.xsaves = bit(sub.eax, 3);
}

} // namespace

void detect_cpu_features() {
    read_identity(cpu_features);
    read_features(cpu_features);
    read_extended_state(cpu_features);
}

} // namespace px::x86
