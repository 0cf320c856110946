// SPDX-License-Identifier: Apache-2.0
// CPU policies: the CPUID leaves and MSR values a guest sees. Pure logic over leaves: no CPUID instruction in here.
#pragma once

#include "abi/cpu_policy.hpp"
#include "base/number.hpp"
#include "base/result.hpp"
#include "x86/arch/cpuid_bits.hpp"

#include <span>

namespace px::guest {

/// Registers after CPUID.
struct CpuidLeafValue {
    u32 a = 0, b = 0, c = 0, d = 0;
    [[nodiscard]] constexpr u32& operator[](x86::CpuidRegister which) {
        switch (which) {
        case x86::CpuidRegister::A: return a;
        case x86::CpuidRegister::B: return b;
        case x86::CpuidRegister::C: return c;
        case x86::CpuidRegister::D: break;
        }
        return d;
    }
    friend bool operator==(const CpuidLeafValue&, const CpuidLeafValue&) = default;
};

/// A CPU policy: leaves by group, and the MSRs that belong to it.
struct CpuPolicy {
    static constexpr u32 basic_leaves = 0x16 + 1;
    static constexpr u32 extended_leaves = 0x22;
    static constexpr u32 cache_subleaves = 6, feature_subleaves = 3, topology_subleaves = 2, xstate_subleaves = 63;
    static constexpr u32 extended_base = 0x80000000, hypervisor_base = 0x40000000;

    CpuidLeafValue basic[basic_leaves];          ///< leaves 0.. without subleaves (4, 7, 0xb, 0xd unused here)
    CpuidLeafValue cache[cache_subleaves];       ///< leaf 4
    CpuidLeafValue feature[feature_subleaves];   ///< leaf 7
    CpuidLeafValue topology[topology_subleaves]; ///< leaf 0xb
    CpuidLeafValue xstate[xstate_subleaves];     ///< leaf 0xd
    CpuidLeafValue extended[extended_leaves];    ///< leaves 0x80000000..
    u32 hypervisor_limit = 0;                    ///< highest leaf at 0x40000000; 0: no limit of the domain's own
    u64 platform_info = 0;                       ///< MSR 0xce (bit 31: CPUID faulting)
    u64 arch_capabilities = 0;                   ///< MSR 0x10a

    /// One register of a leaf, by its type.
    template <class Word> [[nodiscard]] constexpr Word get() const {
        return Word(const_cast<CpuPolicy*>(this)->template place<Word>());
    }
    template <class Word> [[nodiscard]] constexpr bool has(Word bits) const { return get<Word>().has(bits); }
    /// Takes away all but these bits, or these bits.
    template <class Word> constexpr void keep(Word bits) { place<Word>() &= bits.raw(); }
    template <class Word> constexpr void remove(Word bits) { place<Word>() &= ~bits.raw(); }
    template <class Word> constexpr void add(Word bits) { place<Word>() |= bits.raw(); }

    /// The leaf's storage; null if the policy has no such leaf.
    [[nodiscard]] CpuidLeafValue* find(u32 leaf, u32 subleaf);
    [[nodiscard]] const CpuidLeafValue* find(u32 leaf, u32 subleaf) const {
        return const_cast<CpuPolicy*>(this)->find(leaf, subleaf);
    }

  private:
    template <class Word> [[nodiscard]] constexpr u32& place() {
        constexpr u32 leaf = Word::Identity::leaf, subleaf = Word::Identity::subleaf;
        static_assert(leaf != 4 && leaf != 0xb && (subleaf == 0 || leaf == 7 || leaf == 0xd));
        if constexpr (leaf == 7) return feature[subleaf][Word::Identity::in];
        else if constexpr (leaf == 0xd) return xstate[subleaf][Word::Identity::in];
        else if constexpr (leaf >= extended_base) return extended[leaf - extended_base][Word::Identity::in];
        else return basic[leaf][Word::Identity::in];
    }
};

/// Words of a featureset in the ABI's order (public/arch-x86/cpufeatureset.h).
inline constexpr u32 featureset_words = 14;
void get_featureset(const CpuPolicy& policy, std::span<u32, featureset_words> words);

/// Reads a policy through a CPUID function (the machine's, or a recorded one), limited to what the highest leaves
/// allow.
using CpuidFunction = CpuidLeafValue (*)(u32 leaf, u32 subleaf);
void read_policy(CpuPolicy& policy, CpuidFunction cpuid);

/// Cuts a policy down to what a paravirtual guest can use.
/// @param components XCR0 bits that the hypervisor switches
void limit_to_pv(CpuPolicy& policy, u64 components);
/// After a change by the tools: nothing beyond `maximum`, and dependent leaves made consistent.
void recalculate(CpuPolicy& policy, const CpuPolicy& maximum, u64 components);

/// Most entries serialise() can produce, and MSR entries.
inline constexpr u32 max_serialised_leaves = CpuPolicy::basic_leaves + CpuPolicy::cache_subleaves +
                                             CpuPolicy::feature_subleaves + CpuPolicy::topology_subleaves +
                                             CpuPolicy::xstate_subleaves + CpuPolicy::extended_leaves + 2 - 4;
inline constexpr u32 max_serialised_msrs = 2;
/// Writes the leaves in the order of the ABI; returns their number.
u32 serialise_leaves(const CpuPolicy& policy, std::span<abi::CpuidLeaf, max_serialised_leaves> out);
u32 serialise_msrs(const CpuPolicy& policy, std::span<abi::MsrEntry, max_serialised_msrs> out);
/// Takes one leaf or MSR entry. Errors: Range for an unknown one, Invalid (MSR flags).
Result<> merge(CpuPolicy& policy, const abi::CpuidLeaf& leaf);
Result<> merge(CpuPolicy& policy, const abi::MsrEntry& entry);

} // namespace px::guest
