// SPDX-License-Identifier: Apache-2.0
// Domain control: creation, information, memory limits, vCPUs and scheduling (public/domctl.h).
#pragma once

#include "abi/pv.hpp"
#include "abi/types.hpp"

namespace abi {

/// createdomain flags.
inline constexpr uint32_t cdf_hvm = 1u << 0;
inline constexpr uint32_t cdf_hap = 1u << 1;
inline constexpr uint32_t cdf_s3_integrity = 1u << 2;
inline constexpr uint32_t cdf_oos_off = 1u << 3;
inline constexpr uint32_t cdf_xs_domain = 1u << 4;
inline constexpr uint32_t cdf_iommu = 1u << 5;
inline constexpr uint32_t cdf_nested_virt = 1u << 6;
inline constexpr uint32_t cdf_vpmu = 1u << 7;
inline constexpr uint32_t cdf_all = (cdf_vpmu << 1) - 1;
inline constexpr uint32_t iommu_no_sharept = 1u << 0;
inline constexpr uint32_t grant_version_mask = 0xf;

/// Devices that the hypervisor emulates for an HVM guest (ArchDomainconfig::emulation_flags).
inline constexpr uint32_t emu_lapic = 1u << 0;
inline constexpr uint32_t emu_hpet = 1u << 1;
inline constexpr uint32_t emu_pm = 1u << 2;
inline constexpr uint32_t emu_rtc = 1u << 3;
inline constexpr uint32_t emu_ioapic = 1u << 4;
inline constexpr uint32_t emu_pic = 1u << 5;
inline constexpr uint32_t emu_vga = 1u << 6;
inline constexpr uint32_t emu_iommu = 1u << 7;
inline constexpr uint32_t emu_pit = 1u << 8;
inline constexpr uint32_t emu_use_pirq = 1u << 9;
inline constexpr uint32_t emu_vpci = 1u << 10;
inline constexpr uint32_t emu_all = (emu_vpci << 1) - 1;
inline constexpr uint32_t misc_msr_relaxed = 1u << 0;

/// The x86 part of a domain's fixed configuration.
struct ArchDomainconfig {
    uint32_t emulation_flags;
    uint32_t misc_flags;
};
static_assert(sizeof(ArchDomainconfig) == 8);
static_assert(offsetof(ArchDomainconfig, misc_flags) == 4);

/// Fixed properties of a new domain; the id goes into Domctl::domain.
struct DomctlCreateDomain {
    uint32_t ssidref;
    DomainHandle handle;
    uint32_t flags;
    uint32_t iommu_opts;
    uint32_t max_vcpus;
    uint32_t max_evtchn_port;
    int32_t max_grant_frames;    ///< negative = default
    int32_t max_maptrack_frames; ///< negative = default
    uint32_t grant_opts;
    uint32_t vmtrace_size; ///< bytes per vCPU, 0 = off
    uint32_t cpupool_id;
    ArchDomainconfig arch;
};
static_assert(sizeof(DomctlCreateDomain) == 64);
static_assert(offsetof(DomctlCreateDomain, arch) == 56);

/// getdomaininfo flags; the shutdown reason is in bits 16 to 23.
inline constexpr uint32_t dominf_dying = 1u << 0;
inline constexpr uint32_t dominf_hvm_guest = 1u << 1;
inline constexpr uint32_t dominf_shutdown = 1u << 2;
inline constexpr uint32_t dominf_paused = 1u << 3;
inline constexpr uint32_t dominf_blocked = 1u << 4;
inline constexpr uint32_t dominf_running = 1u << 5;
inline constexpr uint32_t dominf_debugged = 1u << 6;
inline constexpr uint32_t dominf_xs_domain = 1u << 7;
inline constexpr uint32_t dominf_hap = 1u << 8;
inline constexpr uint32_t dominf_shutdown_mask = 0xff;
inline constexpr uint32_t dominf_shutdown_shift = 16;
inline constexpr uint32_t invalid_max_vcpu_id = 0xffffffff;

/// One domain's state; Domctl::domain gives the id found, the first not below the asked one.
struct DomctlGetDomainInfo {
    domid_t domain;
    uint16_t pad1;
    uint32_t flags;
    uint64_t tot_pages;
    uint64_t max_pages;
    uint64_t outstanding_pages;
    uint64_t shr_pages;
    uint64_t paged_pages;
    uint64_t shared_info_frame; ///< machine frame (PV) or guest frame
    uint64_t cpu_time;          ///< ns, sum over the vCPUs
    uint32_t nr_online_vcpus;
    uint32_t max_vcpu_id;
    uint32_t ssidref;
    DomainHandle handle;
    uint32_t cpupool;
    uint8_t gpaddr_bits;
    uint8_t pad2[7];
    ArchDomainconfig arch_config;
};
static_assert(sizeof(DomctlGetDomainInfo) == 112);
static_assert(offsetof(DomctlGetDomainInfo, arch_config) == 104);

/// Page kinds in the top nibble of a getpageframeinfo3 entry.
inline constexpr uint32_t pfinfo_ltab_shift = 28;
inline constexpr uint32_t pfinfo_notab = 0x0u << 28;
inline constexpr uint32_t pfinfo_l1tab = 0x1u << 28;
inline constexpr uint32_t pfinfo_l2tab = 0x2u << 28;
inline constexpr uint32_t pfinfo_l3tab = 0x3u << 28;
inline constexpr uint32_t pfinfo_l4tab = 0x4u << 28;
inline constexpr uint32_t pfinfo_ltabtype_mask = 0x7u << 28;
inline constexpr uint32_t pfinfo_lpintab = 0x1u << 31;
inline constexpr uint32_t pfinfo_xtab = 0xfu << 28;
inline constexpr uint32_t pfinfo_xalloc = 0xeu << 28;
inline constexpr uint32_t pfinfo_broken = 0xdu << 28;
inline constexpr uint32_t pfinfo_ltab_mask = 0xfu << 28;

/// Frames of a domain (in); their PFINFO type in the top nibble (out).
struct DomctlGetPageFrameInfo3 {
    uint64_t num;
    GuestHandle<xen_pfn_t> array;
};
static_assert(sizeof(DomctlGetPageFrameInfo3) == 16);
static_assert(offsetof(DomctlGetPageFrameInfo3, array) == 8);

/// DomctlShadowOp::op.
enum class ShadowOp : uint32_t {
    Off = 0,
    EnableTest = 1,
    EnableLogdirty = 2,
    Clean = 11,
    Peek = 12,
    GetAllocation = 30,
    SetAllocation = 31,
    Enable = 32,
};
inline constexpr uint32_t shadow_enable_refcount = 1u << 1;
inline constexpr uint32_t shadow_enable_log_dirty = 1u << 2;
inline constexpr uint32_t shadow_enable_translate = 1u << 3;
inline constexpr uint32_t shadow_enable_external = 1u << 4;
inline constexpr uint32_t shadow_logdirty_final = 1u << 0;

/// Faults and newly dirty pages since the last clean.
struct DomctlShadowOpStats {
    uint32_t fault_count;
    uint32_t dirty_count;
};
static_assert(sizeof(DomctlShadowOpStats) == 8);
static_assert(offsetof(DomctlShadowOpStats, dirty_count) == 4);

/// Log-dirty and paging-pool control; mb is the pool in MiB, pages the bits of dirty_bitmap.
struct DomctlShadowOp {
    uint32_t op;
    uint32_t mode;
    uint32_t mb;
    GuestHandle<uint8_t> dirty_bitmap;
    uint64_t pages;
    DomctlShadowOpStats stats;
};
static_assert(sizeof(DomctlShadowOp) == 40);
static_assert(offsetof(DomctlShadowOp, dirty_bitmap) == 16);
static_assert(offsetof(DomctlShadowOp, stats) == 32);

/// Limit of the domain's memory in KiB.
struct DomctlMaxMem {
    uint64_t max_memkb;
};
static_assert(sizeof(DomctlMaxMem) == 8);

/// Reads or writes one vCPU's registers.
struct DomctlVcpuContext {
    uint32_t vcpu;
    GuestHandle<VcpuGuestContext> ctxt;
};
static_assert(sizeof(DomctlVcpuContext) == 16);
static_assert(offsetof(DomctlVcpuContext, ctxt) == 8);

/// Scheduling state of one vCPU.
struct DomctlGetVcpuInfo {
    uint32_t vcpu;
    uint8_t online;
    uint8_t blocked;
    uint8_t running;
    uint64_t cpu_time; ///< ns
    uint32_t cpu;
};
static_assert(sizeof(DomctlGetVcpuInfo) == 24);
static_assert(offsetof(DomctlGetVcpuInfo, cpu_time) == 8);
static_assert(offsetof(DomctlGetVcpuInfo, cpu) == 16);

/// NUMA nodes that the domain prefers.
struct DomctlNodeAffinity {
    ControlBitmap nodemap;
};
static_assert(sizeof(DomctlNodeAffinity) == 16);

inline constexpr uint32_t vcpuaffinity_hard = 1u << 0;
inline constexpr uint32_t vcpuaffinity_soft = 1u << 1;
inline constexpr uint32_t vcpuaffinity_force = 1u << 2;

/// CPUs that a vCPU may (hard) or should (soft) run on; set answers with the effective masks.
struct DomctlVcpuAffinity {
    uint32_t vcpu;
    uint32_t flags;
    ControlBitmap cpumap_hard;
    ControlBitmap cpumap_soft;
};
static_assert(sizeof(DomctlVcpuAffinity) == 40);
static_assert(offsetof(DomctlVcpuAffinity, cpumap_soft) == 24);

/// Number of vCPUs, allocated once.
struct DomctlMaxVcpus {
    uint32_t max;
};
static_assert(sizeof(DomctlMaxVcpus) == 4);

/// Numbers of schedulers.
enum class SchedulerId : uint32_t { Credit = 5, Credit2 = 6, Arinc653 = 7, Rtds = 8, Null = 9 };

/// Weight (1 to 65535) and cap (percent of one CPU, 0 = none).
struct DomctlSchedCredit {
    uint16_t weight;
    uint16_t cap;
};
static_assert(sizeof(DomctlSchedCredit) == 4);
static_assert(offsetof(DomctlSchedCredit, cap) == 2);

/// Weight (1 to 65535) and cap (percent of one CPU, 0 = none).
struct DomctlSchedCredit2 {
    uint16_t weight;
    uint16_t cap;
};
static_assert(sizeof(DomctlSchedCredit2) == 4);
static_assert(offsetof(DomctlSchedCredit2, cap) == 2);

inline constexpr uint32_t schedrt_extra = 1u << 0;

/// Real-time reservation.
struct DomctlSchedRtds {
    uint32_t period; ///< us
    uint32_t budget; ///< us
    uint32_t flags;
};
static_assert(sizeof(DomctlSchedRtds) == 12);
static_assert(offsetof(DomctlSchedRtds, flags) == 8);

/// Parameters of one vCPU.
struct DomctlSchedparamVcpu {
    union {
        DomctlSchedCredit credit;
        DomctlSchedCredit2 credit2;
        DomctlSchedRtds rtds;
    } u;
    uint32_t vcpuid;
};
static_assert(sizeof(DomctlSchedparamVcpu) == 16);
static_assert(offsetof(DomctlSchedparamVcpu, vcpuid) == 12);

/// DomctlSchedulerOp::cmd.
enum class DomctlSchedOp : uint32_t { PutInfo = 0, GetInfo = 1, PutVcpuInfo = 2, GetVcpuInfo = 3 };

/// Reads or writes a domain's or its vCPUs' scheduling parameters.
struct DomctlSchedulerOp {
    uint32_t sched_id;
    uint32_t cmd;
    union {
        DomctlSchedCredit credit;
        DomctlSchedCredit2 credit2;
        DomctlSchedRtds rtds;
        struct {
            GuestHandle<DomctlSchedparamVcpu> vcpus;
            uint32_t nr_vcpus;
            uint32_t padding;
        } v;
    } u;
};
static_assert(sizeof(DomctlSchedulerOp) == 24);
static_assert(offsetof(DomctlSchedulerOp, u) == 8);

/// New UUID.
struct DomctlSetDomainHandle {
    DomainHandle handle;
};
static_assert(sizeof(DomctlSetDomainHandle) == 16);

/// Marks the domain as debugged.
struct DomctlSetDebugging {
    uint8_t enable;
};
static_assert(sizeof(DomctlSetDebugging) == 1);

/// Writes the hypercall stubs into a frame of the domain.
struct DomctlHypercallInit {
    uint64_t gmfn;
};
static_assert(sizeof(DomctlHypercallInit) == 8);

/// Offset of the domain's wall clock from UTC.
struct DomctlSetTimeOffset {
    int64_t time_offset_seconds;
};
static_assert(sizeof(DomctlSetTimeOffset) == 8);

/// Width of a PV kernel's words.
struct DomctlAddressSize {
    uint32_t size; ///< 32 or 64
};
static_assert(sizeof(DomctlAddressSize) == 4);

/// DomctlSendTrigger::trigger.
enum class Trigger : uint32_t { Nmi = 0, Reset = 1, Init = 2, Power = 3, Sleep = 4 };

/// Raises a platform event in the domain.
struct DomctlSendTrigger {
    uint32_t trigger;
    uint32_t vcpu;
};
static_assert(sizeof(DomctlSendTrigger) == 8);
static_assert(offsetof(DomctlSendTrigger, vcpu) == 4);

/// Lets the domain act on another (stub domain).
struct DomctlSetTarget {
    domid_t target;
};
static_assert(sizeof(DomctlSetTarget) == 2);

/// Port of the domain that fires when it suspends.
struct DomctlSubscribe {
    uint32_t port;
};
static_assert(sizeof(DomctlSubscribe) == 4);

/// Sends a global VIRQ to this domain.
struct DomctlSetVirqHandler {
    uint32_t virq;
};
static_assert(sizeof(DomctlSetVirqHandler) == 4);

/// Pool for second-stage and shadow tables.
struct DomctlPagingMempool {
    uint64_t size; ///< bytes
};
static_assert(sizeof(DomctlPagingMempool) == 8);

} // namespace abi
