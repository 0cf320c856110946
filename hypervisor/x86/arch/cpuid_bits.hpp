// SPDX-License-Identifier: Apache-2.0
// What CPUID tells, by name (SDM volume 2, CPUID; APM volume 3, appendix E). Each register of each leaf is a type,
// which knows where it is to be found: a bit cannot be looked for in another.
#pragma once

#include "base/register.hpp"

namespace px::x86 {

enum class CpuidRegister : u8 { A, B, C, D };
template <u32 leaf_number, u32 subleaf_number, CpuidRegister which> struct CpuidPlace {
    static constexpr u32 leaf = leaf_number, subleaf = subleaf_number;
    static constexpr CpuidRegister in = which;
};
template <u32 leaf, CpuidRegister which, u32 subleaf = 0>
using CpuidWord = Register<CpuidPlace<leaf, subleaf, which>, u32>;

using Leaf1B = CpuidWord<1, CpuidRegister::B>;
namespace leaf_1b {
using FlushUnits = Field<Leaf1B, 8, 8>; ///< of 8 bytes, in what CLFLUSH flushes
using Threads = Field<Leaf1B, 16, 8>;   ///< APIC ids of a package
using ApicId = Field<Leaf1B, 24, 8>;
} // namespace leaf_1b

using Leaf1C = CpuidWord<1, CpuidRegister::C>;
namespace leaf_1c {
inline constexpr auto sse3 = Leaf1C::bit(0), pclmul = Leaf1C::bit(1), monitor = Leaf1C::bit(3), vmx = Leaf1C::bit(5),
                      ssse3 = Leaf1C::bit(9), fma = Leaf1C::bit(12), cx16 = Leaf1C::bit(13), pcid = Leaf1C::bit(17),
                      sse41 = Leaf1C::bit(19), sse42 = Leaf1C::bit(20), x2apic = Leaf1C::bit(21),
                      movbe = Leaf1C::bit(22), popcnt = Leaf1C::bit(23), tsc_deadline = Leaf1C::bit(24),
                      aes = Leaf1C::bit(25), xsave = Leaf1C::bit(26), osxsave = Leaf1C::bit(27), avx = Leaf1C::bit(28),
                      f16c = Leaf1C::bit(29), rdrand = Leaf1C::bit(30), hypervisor = Leaf1C::bit(31);
} // namespace leaf_1c

using Leaf1D = CpuidWord<1, CpuidRegister::D>;
namespace leaf_1d {
inline constexpr auto fpu = Leaf1D::bit(0), de = Leaf1D::bit(2), tsc = Leaf1D::bit(4), msr = Leaf1D::bit(5),
                      pae = Leaf1D::bit(6), mce = Leaf1D::bit(7), cx8 = Leaf1D::bit(8), apic = Leaf1D::bit(9),
                      sep = Leaf1D::bit(11), mtrr = Leaf1D::bit(12), pge = Leaf1D::bit(13), mca = Leaf1D::bit(14),
                      cmov = Leaf1D::bit(15), pat = Leaf1D::bit(16), clflush = Leaf1D::bit(19), mmx = Leaf1D::bit(23),
                      fxsr = Leaf1D::bit(24), sse = Leaf1D::bit(25), sse2 = Leaf1D::bit(26), ss = Leaf1D::bit(27),
                      htt = Leaf1D::bit(28);
} // namespace leaf_1d

using Leaf6A = CpuidWord<6, CpuidRegister::A>;
namespace leaf_6a {
inline constexpr auto arat = Leaf6A::bit(2);
}

using Leaf7B = CpuidWord<7, CpuidRegister::B>;
namespace leaf_7b {
inline constexpr auto fsgsbase = Leaf7B::bit(0), bmi1 = Leaf7B::bit(3), avx2 = Leaf7B::bit(5), smep = Leaf7B::bit(7),
                      bmi2 = Leaf7B::bit(8), erms = Leaf7B::bit(9), invpcid = Leaf7B::bit(10),
                      avx512f = Leaf7B::bit(16), avx512dq = Leaf7B::bit(17), rdseed = Leaf7B::bit(18),
                      adx = Leaf7B::bit(19), smap = Leaf7B::bit(20), avx512ifma = Leaf7B::bit(21),
                      clflushopt = Leaf7B::bit(23), clwb = Leaf7B::bit(24), avx512cd = Leaf7B::bit(28),
                      sha = Leaf7B::bit(29), avx512bw = Leaf7B::bit(30), avx512vl = Leaf7B::bit(31);
} // namespace leaf_7b

using Leaf7C = CpuidWord<7, CpuidRegister::C>;
namespace leaf_7c {
inline constexpr auto prefetchwt1 = Leaf7C::bit(0), avx512vbmi = Leaf7C::bit(1), umip = Leaf7C::bit(2),
                      pku = Leaf7C::bit(3), avx512vbmi2 = Leaf7C::bit(6), gfni = Leaf7C::bit(8), vaes = Leaf7C::bit(9),
                      vpclmul = Leaf7C::bit(10), avx512vnni = Leaf7C::bit(11), avx512bitalg = Leaf7C::bit(12),
                      avx512vpopcntdq = Leaf7C::bit(14), rdpid = Leaf7C::bit(22), cldemote = Leaf7C::bit(25),
                      movdiri = Leaf7C::bit(27), movdir64b = Leaf7C::bit(28);
} // namespace leaf_7c

using Leaf7D = CpuidWord<7, CpuidRegister::D>;
namespace leaf_7d {
inline constexpr auto avx512_4vnniw = Leaf7D::bit(2), avx512_4fmaps = Leaf7D::bit(3), fsrm = Leaf7D::bit(4),
                      md_clear = Leaf7D::bit(10), serialize = Leaf7D::bit(14), ibrs_ibpb = Leaf7D::bit(26),
                      stibp = Leaf7D::bit(27), arch_capabilities = Leaf7D::bit(29), ssbd = Leaf7D::bit(31);
} // namespace leaf_7d

using Leaf7Sub1A = CpuidWord<7, CpuidRegister::A, 1>;
namespace leaf_7_1a {
inline constexpr auto avx_vnni = Leaf7Sub1A::bit(4), avx512_bf16 = Leaf7Sub1A::bit(5);
}

using LeafDSub1A = CpuidWord<0xd, CpuidRegister::A, 1>;
namespace leaf_d_1a {
inline constexpr auto xsaveopt = LeafDSub1A::bit(0), xsavec = LeafDSub1A::bit(1), xgetbv1 = LeafDSub1A::bit(2),
                      xsaves = LeafDSub1A::bit(3);
}

using Extended1C = CpuidWord<0x80000001, CpuidRegister::C>;
namespace extended_1c {
inline constexpr auto lahf = Extended1C::bit(0), cmp_legacy = Extended1C::bit(1), svm = Extended1C::bit(2),
                      abm = Extended1C::bit(5), sse4a = Extended1C::bit(6), misalignsse = Extended1C::bit(7),
                      prefetchw = Extended1C::bit(8), xop = Extended1C::bit(11), fma4 = Extended1C::bit(16),
                      tbm = Extended1C::bit(21);
} // namespace extended_1c

using Extended1D = CpuidWord<0x80000001, CpuidRegister::D>;
namespace extended_1d {
inline constexpr auto syscall = Extended1D::bit(11), nx = Extended1D::bit(20), mmxext = Extended1D::bit(22),
                      ffxsr = Extended1D::bit(25), gib_pages = Extended1D::bit(26), rdtscp = Extended1D::bit(27),
                      long_mode = Extended1D::bit(29), amd_3dnowext = Extended1D::bit(30),
                      amd_3dnow = Extended1D::bit(31);
} // namespace extended_1d

using Extended7D = CpuidWord<0x80000007, CpuidRegister::D>;
namespace extended_7d {
inline constexpr auto invariant_tsc = Extended7D::bit(8);
}

using Extended8A = CpuidWord<0x80000008, CpuidRegister::A>;
namespace extended_8a {
using PhysicalBits = Field<Extended8A, 0, 8>;
}

using Extended8B = CpuidWord<0x80000008, CpuidRegister::B>;
namespace extended_8b {
/// restores_pointers: FXRSTOR and XRSTOR always restore the FPU's pointers of the last instruction.
inline constexpr auto clzero = Extended8B::bit(0), restores_pointers = Extended8B::bit(2), ibpb = Extended8B::bit(12),
                      ibrs = Extended8B::bit(14), stibp = Extended8B::bit(15), ibrs_always_on = Extended8B::bit(16),
                      ssbd = Extended8B::bit(24);
} // namespace extended_8b

using Extended21A = CpuidWord<0x80000021, CpuidRegister::A>;
namespace extended_21a {
inline constexpr auto lfence_serialises = Extended21A::bit(2), automatic_ibrs = Extended21A::bit(8),
                      user_disable = Extended21A::bit(17);
}

/// Registers after CPUID.
struct CpuidResult {
    u32 eax, ebx, ecx, edx;

    /// The register that Word is about. The leaf is the caller's promise.
    template <class Word> [[nodiscard]] constexpr Word get() const {
        switch (Word::Identity::in) {
        case CpuidRegister::A: return Word(eax);
        case CpuidRegister::B: return Word(ebx);
        case CpuidRegister::C: return Word(ecx);
        case CpuidRegister::D: break;
        }
        return Word(edx);
    }
    template <class Word> [[nodiscard]] constexpr bool has(Word bits) const { return get<Word>().has(bits); }
};

} // namespace px::x86
