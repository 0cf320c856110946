// SPDX-License-Identifier: Apache-2.0
// A paravirtual domain: what it has beyond what every kind of guest on x86 has.
#pragma once

#include "domain/kind.hpp"
#include "x86/guest/x86_domain.hpp"
#include "x86/machine/cpu/speculation.hpp"
#include "x86/pv/paging/table_hold.hpp"

namespace px::pv {

using namespace guest; // a paravirtual guest is one of x86's: what these share has no prefix here

extern const GuestKind guest_kind; ///< paravirtual guests (init.cpp)

/// A 64-bit paravirtual guest.
class PvDomain final : public X86Domain {
  public:
    explicit PvDomain(DomId number) : X86Domain(number, guest_kind) {}
    ~PvDomain() override;

    // -- memory management (types*, mmu*, pagetable*, descriptor*) --
    /// Guards every update of this domain's page tables, and the types of its frames where a type check is under way.
    SpinLock<LockRank::PageTables> page_table_lock;
    /// L3 table behind L4 slot 260: GDT and LDT areas of the vCPUs. Its lower tables are made as vCPUs are.
    Paddr per_domain_l3 = Paddr::invalid();
    /// Absent entries that point below this are refused in its tables (L1TF); 0: none. Constant.
    x86::speculation::AbsentEntries absent_entries;
    /// Its vCPUs run on page tables without the hypervisor (xpti/). Constant.
    bool is_isolated = false;
    /// Frames with FrameState::pinned.
    u64 pinned_tables PX_GUARDED_BY(page_table_lock) = 0;
    /// relinquish(): where an interrupted teardown goes on.
    u64 relinquish_position = 0;
    u32 relinquish_stage = 0;
    TableHold relinquish_hold;

    // -- the guest kind's part (domain.cpp unless said otherwise) --
    Result<Vcpu*> make_vcpu(VcpuId number) override;
    Result<Mfn> translate(Gfn gfn) override;                                                       // m2p.cpp
    Result<> map_frame(Gfn gfn, Mfn mfn, unsigned order) override;                                 // m2p.cpp
    Result<> unmap_frame(Gfn gfn, Mfn mfn, unsigned order) override;                               // m2p.cpp
    Result<> map_grant(u64 host_addr, Mfn frame, u32 gntmap_flags, u64 cache_attributes) override; // grant_map.cpp
    Result<> unmap_grant(u64 host_addr, Mfn frame, u32 gntmap_flags, u64 new_addr) override;       // grant_map.cpp
    void flush_tlb() override;                                                                     // tlb.cpp
    Result<> arch_domctl(abi::Domctl& op, GuestVaddr op_address, bool& copy_back) override;        // domctl.cpp
    Result<> relinquish() override;
    [[nodiscard]] const CpuPolicy& largest_policy() const override;
    [[nodiscard]] u32 features() const override;
    [[nodiscard]] u32 info_flags() const override;
};

/// Any domain as a paravirtual one; null if it is of another kind, or no guest.
[[nodiscard]] inline PvDomain* as_pv(Domain& domain) {
    return domain.kind == &guest_kind ? static_cast<PvDomain*>(&domain) : nullptr;
}

/// Makes an empty paravirtual domain (GuestKind::make). Errors: Invalid for flags of other kinds, NoMemory.
Result<Domain*> make_pv_domain(DomId id, const abi::DomctlCreateDomain& config);

} // namespace px::pv
