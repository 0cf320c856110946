// SPDX-License-Identifier: Apache-2.0
// HVM and PVH guests: start info, parameters and hvm_op (public/hvm, public/arch-x86/hvm).
#pragma once

#include "abi/types.hpp"

namespace abi {

inline constexpr uint32_t hvm_start_magic = 0x336ec578;
inline constexpr uint32_t hvm_start_version = 1;

/// Handed to a PVH kernel by guest physical address in ebx; all addresses are guest physical.
/// Memory-map types are those of E820Type.
struct HvmStartInfo {
    uint32_t magic;
    uint32_t version;
    uint32_t flags; ///< sif_privileged, sif_initdomain
    uint32_t nr_modules;
    uint64_t modlist_paddr;
    uint64_t cmdline_paddr;
    uint64_t rsdp_paddr;
    uint64_t memmap_paddr;
    uint32_t memmap_entries;
    uint32_t reserved;
};
static_assert(sizeof(HvmStartInfo) == 56);
static_assert(offsetof(HvmStartInfo, reserved) == 52);

/// A boot module; addresses are guest physical.
struct HvmModlistEntry {
    uint64_t paddr;
    uint64_t size;
    uint64_t cmdline_paddr;
    uint64_t reserved;
};
static_assert(sizeof(HvmModlistEntry) == 32);
static_assert(offsetof(HvmModlistEntry, reserved) == 24);

/// Range of the memory map; type is an E820Type.
struct HvmMemmapTableEntry {
    uint64_t addr;
    uint64_t size;
    uint32_t type;
    uint32_t reserved;
};
static_assert(sizeof(HvmMemmapTableEntry) == 24);
static_assert(offsetof(HvmMemmapTableEntry, reserved) == 20);

/// Table that the toolstack leaves for hvmloader.
inline constexpr uint64_t hvm_info_pfn = 0x9f;
inline constexpr uint64_t hvm_info_offset = 0x800;
inline constexpr uint64_t hvm_info_paddr = (hvm_info_pfn << 12) + hvm_info_offset;
inline constexpr uint32_t hvm_max_vcpus = 128;

/// Facts about the machine for the guest firmware.
struct HvmInfoTable {
    char signature[8]; ///< "HVM INFO"
    uint32_t length;
    uint8_t checksum; ///< all bytes sum to 0
    uint8_t apic_mode;
    uint32_t nr_vcpus;
    uint32_t low_mem_pgend;
    uint32_t reserved_mem_pgstart;
    uint32_t high_mem_pgend;
    uint8_t vcpu_online[(hvm_max_vcpus + 7) / 8];
};
static_assert(sizeof(HvmInfoTable) == 48);
static_assert(offsetof(HvmInfoTable, nr_vcpus) == 16);
static_assert(offsetof(HvmInfoTable, vcpu_online) == 32);

/// First argument of hypercall hvm_op.
enum class HvmOp : uint32_t {
    SetParam = 0,
    GetParam = 1,
    SetPciIntxLevel = 2,
    SetIsaIrqLevel = 3,
    SetPciLinkRoute = 4,
    FlushTlbs = 5,
    PagetableDying = 9,
    GetTime = 10,
    Xentrace = 11,
    SetMemAccess = 12,
    GetMemAccess = 13,
    GetMemType = 15,
    SetEvtchnUpcallVector = 23,
    GuestRequestVmEvent = 24,
    Altp2m = 25,
};

/// HvmParam::index.
enum class HvmParamIndex : uint32_t {
    CallbackIrq = 0,
    StorePfn = 1,
    StoreEvtchn = 2,
    PaeEnabled = 4,
    IoreqPfn = 5,
    BufioreqPfn = 6,
    Viridian = 9,
    TimerMode = 10,
    HpetEnabled = 11,
    IdentPt = 12,
    DmDomain = 13,
    AcpiSState = 14,
    Vm86Tss = 15,
    VptAlign = 16,
    ConsolePfn = 17,
    ConsoleEvtchn = 18,
    AcpiIoportsLocation = 19,
    MemoryEventCr0 = 20,
    MemoryEventCr3 = 21,
    MemoryEventCr4 = 22,
    MemoryEventInt3 = 23,
    Nestedhvm = 24,
    MemoryEventSingleStep = 25,
    BufioreqEvtchn = 26,
    PagingRingPfn = 27,
    MonitorRingPfn = 28,
    SharingRingPfn = 29,
    MemoryEventMsr = 30,
    TripleFaultReason = 31,
    IoreqServerPfn = 32,
    NrIoreqServerPages = 33,
    VmGenerationIdAddr = 34,
    Altp2m = 35,
    X87FipWidth = 36,
    Vm86TssSized = 37,
    McaCap = 38,
};
inline constexpr uint32_t hvm_nr_params = 39;

/// CallbackIrq: delivery type in the top byte.
inline constexpr uint64_t hvm_callback_irq_type_mask = 0xff00000000000000;
inline constexpr uint32_t hvm_callback_irq_type_shift = 56;

/// How an HVM guest wants to be told of events.
enum class HvmCallbackType : uint8_t { Gsi = 0, PciIntx = 1, Vector = 2 };

/// Viridian: groups of enlightenments.
inline constexpr uint64_t hvmpv_base_freq = 1u << 0;
inline constexpr uint64_t hvmpv_no_freq = 1u << 1;
inline constexpr uint64_t hvmpv_time_ref_count = 1u << 2;
inline constexpr uint64_t hvmpv_reference_tsc = 1u << 3;
inline constexpr uint64_t hvmpv_hcall_remote_tlb_flush = 1u << 4;
inline constexpr uint64_t hvmpv_apic_assist = 1u << 5;
inline constexpr uint64_t hvmpv_crash_ctl = 1u << 6;
inline constexpr uint64_t hvmpv_synic = 1u << 7;
inline constexpr uint64_t hvmpv_stimer = 1u << 8;
inline constexpr uint64_t hvmpv_hcall_ipi = 1u << 9;
inline constexpr uint64_t hvmpv_ex_processor_masks = 1u << 10;
inline constexpr uint64_t hvmpv_no_vp_limit = 1u << 11;
inline constexpr uint64_t hvmpv_cpu_hotplug = 1u << 12;
inline constexpr uint64_t hvmpv_feature_mask = (hvmpv_cpu_hotplug << 1) - 1;

/// TimerMode: what happens to ticks that a descheduled vCPU missed.
enum class HvmTimerMode : uint32_t {
    DelayForMissedTicks = 0,
    NoDelayForMissedTicks = 1,
    NoMissedTicksPending = 2,
    OneMissedTickPending = 3,
};

/// Argument of SetParam and GetParam.
struct HvmParam {
    domid_t domid;
    uint16_t pad;
    uint32_t index;
    uint64_t value;
};
static_assert(sizeof(HvmParam) == 16);
static_assert(offsetof(HvmParam, value) == 8);

/// Type of a guest frame.
enum class HvmMemType : uint16_t { RamRw = 0, RamRo = 1, MmioDm = 2, Unused = 3, IoreqServer = 4 };

/// Top-level table (guest physical) that is about to go.
struct HvmPagetableDying {
    domid_t domid;
    uint16_t pad[3];
    uint64_t gpa;
};
static_assert(sizeof(HvmPagetableDying) == 16);
static_assert(offsetof(HvmPagetableDying, gpa) == 8);

/// Guest's view of time, ns.
struct HvmGetTime {
    uint64_t now;
};
static_assert(sizeof(HvmGetTime) == 8);

/// Type of one guest frame.
struct HvmGetMemType {
    domid_t domid;
    uint16_t mem_type;
    uint16_t pad[2];
    uint64_t pfn;
};
static_assert(sizeof(HvmGetMemType) == 16);
static_assert(offsetof(HvmGetMemType, pfn) == 8);

/// Interrupt vector for the events of one vCPU.
struct HvmEvtchnUpcallVector {
    uint32_t vcpu;
    uint8_t vector;
};
static_assert(sizeof(HvmEvtchnUpcallVector) == 8);
static_assert(offsetof(HvmEvtchnUpcallVector, vector) == 4);

inline constexpr uint8_t hvm_ioreqsrv_bufioreq_off = 0;
inline constexpr uint8_t hvm_ioreqsrv_bufioreq_legacy = 1;
inline constexpr uint8_t hvm_ioreqsrv_bufioreq_atomic = 2;

} // namespace abi
