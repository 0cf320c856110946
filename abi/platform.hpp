// SPDX-License-Identifier: Apache-2.0
// Platform operations of the hardware domain: time, firmware, power, CPUs (public/platform.h).
#pragma once

#include "abi/platform/efi.hpp"
#include "abi/platform/power.hpp"
#include "abi/types.hpp"

namespace abi {

/// A request with another version is refused with -EACCES.
inline constexpr uint32_t platform_interface_version = 0x03000001;

/// PlatformRequest::cmd.
enum class PlatformOp : uint32_t {
    Settime32 = 17,
    AddMemtype = 31,
    DelMemtype = 32,
    ReadMemtype = 33,
    MicrocodeUpdate = 35,
    PlatformQuirk = 39,
    GetCpuVersion = 48,
    EfiRuntimeCall = 49,
    FirmwareInfo = 50,
    EnterAcpiSleep = 51,
    ChangeFreq = 52,
    Getidletime = 53,
    SetProcessorPminfo = 54,
    GetCpuinfo = 55,
    CpuOnline = 56,
    CpuOffline = 57,
    CpuHotadd = 58,
    MemHotadd = 59,
    CoreParking = 60,
    ResourceOp = 61,
    Settime64 = 62,
    GetSymbol = 63,
};

/// Wall clock secs.nsecs (UTC) at system_time ns.
struct PlatformSettime32 {
    uint32_t secs;
    uint32_t nsecs;
    uint64_t system_time;
};
static_assert(sizeof(PlatformSettime32) == 16);
static_assert(offsetof(PlatformSettime32, system_time) == 8);

/// As PlatformSettime32, past 2106.
struct PlatformSettime64 {
    uint64_t secs;
    uint32_t nsecs;
    uint32_t mbz;
    uint64_t system_time;
};
static_assert(sizeof(PlatformSettime64) == 24);
static_assert(offsetof(PlatformSettime64, system_time) == 16);

/// MTRR over machine frames.
struct PlatformAddMemtype {
    xen_pfn_t mfn;
    uint64_t nr_mfns;
    uint32_t type;
    uint32_t handle;
    uint32_t reg;
};
static_assert(sizeof(PlatformAddMemtype) == 32);
static_assert(offsetof(PlatformAddMemtype, reg) == 24);

/// Removes an MTRR.
struct PlatformDelMemtype {
    uint32_t handle;
    uint32_t reg;
};
static_assert(sizeof(PlatformDelMemtype) == 8);
static_assert(offsetof(PlatformDelMemtype, reg) == 4);

/// Reads an MTRR.
struct PlatformReadMemtype {
    uint32_t reg;
    xen_pfn_t mfn;
    uint64_t nr_mfns;
    uint32_t type;
};
static_assert(sizeof(PlatformReadMemtype) == 32);
static_assert(offsetof(PlatformReadMemtype, mfn) == 8);
static_assert(offsetof(PlatformReadMemtype, type) == 24);

/// Microcode blob in caller memory.
struct PlatformMicrocodeUpdate {
    GuestHandle<const void> data;
    uint32_t length;
};
static_assert(sizeof(PlatformMicrocodeUpdate) == 16);
static_assert(offsetof(PlatformMicrocodeUpdate, length) == 8);

/// Workaround asked for by dom0.
struct PlatformQuirk {
    uint32_t quirk_id;
};
static_assert(sizeof(PlatformQuirk) == 4);

inline constexpr uint32_t acpi_sleep_extended = 1u << 0;

/// Values for PM1 control, or sleep control if extended.
struct PlatformEnterAcpiSleep {
    uint16_t val_a;
    uint16_t val_b;
    uint32_t sleep_state;
    uint32_t flags;
};
static_assert(sizeof(PlatformEnterAcpiSleep) == 12);
static_assert(offsetof(PlatformEnterAcpiSleep, flags) == 8);

/// Tells of a CPU frequency change.
struct PlatformChangeFreq {
    uint32_t flags;
    uint32_t cpu;
    uint64_t freq; ///< Hz
};
static_assert(sizeof(PlatformChangeFreq) == 16);
static_assert(offsetof(PlatformChangeFreq, freq) == 8);

/// Idle time of CPUs, ns, at system time now.
struct PlatformGetidletime {
    GuestHandle<uint8_t> cpumap_bitmap;
    uint32_t cpumap_nr_cpus;
    GuestHandle<uint64_t> idletime;
    uint64_t now;
};
static_assert(sizeof(PlatformGetidletime) == 32);
static_assert(offsetof(PlatformGetidletime, idletime) == 16);
static_assert(offsetof(PlatformGetidletime, now) == 24);

inline constexpr uint32_t pcpu_flags_online = 1;
inline constexpr uint32_t pcpu_flags_invalid = 2;

/// Presence and ids of a CPU.
struct PlatformPcpuinfo {
    uint32_t xen_cpuid;
    uint32_t max_present; ///< out
    uint32_t flags;
    uint32_t apic_id;
    uint32_t acpi_id;
};
static_assert(sizeof(PlatformPcpuinfo) == 20);
static_assert(offsetof(PlatformPcpuinfo, acpi_id) == 16);

/// Identity of a CPU.
struct PlatformPcpuVersion {
    uint32_t xen_cpuid;
    uint32_t max_present;
    char vendor_id[12];
    uint32_t family;
    uint32_t model;
    uint32_t stepping;
};
static_assert(sizeof(PlatformPcpuVersion) == 32);
static_assert(offsetof(PlatformPcpuVersion, stepping) == 28);

/// CPU to bring up or down.
struct PlatformCpuOl {
    uint32_t cpuid;
};
static_assert(sizeof(PlatformCpuOl) == 4);

/// CPU that was plugged.
struct PlatformCpuHotadd {
    uint32_t apic_id;
    uint32_t acpi_id;
    uint32_t pxm;
};
static_assert(sizeof(PlatformCpuHotadd) == 12);
static_assert(offsetof(PlatformCpuHotadd, pxm) == 8);

/// Machine frames [spfn, epfn) that were plugged.
struct PlatformMemHotadd {
    uint64_t spfn;
    uint64_t epfn;
    uint32_t pxm;
    uint32_t flags;
};
static_assert(sizeof(PlatformMemHotadd) == 24);
static_assert(offsetof(PlatformMemHotadd, flags) == 20);

inline constexpr uint32_t core_parking_set = 1;
inline constexpr uint32_t core_parking_get = 2;

/// Number of CPUs to idle.
struct PlatformCoreParking {
    uint32_t type;
    uint32_t idle_nums;
};
static_assert(sizeof(PlatformCoreParking) == 8);
static_assert(offsetof(PlatformCoreParking, idle_nums) == 4);

inline constexpr uint32_t resource_op_msr_read = 0;
inline constexpr uint32_t resource_op_msr_write = 1;

/// One MSR access; u is command (in) and result (out).
struct PlatformResourceEntry {
    union {
        uint32_t cmd;
        int32_t ret;
    } u;
    uint32_t rsvd;
    uint64_t idx;
    uint64_t val;
};
static_assert(sizeof(PlatformResourceEntry) == 24);
static_assert(offsetof(PlatformResourceEntry, val) == 16);

/// MSR accesses to be done on one CPU.
struct PlatformResourceOp {
    uint32_t nr_entries;
    uint32_t cpu;
    GuestHandle<PlatformResourceEntry> entries;
};
static_assert(sizeof(PlatformResourceOp) == 16);
static_assert(offsetof(PlatformResourceOp, entries) == 8);

/// Symbol of the hypervisor by number; address is its own virtual one.
struct PlatformSymdata {
    uint32_t namelen;
    uint32_t symnum;
    GuestHandle<char> name;
    uint64_t address;
    char type;
};
static_assert(sizeof(PlatformSymdata) == 32);
static_assert(offsetof(PlatformSymdata, type) == 24);

/// xen_platform_op: request of hypercall platform_op.
struct PlatformRequest {
    uint32_t cmd;
    uint32_t interface_version;
    union {
        PlatformSettime32 settime32;
        PlatformSettime64 settime64;
        PlatformAddMemtype add_memtype;
        PlatformDelMemtype del_memtype;
        PlatformReadMemtype read_memtype;
        PlatformMicrocodeUpdate microcode;
        PlatformQuirk platform_quirk;
        PlatformEfiRuntimeCall efi_runtime_call;
        PlatformFirmwareInfo firmware_info;
        PlatformEnterAcpiSleep enter_acpi_sleep;
        PlatformChangeFreq change_freq;
        PlatformGetidletime getidletime;
        PlatformSetProcessorPminfo set_pminfo;
        PlatformPcpuinfo pcpu_info;
        PlatformPcpuVersion pcpu_version;
        PlatformCpuOl cpu_ol;
        PlatformCpuHotadd cpu_add;
        PlatformMemHotadd mem_add;
        PlatformCoreParking core_parking;
        PlatformResourceOp resource_op;
        PlatformSymdata symdata;
        uint8_t pad[128];
    } u;
};
static_assert(sizeof(PlatformRequest) == 136);
static_assert(offsetof(PlatformRequest, u) == 8);

} // namespace abi
