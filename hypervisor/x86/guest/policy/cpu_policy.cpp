// SPDX-License-Identifier: Apache-2.0
// CPU policies: reading, limiting to what paravirtual guests can use, consistency.
#include "x86/guest/policy/cpu_policy.hpp"

#include "base/bounded.hpp"
#include "x86/arch/msr.hpp"

#include <algorithm>
#include <bit>

namespace px::guest {

namespace {

/// Feature bits that a paravirtual guest may have (SDM volume 2, CPUID; APM volume 3, appendix E). Left out are those
/// of supervisor mode, of monitoring, of virtualization, and those whose MSRs guests have no access to.
namespace allowed {
constexpr auto leaf_1c = [] {
    using namespace x86::leaf_1c;
    return sse3 | pclmul | ssse3 | fma | cx16 | sse41 | sse42 | movbe | popcnt | aes | xsave | avx | f16c | rdrand |
           hypervisor;
}();
constexpr auto leaf_1d = [] {
    using namespace x86::leaf_1d;
    return fpu | de | tsc | msr | pae | mce | cx8 | apic | sep | mca | cmov | pat | clflush | mmx | fxsr | sse | sse2 |
           ss | htt;
}();
constexpr auto leaf_7b = [] {
    using namespace x86::leaf_7b;
    return fsgsbase | bmi1 | avx2 | bmi2 | erms | avx512f | avx512dq | rdseed | adx | avx512ifma | clflushopt | clwb |
           avx512cd | sha | avx512bw | avx512vl;
}();
constexpr auto leaf_7c = [] {
    using namespace x86::leaf_7c;
    return prefetchwt1 | avx512vbmi | avx512vbmi2 | gfni | vaes | vpclmul | avx512vnni | avx512bitalg |
           avx512vpopcntdq | rdpid | cldemote | movdiri | movdir64b;
}();
constexpr auto leaf_7d = [] {
    using namespace x86::leaf_7d;
    return avx512_4vnniw | avx512_4fmaps | fsrm | serialize;
}();
constexpr auto leaf_7_1a = x86::leaf_7_1a::avx_vnni | x86::leaf_7_1a::avx512_bf16;
constexpr auto leaf_d_1a = x86::leaf_d_1a::xsaveopt | x86::leaf_d_1a::xsavec | x86::leaf_d_1a::xgetbv1;
constexpr auto extended_1c = [] {
    using namespace x86::extended_1c;
    return lahf | cmp_legacy | abm | sse4a | misalignsse | prefetchw | xop | fma4 | tbm;
}();
constexpr auto extended_1d = [] {
    using namespace x86::extended_1d;
    return syscall | nx | mmxext | ffxsr | rdtscp | long_mode | amd_3dnowext | amd_3dnow;
}();
/// AMD repeats some of leaf 1 here.
constexpr auto extended_1d_of_amd = [] {
    using namespace x86::leaf_1d;
    constexpr auto repeated = fpu | de | tsc | msr | pae | mce | cx8 | apic | mca | cmov | pat | mmx | fxsr;
    return x86::Extended1D(repeated.raw());
}();
constexpr auto extended_8b = x86::extended_8b::clzero;
} // namespace allowed

constexpr u32 vendor_amd_ebx = 0x68747541, vendor_hygon_ebx = 0x6f677948;

bool is_amd(const CpuPolicy& p) { return p.basic[0].b == vendor_amd_ebx || p.basic[0].b == vendor_hygon_ebx; }

/// Leaves with subleaves come from their own arrays.
constexpr bool has_subleaves(u32 leaf) { return leaf == 4 || leaf == 7 || leaf == 0xb || leaf == 0xd; }

void clear(CpuidLeafValue& leaf) { leaf = {}; }

/// Leaf 0xd for the components: sizes of the standard format are those the CPU gave for each component.
void limit_xstate(CpuPolicy& p, u64 components) {
    if (!p.has(x86::leaf_1c::xsave)) components = 0;
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
    p.keep(components ? allowed::leaf_d_1a : x86::LeafDSub1A{});
    p.xstate[1].b = p.xstate[1].c = p.xstate[1].d = 0; // no XSAVES
}

/// Features that make no sense without others.
void resolve_dependencies(CpuPolicy& p, u64 components) {
    using namespace x86;
    if (components == 0) p.remove(leaf_1c::xsave);
    if (!p.has(leaf_1c::xsave) || !(components & 4)) {
        p.remove(leaf_1c::avx | leaf_1c::fma | leaf_1c::f16c);
        p.remove(leaf_7b::avx2);
        p.remove(extended_1c::xop | extended_1c::fma4);
        p.remove(leaf_7c::vaes | leaf_7c::vpclmul);
    }
    if (!(components & 0xe0) || !p.has(leaf_7b::avx512f)) {
        p.remove(leaf_7b::avx512f | leaf_7b::avx512dq | leaf_7b::avx512ifma | leaf_7b::avx512cd | leaf_7b::avx512bw |
                 leaf_7b::avx512vl);
        p.remove(leaf_7c::avx512vbmi | leaf_7c::avx512vbmi2 | leaf_7c::avx512vnni | leaf_7c::avx512bitalg |
                 leaf_7c::avx512vpopcntdq);
        p.remove(leaf_7d::avx512_4vnniw | leaf_7d::avx512_4fmaps);
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
    p.keep(allowed::leaf_1d);
    p.keep(allowed::leaf_1c);
    p.add(x86::leaf_1c::hypervisor);
    for (u32 leaf : {3u, 5u, 6u, 8u, 9u, 0xau, 0xcu}) clear(p.basic[leaf]);
    for (u32 leaf = 0xe; leaf < CpuPolicy::basic_leaves; ++leaf) clear(p.basic[leaf]);
    p.keep(allowed::leaf_7b);
    p.keep(allowed::leaf_7c);
    p.keep(allowed::leaf_7d);
    p.feature[1] = {(p.get<x86::Leaf7Sub1A>() & allowed::leaf_7_1a).raw(), 0, 0, 0};
    clear(p.feature[2]);
    for (auto& t : p.topology) clear(t);
    if (p.extended[0].a >= CpuPolicy::extended_base)
        p.extended[0].a = std::min(p.extended[0].a, CpuPolicy::extended_base + 0x1c);
    p.keep(is_amd(p) ? allowed::extended_1d | allowed::extended_1d_of_amd : allowed::extended_1d);
    p.keep(allowed::extended_1c);
    p.extended[7] = {};
    p.extended[8] = {p.extended[8].a & 0xffff, (p.get<x86::Extended8B>() & allowed::extended_8b).raw(), 0, 0};
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

} // namespace px::guest
