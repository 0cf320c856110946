// SPDX-License-Identifier: Apache-2.0
// CPU policies: reading, limiting to what paravirtual guests can use, consistency.
#include "x86/pv/policy/cpu_policy.hpp"

#include "base/bounded.hpp"
#include "x86/arch/msr.hpp"

#include <algorithm>
#include <bit>

namespace px::pv {

namespace {

/// Feature bits that a paravirtual guest may have (SDM volume 2, CPUID; APM volume 3, appendix E). Left out are those
/// of supervisor mode, of monitoring, of virtualization, and those whose MSRs guests have no access to.
namespace allowed {
// fpu de tsc msr pae mce cx8 apic sep mca cmov pat clflush mmx fxsr sse sse2 ss htt
constexpr u32 edx_1 = 0x1f89'cbf5;
// sse3 pclmul ssse3 fma cx16 sse4.1 sse4.2 movbe popcnt aes xsave avx f16c rdrand hypervisor
constexpr u32 ecx_1 = 0xf6d8'3203;
// fsgsbase bmi1 avx2 bmi2 erms avx512f,dq rdseed adx ifma clflushopt clwb avx512cd sha avx512bw,vl
constexpr u32 ebx_7 = 0xf1af'0329;
// prefetchwt1 vbmi vbmi2 gfni vaes vpclmul vnni bitalg vpopcntdq rdpid cldemote movdiri movdir64b
constexpr u32 ecx_7 = 0x1a40'5f43;
// 4vnniw 4fmaps fsrm serialize
constexpr u32 edx_7 = 0x0000'401c;
// vnni and bf16
constexpr u32 eax_7_1 = 0x0000'0030;
// syscall nx mmxext ffxsr rdtscp lm 3dnowext 3dnow
constexpr u32 edx_ext = 0xea50'0800;
constexpr u32 edx_ext_common = 0x0181'c3f5; // AMD repeats leaf 1's edx here
// lahf cmp_legacy abm sse4a misalignsse 3dnowprefetch xop fma4 tbm
constexpr u32 ecx_ext = 0x0021'09e3;
constexpr u32 ebx_8 = 0x0000'0001;   // clzero
constexpr u32 eax_d_1 = 0x0000'0007; // xsaveopt xsavec xgetbv(1)
} // namespace allowed

constexpr u32 vendor_amd_ebx = 0x68747541, vendor_hygon_ebx = 0x6f677948;

bool is_amd(const CpuPolicy& p) { return p.basic[0].b == vendor_amd_ebx || p.basic[0].b == vendor_hygon_ebx; }

/// Leaves with subleaves come from their own arrays.
constexpr bool has_subleaves(u32 leaf) { return leaf == 4 || leaf == 7 || leaf == 0xb || leaf == 0xd; }

void clear(CpuidLeafValue& leaf) { leaf = {}; }

/// Leaf 0xd for the components: sizes of the standard format are those the CPU gave for each component.
void limit_xstate(CpuPolicy& p, u64 components) {
    if (!(p.basic[1].c & 1u << 26)) components = 0;
    CpuidLeafValue& main = p.xstate[0];
    components &= (u64{main.d} << 32) | main.a;
    main.a = static_cast<u32>(components);
    main.d = static_cast<u32>(components >> 32);
    u32 size = components ? 576 : 0;
    for (u32 i = 2; i < CpuPolicy::xstate_subleaves; ++i) {
        if (!(components >> i & 1)) {
            clear(p.xstate[i]);
            continue;
        }
        size = std::max(size, p.xstate[i].a + p.xstate[i].b);
    }
    main.b = main.c = size;
    p.xstate[1].a &= components ? allowed::eax_d_1 : 0;
    p.xstate[1].b = p.xstate[1].c = p.xstate[1].d = 0; // no XSAVES
}

/// Features that make no sense without others.
void resolve_dependencies(CpuPolicy& p, u64 components) {
    u32& c1 = p.basic[1].c;
    u32& b7 = p.feature[0].b;
    if (components == 0) c1 &= ~(1u << 26);
    if (!(c1 & 1u << 26) || !(components & 4)) {
        c1 &= ~(1u << 28 | 1u << 12 | 1u << 29);   // AVX, FMA, F16C
        b7 &= ~(1u << 5);                          // AVX2
        p.extended[1].c &= ~(1u << 11 | 1u << 16); // XOP, FMA4
        p.feature[0].c &= ~(1u << 9 | 1u << 10);   // VAES, VPCLMULQDQ
    }
    if (!(components & 0xe0) || !(b7 & 1u << 16)) {
        b7 &= ~(1u << 16 | 1u << 17 | 1u << 21 | 1u << 28 | 1u << 30 | 1u << 31);
        p.feature[0].c &= ~(1u << 1 | 1u << 6 | 1u << 11 | 1u << 12 | 1u << 14);
        p.feature[0].d &= ~(1u << 2 | 1u << 3);
    }
}

} // namespace

CpuidLeafValue* CpuPolicy::find(u32 leaf, u32 subleaf) {
    switch (leaf) {
    case 4: return subleaf < cache_subleaves ? &cache[bounded(subleaf, cache_subleaves)] : nullptr;
    case 7: return subleaf < feature_subleaves ? &feature[bounded(subleaf, feature_subleaves)] : nullptr;
    case 0xb: return subleaf < topology_subleaves ? &topology[bounded(subleaf, topology_subleaves)] : nullptr;
    case 0xd: return subleaf < xstate_subleaves ? &xstate[bounded(subleaf, xstate_subleaves)] : nullptr;
    default: break;
    }
    if (leaf < basic_leaves) return &basic[bounded(leaf, basic_leaves)];
    if (leaf >= extended_base && leaf - extended_base < extended_leaves)
        return &extended[bounded(leaf - extended_base, extended_leaves)];
    return nullptr;
}

void get_featureset(const CpuPolicy& p, std::span<u32, featureset_words> w) {
    w[0] = p.basic[1].d;
    w[1] = p.basic[1].c;
    w[2] = p.extended[1].d;
    w[3] = p.extended[1].c;
    w[4] = p.xstate[1].a;
    w[5] = p.feature[0].b;
    w[6] = p.feature[0].c;
    w[7] = p.extended[7].d;
    w[8] = p.extended[8].b;
    w[9] = p.feature[0].d;
    w[10] = p.feature[1].a;
    w[11] = p.extended[0x21].a;
    w[12] = p.feature[1].b;
    w[13] = 0;
}

void read_policy(CpuPolicy& p, CpuidFunction cpuid) {
    p = {};
    const u32 limit = std::min(cpuid(0, 0).a, CpuPolicy::basic_leaves - 1);
    for (u32 leaf = 0; leaf <= limit; ++leaf)
        if (!has_subleaves(leaf)) p.basic[leaf] = cpuid(leaf, 0);
    for (u32 i = 0; limit >= 4 && i < CpuPolicy::cache_subleaves; ++i) {
        p.cache[i] = cpuid(4, i);
        if (!(p.cache[i].a & 0x1f)) break;
    }
    for (u32 i = 0; limit >= 7 && i < CpuPolicy::feature_subleaves; ++i)
        if (i <= (i ? p.feature[0].a : 0)) p.feature[i] = cpuid(7, i);
    for (u32 i = 0; limit >= 0xb && i < CpuPolicy::topology_subleaves; ++i) p.topology[i] = cpuid(0xb, i);
    for (u32 i = 0; limit >= 0xd && i < CpuPolicy::xstate_subleaves; ++i) {
        const u64 components = (u64{p.xstate[0].d} << 32) | p.xstate[0].a;
        if (i < 2 || (components >> i & 1)) p.xstate[i] = cpuid(0xd, i);
    }
    const u32 extended_limit = cpuid(CpuPolicy::extended_base, 0).a;
    if (extended_limit < CpuPolicy::extended_base) return;
    const u32 count = std::min(extended_limit - CpuPolicy::extended_base + 1, CpuPolicy::extended_leaves);
    for (u32 i = 0; i < count; ++i) p.extended[i] = cpuid(CpuPolicy::extended_base + i, 0);
}

void limit_to_pv(CpuPolicy& p, u64 components) {
    p.basic[0].a = std::min(p.basic[0].a, 0xdu);
    p.basic[1].b &= 0x0000ffff; // APIC id and count of logical CPUs belong to the vCPU
    p.basic[1].d &= allowed::edx_1;
    p.basic[1].c = (p.basic[1].c & allowed::ecx_1) | 1u << 31;
    for (u32 leaf : {3u, 5u, 6u, 8u, 9u, 0xau, 0xcu}) clear(p.basic[leaf]);
    for (u32 leaf = 0xe; leaf < CpuPolicy::basic_leaves; ++leaf) clear(p.basic[leaf]);
    p.feature[0].b &= allowed::ebx_7;
    p.feature[0].c &= allowed::ecx_7;
    p.feature[0].d &= allowed::edx_7;
    p.feature[1] = {p.feature[1].a & allowed::eax_7_1, 0, 0, 0};
    clear(p.feature[2]);
    for (auto& t : p.topology) clear(t);
    if (p.extended[0].a >= CpuPolicy::extended_base)
        p.extended[0].a = std::min(p.extended[0].a, CpuPolicy::extended_base + 0x1c);
    p.extended[1].d &= allowed::edx_ext | (is_amd(p) ? allowed::edx_ext_common : 0);
    p.extended[1].c &= allowed::ecx_ext;
    p.extended[7] = {};
    p.extended[8] = {p.extended[8].a & 0xffff, p.extended[8].b & allowed::ebx_8, 0, 0};
    for (u32 leaf = 9; leaf < CpuPolicy::extended_leaves; ++leaf)
        if (leaf != 0x19 && leaf != 0x1a) clear(p.extended[leaf]);
    p.platform_info &= u64{1} << 31; // CPUID faulting
    p.arch_capabilities = 0;
    resolve_dependencies(p, components);
    limit_xstate(p, components);
}

void recalculate(CpuPolicy& p, const CpuPolicy& maximum, u64 components) {
    p.basic[0].a = std::min(p.basic[0].a, maximum.basic[0].a);
    if (p.extended[0].a > maximum.extended[0].a) p.extended[0].a = maximum.extended[0].a;
    p.basic[1].c &= maximum.basic[1].c;
    p.basic[1].d &= maximum.basic[1].d;
    p.feature[0].a = std::min(p.feature[0].a, maximum.feature[0].a);
    p.feature[0].b &= maximum.feature[0].b;
    p.feature[0].c &= maximum.feature[0].c;
    p.feature[0].d &= maximum.feature[0].d;
    p.feature[1] = {p.feature[1].a & maximum.feature[1].a, 0, 0, 0};
    p.extended[1].c &= maximum.extended[1].c;
    p.extended[1].d &= maximum.extended[1].d;
    p.extended[7].d &= maximum.extended[7].d;
    p.extended[8].b &= maximum.extended[8].b;
    for (u32 leaf : {3u, 5u, 6u, 8u, 9u, 0xau, 0xcu}) clear(p.basic[leaf]);
    for (u32 i = 0; i < CpuPolicy::xstate_subleaves; ++i) {
        const CpuidLeafValue tools = p.xstate[i];
        p.xstate[i] = maximum.xstate[i];
        if (i < 2) p.xstate[i].a &= tools.a, p.xstate[i].d &= tools.d;
    }
    p.platform_info &= maximum.platform_info;
    p.arch_capabilities &= maximum.arch_capabilities;
    components &= (u64{p.xstate[0].d} << 32) | p.xstate[0].a;
    resolve_dependencies(p, components);
    limit_xstate(p, components);
}

u32 serialise_leaves(const CpuPolicy& p, std::span<abi::CpuidLeaf, max_serialised_leaves> out) {
    u32 n = 0;
    const auto put = [&](u32 leaf, u32 subleaf, const CpuidLeafValue& v) {
        out[n++] = {leaf, subleaf, v.a, v.b, v.c, v.d};
    };
    const u32 limit = std::min(p.basic[0].a, CpuPolicy::basic_leaves - 1);
    for (u32 leaf = 0; leaf <= limit; ++leaf) {
        if (!has_subleaves(leaf)) {
            put(leaf, abi::cpuid_no_subleaf, p.basic[leaf]);
            continue;
        }
        // Up to the highest component, those between that are not there included: the tools count them so, and their
        // buffer is as long as our answer.
        const u64 components = (u64{p.xstate[0].d} << 32 | p.xstate[0].a) & ~(u64{1} << 63);
        const u32 count = leaf == 4     ? CpuPolicy::cache_subleaves
                          : leaf == 7   ? std::min(p.feature[0].a + 1, CpuPolicy::feature_subleaves)
                          : leaf == 0xb ? CpuPolicy::topology_subleaves
                                        : std::max(2u, static_cast<u32>(std::bit_width(components)));
        for (u32 i = 0; i < count; ++i) {
            put(leaf, i, *p.find(leaf, i));
            if (leaf == 4 && !(p.cache[i].a & 0x1f)) break;
        }
    }
    put(CpuPolicy::hypervisor_base, abi::cpuid_no_subleaf, {p.hypervisor_limit, 0, 0, 0});
    put(CpuPolicy::hypervisor_base + 0x100, abi::cpuid_no_subleaf, {});
    if (p.extended[0].a < CpuPolicy::extended_base) return n;
    const u32 count = std::min(p.extended[0].a - CpuPolicy::extended_base + 1, CpuPolicy::extended_leaves);
    for (u32 i = 0; i < count; ++i) put(CpuPolicy::extended_base + i, abi::cpuid_no_subleaf, p.extended[i]);
    return n;
}

u32 serialise_msrs(const CpuPolicy& p, std::span<abi::MsrEntry, max_serialised_msrs> out) {
    out[0] = {number_of(x86::Msr::PlatformInfo), 0, p.platform_info};
    out[1] = {number_of(x86::Msr::ArchCapabilities), 0, p.arch_capabilities};
    return 2;
}

Result<> merge(CpuPolicy& p, const abi::CpuidLeaf& leaf) {
    if (leaf.leaf == CpuPolicy::hypervisor_base) {
        p.hypervisor_limit = leaf.a;
        return {};
    }
    if (leaf.leaf == CpuPolicy::hypervisor_base + 0x100) return {};
    if (!has_subleaves(leaf.leaf) && leaf.subleaf != abi::cpuid_no_subleaf) return fail(Error::Range);
    CpuidLeafValue* const value = p.find(leaf.leaf, leaf.subleaf);
    if (!value) return fail(Error::Range);
    *value = {leaf.a, leaf.b, leaf.c, leaf.d};
    return {};
}

Result<> merge(CpuPolicy& p, const abi::MsrEntry& entry) {
    if (entry.flags != 0) return fail(Error::Invalid);
    switch (static_cast<x86::Msr>(entry.idx)) {
    case x86::Msr::PlatformInfo: p.platform_info = entry.val; return {};
    case x86::Msr::ArchCapabilities: p.arch_capabilities = entry.val; return {};
    default: return fail(Error::Range);
    }
}

} // namespace px::pv
