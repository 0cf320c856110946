// SPDX-License-Identifier: Apache-2.0
// From what the CPU says to what is done. Pure.
#include "x86/machine/cpu/speculation.hpp"

#include <algorithm>
#include <iterator>

namespace px::x86::speculation {
namespace {

constexpr bool bit(u64 word, unsigned n) { return word >> n & 1; }

/// IA32_ARCH_CAPABILITIES.
constexpr unsigned rdcl_no = 0, ibrs_all = 1, mds_no = 5;
/// IA32_SPEC_CTRL.
constexpr u64 spec_ibrs = 1, spec_stibp = 2, spec_ssbd = 4;

/// Intel's family 6 CPUs that say nothing and yet have neither Meltdown's way to L1TF nor MDS: small cores and Xeon
/// Phi.
constexpr u32 small_cores[] = {0x1c, 0x26, 0x27, 0x35, 0x36, 0x37, 0x4a, 0x4c, 0x4d, 0x57,
                               0x5a, 0x5c, 0x5d, 0x5f, 0x65, 0x6e, 0x75, 0x7a, 0x85};
/// Core 2: 36 bits of address in the level 1 cache.
constexpr u32 core2[] = {0x0f, 0x16, 0x17, 0x1d};

template <std::size_t N> bool is_one_of(u32 model, const u32 (&models)[N]) {
    return std::find(std::begin(models), std::end(models), model) != std::end(models);
}

Lfence lfence_of(const Facts& f) {
    if (f.is_intel || f.extended_21a.has(extended_21a::lfence_serialises)) return Lfence::Always;
    if (!f.is_amd || f.family < 0xf) return Lfence::Unknown;
    return f.family == 0xf || f.family == 0x11 ? Lfence::Always : Lfence::ByMsr;
}

} // namespace

Choice decide(const Facts& f, const Wishes& w) {
    Choice c;
    const bool is_core = f.is_intel && f.family == 6 && !is_one_of(f.model, small_cores);
    c.has_meltdown = f.is_intel && !bit(f.capabilities, rdcl_no);
    c.has_l1tf = is_core && !bit(f.capabilities, rdcl_no);
    c.has_mds = is_core && !bit(f.capabilities, mds_no);
    c.xpti_dom0 = w.xpti_dom0.value_or(c.has_meltdown);
    c.xpti_domu = w.xpti_domu.value_or(c.has_meltdown);
    if (f.is_intel && f.family == 6 && is_one_of(f.model, core2)) c.l1d_address_bits = 36;
    const bool has_md_clear = f.leaf_7d.has(leaf_7d::md_clear);
    const bool has_ibpb = f.is_intel ? f.leaf_7d.has(leaf_7d::ibrs_ibpb) : f.extended_8b.has(extended_8b::ibpb);
    const bool has_ibrs = f.is_intel ? f.leaf_7d.has(leaf_7d::ibrs_ibpb) &&
                                           bit(f.capabilities, ibrs_all) // only where it stays on by itself
                                     : f.extended_8b.has(extended_8b::ibrs | extended_8b::ibrs_always_on);
    const bool has_stibp = f.is_intel ? f.leaf_7d.has(leaf_7d::stibp) : f.extended_8b.has(extended_8b::stibp);
    const bool has_ssbd = f.is_intel ? f.leaf_7d.has(leaf_7d::ssbd) : f.extended_8b.has(extended_8b::ssbd);
    c.lfence = lfence_of(f);
    c.clears_buffers = w.forces_verw || (has_md_clear && w.verw && c.has_mds);
    c.has_ibpb = has_ibpb && w.ibpb;
    c.has_automatic_ibrs = !f.is_intel && f.extended_21a.has(extended_21a::automatic_ibrs) && w.ibrs;
    c.has_spec_ctrl = has_ibrs || has_stibp || has_ssbd;
    if (has_ibrs && w.ibrs && !c.has_automatic_ibrs) c.spec_ctrl |= spec_ibrs;
    // IBRS that is written once keeps guests' branches apart from ours.
    const bool ibrs_stays_on = c.has_automatic_ibrs || (c.spec_ctrl & spec_ibrs);
    c.thunk = w.thunk.value_or(ibrs_stays_on ? Thunk::Jump : Thunk::Retpoline);
    if (has_stibp && w.stibp) c.spec_ctrl |= spec_stibp;
    if (has_ssbd && w.ssbd) c.spec_ctrl |= spec_ssbd;
    return c;
}

} // namespace px::x86::speculation
