// SPDX-License-Identifier: Apache-2.0
// A paravirtual vCPU: its registers while it does not run, and what its kernel told us about itself.
#pragma once

#include "abi/pv.hpp"
#include "base/number.hpp"
#include "x86/arch/control.hpp"
#include "x86/guest/x86_vcpu.hpp"
#include "x86/pv/paging/table_hold.hpp"
#include "x86/pv/pv_domain.hpp"

namespace px::pv {

/// Where the guest kernel wants to be called, and whether with event upcalls masked.
struct Callback {
    GuestVaddr address; ///< 0: nowhere
    bool masks_events = false;

    [[nodiscard]] constexpr bool is_set() const { return address != GuestVaddr(0); }
};

/// Guest-visible CR0 and CR4 bits that a kernel in ring 3 can choose.
struct ControlRegisters {
    bool task_switched = false; ///< CR0.TS: #NM on the next use of the FPU
    x86::Cr4 cr4;               ///< bits it set of those it may set (cr4_guest_bits)
};

/// Segment registers beyond those in the interrupt frame. While the vCPU runs, the CPU has the truth.
struct Segments {
    x86::Selector ds, es, fs, gs;
    u64 fs_base = 0;
    u64 gs_base_kernel = 0; ///< GS base in guest kernel mode
    u64 gs_base_user = 0;   ///< GS base in guest user mode
};

/// A paravirtual vCPU.
class PvVcpu final : public X86Vcpu {
  public:
    PvVcpu(PvDomain& owner, VcpuId number) : X86Vcpu(owner, number) {}
    ~PvVcpu() override;

    [[nodiscard]] PvDomain& pv_domain() const { return static_cast<PvDomain&>(domain); }

    // -- mode and address space --
    /// True: in guest kernel mode (kernel_l4 is in CR3), false: in guest user mode (user_l4 is).
    bool in_kernel_mode = true;
    Mfn kernel_l4 = Mfn::invalid(); ///< typed reference held; invalid: none yet
    Mfn user_l4 = Mfn::invalid();   ///< typed reference held; invalid: no user mode possible
    /// IOPL as the guest sees it in saved flags: only with the architectural_iopl assist.
    [[nodiscard]] u32 iopl_in_flags() const {
        return (domain.vm_assist >> static_cast<u32>(abi::VmAssistType::ArchitecturalIopl) & 1) ? iopl : 0;
    }
    /// Table that is in CR3 while this vCPU runs.
    [[nodiscard]] Mfn active_l4() const { return in_kernel_mode ? kernel_l4 : user_l4; }

    /// Interrupted work on a page table; guarded by the domain's page_table_lock.
    TableHold table_hold;

    // -- descriptor tables (descriptor*) --
    Mfn gdt_frames[abi::first_reserved_gdt_page] = {}; ///< typed references held; raw() == 0: not there
    u32 gdt_entries = 0;
    GuestVaddr ldt_base;
    u32 ldt_entries = 0;
    u32 ldt_mapped = 0; ///< bit per LDT page that is mapped now (lazily)

    // -- registers --
    Segments segments;
    ControlRegisters control;
    u32 iopl = 0; ///< I/O privilege the guest asked for (physdev set_iopl), 0 to 3
    GuestVaddr io_bitmap = GuestVaddr::invalid();
    u32 io_bitmap_ports = 0;

    // -- what the guest kernel registered --
    abi::TrapInfo* traps = nullptr; ///< 256 entries, one page
    GuestVaddr kernel_sp;
    x86::Selector kernel_ss{abi::flat_ring3_ss64};
    Callback event_callback, failsafe_callback, syscall_callback, syscall32_callback, sysenter_callback, nmi_callback;
    x86::Selector syscall32_cs{abi::flat_ring3_cs64}, sysenter_cs{abi::flat_ring3_cs64};

    // -- asynchronous exceptions --
    bool failsafe_pending = false; ///< a segment register could not be loaded: tell the guest on its way back
    bool nmi_masked = false;       ///< the guest is in its NMI handler, until its next iret

    // -- the guest kind's part (vcpu.cpp, context.cpp, guest_copy.cpp) --
    u64 copy_from_guest(void* to, GuestVaddr from, u64 bytes) override;
    u64 copy_to_guest(GuestVaddr to, const void* from, u64 bytes) override;
    [[nodiscard]] bool may_address(GuestVaddr start, u64 bytes) const override;
    Result<> set_context(const void* context, bool may_replace) override;
    Result<> get_context(void* context) override;
    void save_state() override;
    void load_state() override;
    void save_extended_state() override;
    void load_extended_state() override;
    [[nodiscard]] Continuation continuation() const override;
    void reset() override;
    void dump_registers() override;
};

/// Any vCPU as a paravirtual one; null if it is of another kind, or idle.
[[nodiscard]] inline PvVcpu* as_pv(Vcpu& vcpu) { return as_pv(vcpu.domain) ? static_cast<PvVcpu*>(&vcpu) : nullptr; }
/// vCPU of a domain by number, null when there is none.
[[nodiscard]] inline PvVcpu* vcpu_of(const PvDomain& domain, u32 number) {
    return static_cast<PvVcpu*>(domain.vcpu(VcpuId(number)));
}

/// The current vCPU; only in code that runs on behalf of a paravirtual guest.
inline PvVcpu& current_pv() { return static_cast<PvVcpu&>(current()); }

} // namespace px::pv
