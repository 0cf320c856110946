// SPDX-License-Identifier: Apache-2.0
// Defences against speculative execution: what the CPU needs and offers, and what is done.
#pragma once

#include "x86/arch/cpuid_bits.hpp"
#include "x86/arch/page_entry.hpp"
#include "x86/machine/cpu/patch.hpp"

#include <optional>

namespace px::x86::speculation {

/// What CPUID and IA32_ARCH_CAPABILITIES say (SDM volume 4; APM volume 2, section 3.2.9).
struct Facts {
    bool is_intel = false, is_amd = false; ///< is_amd: Hygon too
    u32 family = 0, model = 0;
    Leaf7D leaf_7d;
    Extended8B extended_8b;
    Extended21A extended_21a;
    u64 capabilities = 0; ///< 0 without the register
};

/// What the command line asks for; every one only where the CPU has it.
struct Wishes {
    bool forces_verw = false; ///< asked for by name: also where the CPU does not say that it helps
    bool verw = true, ibpb = true, ibrs = true, stibp = false, ssbd = false;
    bool l1tf_dom0 = false, l1tf_domu = true;
    std::optional<Thunk> thunk;               ///< nothing: what the CPU needs
    std::optional<bool> xpti_dom0, xpti_domu; ///< nothing: where the CPU has Meltdown
};

/// Whether LFENCE waits for all that is before it ("dispatch serialising", AMD: Software techniques for managing
/// speculation).
enum class Lfence : u8 {
    Unknown, ///< or not: nothing can be done
    Always,
    ByMsr, ///< AMD's families from 0x10 on but 0x11: when bit 1 of DE_CFG is set
};

struct Choice {
    Lfence lfence = Lfence::Unknown;
    bool clears_buffers = false;     ///< VERW before each return to a guest
    bool has_ibpb = false;           ///< a barrier when another vCPU comes to a CPU
    bool has_automatic_ibrs = false; ///< AMD: EFER bit 21
    u64 spec_ctrl = 0;               ///< value of MSR 0x48 for good; written if has_spec_ctrl
    bool has_spec_ctrl = false;
    Thunk thunk = Thunk::Jump;
    bool xpti_dom0 = false, xpti_domu = false; ///< page tables of paravirtual guests without the hypervisor
    // What the CPU suffers from.
    bool has_meltdown = false, has_l1tf = false, has_mds = false;
    /// Address bits by which the level 1 cache is looked up under speculation.
    u32 l1d_address_bits = 44;
};

/// Pure.
[[nodiscard]] Choice decide(const Facts& facts, const Wishes& wishes);

/// Boot CPU, after the options, before the image is write-protected: decides, says so, patches.
void init();
/// Each CPU: its model-specific registers.
void init_cpu();
/// This CPU is about to run a vCPU; interrupts off.
/// @param identity  of the vCPU, a number that none before it had: an address may come back in another domain.
void enter_vcpu(u64 identity);

/// True if LFENCE waits for what is before it on all CPUs: what guests are told. After all CPUs' init_cpu().
[[nodiscard]] bool lfence_waits();

/// True if a domain runs on page tables without the hypervisor (pv/xpti); without argument: any domain may.
[[nodiscard]] bool isolates_page_tables(bool is_dom0);
[[nodiscard]] bool isolates_page_tables();

/// What page-table entries that are not present must not point to, because the level 1 cache answers for them (L1TF).
struct AbsentEntries {
    u64 memory_end = 0; ///< RAM ends here; 0: no entry is refused
    u64 address_mask = 0;

    [[nodiscard]] constexpr bool refuse(PageEntry entry) const {
        if (memory_end == 0) [[likely]]
            return false;
        const u64 address = entry.raw() & address_mask;
        return address != 0 && address < memory_end && !entry.is_present(); // frame 0 is nobody's
    }
};
constexpr AbsentEntries absent_entries_below(u64 memory_end, u32 l1d_address_bits) {
    return {memory_end, PageEntry::address_mask & ((u64{1} << l1d_address_bits) - 1)};
}
/// For a domain of this host.
[[nodiscard]] AbsentEntries absent_entries(bool is_dom0);

} // namespace px::x86::speculation
