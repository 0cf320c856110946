// SPDX-License-Identifier: Apache-2.0
// Paravirtual 64-bit guests: page-table calls, traps, segments, callbacks, registers, layout.
#pragma once

#include "abi/types.hpp"

namespace abi {

/// Low two bits of MmuUpdate::ptr.
enum class MmuUpdateCommand : uint32_t {
    NormalPtUpdate = 0,
    MachphysUpdate = 1,
    PtUpdatePreserveAd = 2,
    PtUpdateNoTranslate = 3,
};

/// ptr: machine address of the entry (or of the frame, for MachphysUpdate) plus the command.
struct MmuUpdate {
    uint64_t ptr;
    uint64_t val;
};
static_assert(sizeof(MmuUpdate) == 16);
static_assert(offsetof(MmuUpdate, val) == 8);

/// Bits of the count arguments of mmu_update and mmuext_op that mark a continuation.
inline constexpr uint32_t mmu_update_preempted = 1u << 31;

/// Two numbers are historical: 14 is unused.
enum class MmuextCommand : uint32_t {
    PinL1Table = 0,
    PinL2Table = 1,
    PinL3Table = 2,
    PinL4Table = 3,
    UnpinTable = 4,
    NewBaseptr = 5,
    TlbFlushLocal = 6,
    InvlpgLocal = 7,
    TlbFlushMulti = 8,
    InvlpgMulti = 9,
    TlbFlushAll = 10,
    InvlpgAll = 11,
    FlushCache = 12,
    SetLdt = 13,
    NewUserBaseptr = 15,
    ClearPage = 16,
    CopyPage = 17,
    FlushCacheGlobal = 18,
    MarkSuper = 19,
    UnmarkSuper = 20,
};

/// Second-level MMU request; mfn is a machine frame, linear_addr guest virtual.
struct MmuextOp {
    uint32_t cmd;
    union {
        xen_pfn_t mfn;
        uint64_t linear_addr;
    } arg1;
    union {
        uint32_t nr_ents;
        GuestHandle<const void> vcpumask;
        xen_pfn_t src_mfn;
    } arg2;
};
static_assert(sizeof(MmuextOp) == 24);
static_assert(offsetof(MmuextOp, arg1) == 8);
static_assert(offsetof(MmuextOp, arg2) == 16);

/// Flags of update_va_mapping: what to flush (low two bits) and where. A flag word without
/// uvmf_all and with the rest non-zero is a pointer to a vCPU mask ("multi").
inline constexpr uint64_t uvmf_none = 0;
inline constexpr uint64_t uvmf_tlb_flush = 1;
inline constexpr uint64_t uvmf_invlpg = 2;
inline constexpr uint64_t uvmf_flushtype_mask = 3;
inline constexpr uint64_t uvmf_multi = 0;
inline constexpr uint64_t uvmf_local = 0;
inline constexpr uint64_t uvmf_all = 1u << 2;

/// First argument of hypercall vm_assist.
enum class VmAssistCommand : uint32_t { Enable = 0, Disable = 1 };

/// Second argument of hypercall vm_assist.
enum class VmAssistType : uint32_t {
    FourGbSegments = 0,
    FourGbSegmentsNotify = 1,
    WritablePagetables = 2,
    PaeExtendedCr3 = 3,
    ArchitecturalIopl = 4,
    RunstateUpdateFlag = 5,
    M2pStrict = 32,
};
/// Those that a 64-bit paravirtual guest may switch, as a word with a bit for each.
inline constexpr uint64_t vm_assist_valid = 0x3f | uint64_t{1} << 32;

/// First argument of hypercall set_segment_base.
enum class SegmentBase : uint32_t { Fs = 0, GsUser = 1, GsKernel = 2, GsUserSel = 3 };

/// One entry of set_trap_table; a zero address ends the list.
struct TrapInfo {
    uint8_t vector;
    uint8_t flags;
    uint16_t cs;
    uint64_t address;
};
static_assert(sizeof(TrapInfo) == 16);
static_assert(offsetof(TrapInfo, address) == 8);
inline constexpr uint8_t trap_info_dpl_mask = 3;
inline constexpr uint8_t trap_info_mask_events = 1u << 2;

/// First argument of hypercall callback_op.
enum class CallbackOp : uint32_t { Register = 0, Unregister = 1 };

/// CallbackRegister::type.
enum class CallbackType : uint16_t {
    Event = 0,
    Failsafe = 1,
    Syscall = 2,
    SysenterDeprecated = 3,
    Nmi = 4,
    Sysenter = 5,
    Syscall32 = 7,
};
inline constexpr uint16_t callbackf_mask_events = 1u << 0;

/// Entry point (guest virtual) of a callback.
struct CallbackRegister {
    uint16_t type;
    uint16_t flags;
    uint64_t address;
};
static_assert(sizeof(CallbackRegister) == 16);
static_assert(offsetof(CallbackRegister, address) == 8);

/// Removes a callback.
struct CallbackUnregister {
    uint16_t type;
    uint16_t _unused;
};
static_assert(sizeof(CallbackUnregister) == 4);
static_assert(offsetof(CallbackUnregister, _unused) == 2);

/// nmi_op argument (public/nmi.h).
struct NmiCallback {
    uint64_t handler_address;
    uint64_t pad;
};
static_assert(sizeof(NmiCallback) == 16);
static_assert(offsetof(NmiCallback, pad) == 8);

/// General registers as every x86 interface carries them. Names are the 64-bit ones; padding
/// after a selector is undefined on input.
struct CpuUserRegs {
    uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8;
    uint64_t rax, rcx, rdx, rsi, rdi;
    uint32_t error_code;
    uint32_t entry_vector;
    uint64_t rip;
    uint16_t cs, _pad0[1];
    uint8_t saved_upcall_mask;
    uint8_t _pad1[3];
    uint64_t rflags;
    uint64_t rsp;
    uint16_t ss, _pad2[3];
    uint16_t es, _pad3[3];
    uint16_t ds, _pad4[3];
    uint16_t fs, _pad5[3];
    uint16_t gs, _pad6[3];
};
static_assert(sizeof(CpuUserRegs) == 200);
static_assert(offsetof(CpuUserRegs, _pad6) == 194);

/// VcpuGuestContext::flags.
inline constexpr uint64_t vgcf_i387_valid = 1u << 0;
inline constexpr uint64_t vgcf_in_kernel = 1u << 2;
inline constexpr uint64_t vgcf_failsafe_disables_events = 1u << 3;
inline constexpr uint64_t vgcf_syscall_disables_events = 1u << 4;
inline constexpr uint64_t vgcf_online = 1u << 5;
/// Same number as in the flags word of the iret frame.
inline constexpr uint64_t vgcf_in_syscall = 1u << 8;

/// Complete state of a PV vCPU: vcpu_op initialise, domctl set/getvcpucontext, save format.
struct VcpuGuestContext {
    struct {
        char x[512];
    } fpu_ctxt;
    uint64_t flags;
    CpuUserRegs user_regs;
    TrapInfo trap_ctxt[256];
    uint64_t ldt_base, ldt_ents;
    uint64_t gdt_frames[16], gdt_ents; ///< machine frames
    uint64_t kernel_ss, kernel_sp;
    uint64_t ctrlreg[8]; ///< [1] holds the user top-level table, [3] the kernel's
    uint64_t debugreg[8];
    uint64_t event_callback_eip;
    uint64_t failsafe_callback_eip;
    uint64_t syscall_callback_eip;
    uint64_t vm_assist;
    uint64_t fs_base;
    uint64_t gs_base_kernel;
    uint64_t gs_base_user;
};
static_assert(sizeof(VcpuGuestContext) == 5168);
static_assert(offsetof(VcpuGuestContext, user_regs) == 520);
static_assert(offsetof(VcpuGuestContext, trap_ctxt) == 720);
static_assert(offsetof(VcpuGuestContext, gdt_frames) == 4832);
static_assert(offsetof(VcpuGuestContext, ctrlreg) == 4984);
static_assert(offsetof(VcpuGuestContext, gs_base_user) == 5160);

/// Frame that hypercall iret reads from the kernel stack.
struct IretContext {
    uint64_t rax, r11, rcx, flags, rip, cs, rflags, rsp, ss;
};
static_assert(sizeof(IretContext) == 72);
static_assert(offsetof(IretContext, ss) == 64);

/// Descriptor table: pages 0 to 13 belong to the guest.
inline constexpr uint32_t first_reserved_gdt_page = 14;
inline constexpr uint32_t first_reserved_gdt_byte = first_reserved_gdt_page * 4096;
inline constexpr uint32_t first_reserved_gdt_entry = first_reserved_gdt_byte / 8;

/// Flat ring-3 selectors in the reserved part of the table.
inline constexpr uint16_t flat_ring3_cs32 = 0xe023;
inline constexpr uint16_t flat_ring3_cs64 = 0xe033;
inline constexpr uint16_t flat_ring3_ds32 = 0xe02b;
inline constexpr uint16_t flat_ring3_ds64 = 0x0000;
inline constexpr uint16_t flat_ring3_ss32 = 0xe02b;
inline constexpr uint16_t flat_ring3_ss64 = 0xe02b;

/// Linear ranges of a PV guest: hypervisor hole (L4 slots 256 to 271) and read-only M2P in it.
inline constexpr uint64_t hypervisor_virt_start = 0xffff800000000000;
inline constexpr uint64_t hypervisor_virt_end = 0xffff880000000000;
inline constexpr uint64_t mach2phys_virt_start = 0xffff800000000000;
inline constexpr uint64_t mach2phys_virt_end = 0xffff804000000000;
inline constexpr uint64_t mach2phys_nr_entries = (mach2phys_virt_end - mach2phys_virt_start) >> 3;
inline constexpr uint64_t invalid_m2p_entry = ~uint64_t{0};
inline constexpr uint64_t shared_m2p_entry = ~uint64_t{0} - 1;

/// PAT that PV guests live with.
inline constexpr uint64_t pv_pat = 0x050100070406;

/// Bytes ahead of an instruction that ask for its emulation (ud2; 'x' 'e' 'n').
inline constexpr uint8_t emulate_prefix[] = {0x0f, 0x0b, 0x78, 0x65, 0x6e};

/// pfn_to_cr3 is a plain shift on 64-bit.
constexpr uint64_t pfn_to_cr3(uint64_t pfn) { return pfn << 12; }
constexpr uint64_t cr3_to_pfn(uint64_t cr3) { return cr3 >> 12; }

} // namespace abi
