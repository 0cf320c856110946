// SPDX-License-Identifier: Apache-2.0
// System control: host information, console, CPU pools, schedulers (public/sysctl.h).
#pragma once

#include "abi/cpu_policy.hpp"
#include "abi/domctl_life.hpp"
#include "abi/physdev.hpp"
#include "abi/sysctl/power.hpp"
#include "abi/types.hpp"

namespace abi {

/// A request with another version is refused with -EACCES.
inline constexpr uint32_t sysctl_interface_version = 0x00000015;

/// Sysctl::cmd.
enum class SysctlCommand : uint32_t {
    Readconsole = 1,
    TbufOp = 2,
    Physinfo = 3,
    SchedId = 4,
    PerfcOp = 5,
    GetDomainInfoList = 6,
    DebugKeys = 7,
    GetCpuinfo = 8,
    Availheap = 9,
    GetPmstat = 10,
    CpuHotplug = 11,
    PmOp = 12,
    PageOfflineOp = 14,
    LockprofOp = 15,
    Cputopoinfo = 16,
    Numainfo = 17,
    CpupoolOp = 18,
    SchedulerOp = 19,
    CoverageOp = 20,
    PsrCmtOp = 21,
    Pcitopoinfo = 22,
    PsrAlloc = 23,
    GetCpuLevellingCaps = 25,
    GetCpuFeatureset = 26,
    LivepatchOp = 27,
    GetCpuPolicy = 29,
};

/// Text of the hypervisor's console ring.
struct SysctlReadconsole {
    uint8_t clear;
    uint8_t incremental; ///< start at index instead of the oldest byte
    uint8_t pad0, pad1;
    uint32_t index; ///< in and out, with incremental
    GuestHandle<char> buffer;
    uint32_t count; ///< in: size; out: bytes stored
};
static_assert(sizeof(SysctlReadconsole) == 24);
static_assert(offsetof(SysctlReadconsole, count) == 16);

/// Control of the trace buffers.
struct SysctlTbufOp {
    uint32_t cmd;
    ControlBitmap cpu_mask;
    uint32_t evt_mask;
    uint64_t buffer_mfn;
    uint32_t size;
};
static_assert(sizeof(SysctlTbufOp) == 48);
static_assert(offsetof(SysctlTbufOp, cpu_mask) == 8);
static_assert(offsetof(SysctlTbufOp, buffer_mfn) == 32);
static_assert(offsetof(SysctlTbufOp, size) == 40);

/// SysctlTbufOp::cmd.
enum class TbufOp : uint32_t {
    GetInfo = 0,
    SetCpuMask = 1,
    SetEvtMask = 2,
    SetSize = 3,
    Enable = 4,
    Disable = 5,
};

/// SysctlPhysinfo::capabilities.
inline constexpr uint32_t physcap_hvm = 1u << 0;
inline constexpr uint32_t physcap_pv = 1u << 1;
inline constexpr uint32_t physcap_directio = 1u << 2;
inline constexpr uint32_t physcap_hap = 1u << 3;
inline constexpr uint32_t physcap_shadow = 1u << 4;
inline constexpr uint32_t physcap_iommu_hap_pt_share = 1u << 5;
inline constexpr uint32_t physcap_vmtrace = 1u << 6;
inline constexpr uint32_t physcap_vpmu = 1u << 7;
inline constexpr uint32_t physcap_gnttab_v1 = 1u << 8;
inline constexpr uint32_t physcap_gnttab_v2 = 1u << 9;

/// The machine: CPUs, nodes, memory in pages, CPUID words.
struct SysctlPhysinfo {
    uint32_t threads_per_core;
    uint32_t cores_per_socket;
    uint32_t nr_cpus;
    uint32_t max_cpu_id;
    uint32_t nr_nodes;
    uint32_t max_node_id;
    uint32_t cpu_khz;
    uint32_t capabilities;
    uint32_t arch_capabilities;
    uint32_t pad;
    uint64_t total_pages;
    uint64_t free_pages;
    uint64_t scrub_pages;
    uint64_t outstanding_pages;
    uint64_t max_mfn;
    uint32_t hw_cap[8];
};
static_assert(sizeof(SysctlPhysinfo) == 112);
static_assert(offsetof(SysctlPhysinfo, hw_cap) == 80);

/// SchedulerId of the default pool.
struct SysctlSchedId {
    uint32_t sched_id;
};
static_assert(sizeof(SysctlSchedId) == 4);

/// Name of a performance counter.
struct SysctlPerfcDesc {
    char name[80];
    uint32_t nr_vals;
};
static_assert(sizeof(SysctlPerfcDesc) == 84);
static_assert(offsetof(SysctlPerfcDesc, nr_vals) == 80);

/// Reads or resets performance counters.
struct SysctlPerfcOp {
    uint32_t cmd;
    uint32_t nr_counters;
    uint32_t nr_vals;
    GuestHandle<SysctlPerfcDesc> desc;
    GuestHandle<uint32_t> val;
};
static_assert(sizeof(SysctlPerfcOp) == 32);
static_assert(offsetof(SysctlPerfcOp, desc) == 16);
static_assert(offsetof(SysctlPerfcOp, val) == 24);

/// State of all domains from first_domain on.
struct SysctlGetDomainInfoList {
    domid_t first_domain;
    uint32_t max_domains;
    GuestHandle<DomctlGetDomainInfo> buffer;
    uint32_t num_domains; ///< out
};
static_assert(sizeof(SysctlGetDomainInfoList) == 24);
static_assert(offsetof(SysctlGetDomainInfoList, max_domains) == 4);
static_assert(offsetof(SysctlGetDomainInfoList, num_domains) == 16);

/// Keys as if typed on the hypervisor's console.
struct SysctlDebugKeys {
    GuestHandle<const char> keys;
    uint32_t nr_keys;
};
static_assert(sizeof(SysctlDebugKeys) == 16);
static_assert(offsetof(SysctlDebugKeys, nr_keys) == 8);

/// Idle time of a CPU.
struct SysctlCpuinfo {
    uint64_t idletime; ///< ns
};
static_assert(sizeof(SysctlCpuinfo) == 8);

/// Idle times of the CPUs.
struct SysctlGetCpuinfo {
    uint32_t max_cpus;
    GuestHandle<SysctlCpuinfo> info;
    uint32_t nr_cpus; ///< out
};
static_assert(sizeof(SysctlGetCpuinfo) == 24);
static_assert(offsetof(SysctlGetCpuinfo, info) == 8);
static_assert(offsetof(SysctlGetCpuinfo, nr_cpus) == 16);

/// Free heap of a node and address width.
struct SysctlAvailheap {
    uint32_t min_bitwidth;
    uint32_t max_bitwidth;
    int32_t node;
    uint64_t avail_bytes;
};
static_assert(sizeof(SysctlAvailheap) == 24);
static_assert(offsetof(SysctlAvailheap, avail_bytes) == 16);

/// SysctlCpuHotplug::op.
enum class CpuHotplugOp : uint32_t { Online = 0, Offline = 1, SmtEnable = 2, SmtDisable = 3 };

/// Brings a CPU up or down.
struct SysctlCpuHotplug {
    uint32_t cpu;
    uint32_t op;
};
static_assert(sizeof(SysctlCpuHotplug) == 8);
static_assert(offsetof(SysctlCpuHotplug, op) == 4);

/// SysctlPageOfflineOp::cmd.
enum class PageOfflineOp : uint32_t { Offline = 1, Online = 2, Query = 3 };

/// Takes machine frames start to end, both included, out of use.
struct SysctlPageOfflineOp {
    uint32_t cmd;
    uint32_t start;
    uint32_t end;
    GuestHandle<uint32_t> status;
};
static_assert(sizeof(SysctlPageOfflineOp) == 24);
static_assert(offsetof(SysctlPageOfflineOp, status) == 16);

/// Profile of one lock; times in ns.
struct SysctlLockprofData {
    char name[40];
    int32_t type;
    int32_t idx;
    uint64_t lock_cnt;
    uint64_t block_cnt;
    uint64_t lock_time;
    uint64_t block_time;
};
static_assert(sizeof(SysctlLockprofData) == 80);
static_assert(offsetof(SysctlLockprofData, block_time) == 72);

/// Reads or resets lock profiles.
struct SysctlLockprofOp {
    uint32_t cmd;
    uint32_t max_elem;
    uint32_t nr_elem;
    uint64_t time;
    GuestHandle<SysctlLockprofData> data;
};
static_assert(sizeof(SysctlLockprofOp) == 32);
static_assert(offsetof(SysctlLockprofOp, time) == 16);
static_assert(offsetof(SysctlLockprofOp, data) == 24);

/// "No such thing" in core, socket, node, memory size and distance fields.
inline constexpr uint32_t invalid_core_id = 0xffffffff;
inline constexpr uint32_t invalid_socket_id = 0xffffffff;
inline constexpr uint32_t invalid_node_id = 0xffffffff;
inline constexpr uint32_t invalid_mem_sz = 0xffffffff;
inline constexpr uint32_t invalid_node_dist = 0xffffffff;
inline constexpr uint32_t invalid_dev = invalid_node_id - 1;

/// Place of a CPU.
struct SysctlCputopo {
    uint32_t core;
    uint32_t socket;
    uint32_t node;
};
static_assert(sizeof(SysctlCputopo) == 12);
static_assert(offsetof(SysctlCputopo, node) == 8);

/// Places of the CPUs; a null handle asks for the number.
struct SysctlCputopoinfo {
    uint32_t num_cpus;
    GuestHandle<SysctlCputopo> cputopo;
};
static_assert(sizeof(SysctlCputopoinfo) == 16);
static_assert(offsetof(SysctlCputopoinfo, cputopo) == 8);

/// Memory of a node.
struct SysctlMeminfo {
    uint64_t memsize; ///< bytes
    uint64_t memfree; ///< bytes
};
static_assert(sizeof(SysctlMeminfo) == 16);
static_assert(offsetof(SysctlMeminfo, memfree) == 8);

/// Nodes and their distances; null handles ask for the number.
struct SysctlNumainfo {
    uint32_t num_nodes;
    GuestHandle<SysctlMeminfo> meminfo;
    GuestHandle<uint32_t> distance;
};
static_assert(sizeof(SysctlNumainfo) == 24);
static_assert(offsetof(SysctlNumainfo, meminfo) == 8);
static_assert(offsetof(SysctlNumainfo, distance) == 16);

/// Node of each PCI device.
struct SysctlPcitopoinfo {
    uint32_t num_devs;
    GuestHandle<PhysdevPciDevice> devs;
    GuestHandle<uint32_t> nodes;
};
static_assert(sizeof(SysctlPcitopoinfo) == 24);
static_assert(offsetof(SysctlPcitopoinfo, devs) == 8);
static_assert(offsetof(SysctlPcitopoinfo, nodes) == 16);

/// SysctlCpupoolOp::op.
enum class CpupoolOp : uint32_t {
    Create = 1,
    Destroy = 2,
    Info = 3,
    AddCpu = 4,
    RmCpu = 5,
    MoveDomain = 6,
    FreeInfo = 7,
};
inline constexpr uint32_t cpupool_par_any = 0xffffffff;

/// Creates, changes or describes CPU pools.
struct SysctlCpupoolOp {
    uint32_t op;
    uint32_t cpupool_id;
    uint32_t sched_id;
    uint32_t domid;
    uint32_t cpu;
    uint32_t n_dom;
    ControlBitmap cpumap;
};
static_assert(sizeof(SysctlCpupoolOp) == 40);
static_assert(offsetof(SysctlCpupoolOp, cpumap) == 24);

inline constexpr uint32_t sched_ratelimit_min_us = 100;
inline constexpr uint32_t sched_ratelimit_max_us = 500000;
inline constexpr uint32_t csched_tslice_min_ms = 1;
inline constexpr uint32_t csched_tslice_max_ms = 1000;
inline constexpr uint32_t csched_migration_delay_max_us = 100000;

/// Parameters of credit in a pool.
struct SysctlCreditSchedule {
    uint32_t tslice_ms;
    uint32_t ratelimit_us;
    uint32_t vcpu_migr_delay_us;
};
static_assert(sizeof(SysctlCreditSchedule) == 12);
static_assert(offsetof(SysctlCreditSchedule, vcpu_migr_delay_us) == 8);

/// Parameters of credit2 in a pool.
struct SysctlCredit2Schedule {
    uint32_t ratelimit_us;
};
static_assert(sizeof(SysctlCredit2Schedule) == 4);

/// SysctlSchedulerOp::cmd.
enum class SysctlSchedOp : uint32_t { PutInfo = 0, GetInfo = 1 };

/// Reads or writes a pool's scheduler parameters.
struct SysctlSchedulerOp {
    uint32_t cpupool_id;
    uint32_t sched_id;
    uint32_t cmd;
    union {
        struct {
            GuestHandle<void> schedule;
        } sched_arinc653;
        SysctlCreditSchedule sched_credit;
        SysctlCredit2Schedule sched_credit2;
    } u;
};
static_assert(sizeof(SysctlSchedulerOp) == 32);
static_assert(offsetof(SysctlSchedulerOp, u) == 16);

/// Coverage data of the hypervisor.
struct SysctlCoverageOp {
    uint32_t cmd;
    uint32_t size;
    GuestHandle<char> buffer;
};
static_assert(sizeof(SysctlCoverageOp) == 16);
static_assert(offsetof(SysctlCoverageOp, buffer) == 8);

/// Cache monitoring of the machine.
struct SysctlPsrCmtOp {
    uint32_t cmd;
    uint32_t flags;
    union {
        uint64_t data;
        struct {
            uint32_t cpu;
            uint32_t rsvd;
        } l3_cache;
    } u;
};
static_assert(sizeof(SysctlPsrCmtOp) == 16);
static_assert(offsetof(SysctlPsrCmtOp, u) == 8);

/// Cache and bandwidth allocation that the machine offers; target is a socket.
struct SysctlPsrAlloc {
    uint32_t cmd;
    uint32_t target;
    union {
        struct {
            uint32_t cbm_len;
            uint32_t cos_max;
            uint32_t flags;
        } cat_info;
        struct {
            uint32_t thrtl_max;
            uint32_t cos_max;
            uint32_t flags;
        } mba_info;
    } u;
};
static_assert(sizeof(SysctlPsrAlloc) == 20);
static_assert(offsetof(SysctlPsrAlloc, u) == 8);

/// Means to hide CPU features.
struct SysctlCpuLevellingCaps {
    uint32_t caps;
};
static_assert(sizeof(SysctlCpuLevellingCaps) == 4);

/// SysctlCpuFeatureset::index.
enum class CpuFeaturesetIndex : uint32_t { Raw = 0, Host = 1, Pv = 2, Hvm = 3, PvMax = 4, HvmMax = 5 };

/// Feature words; a null handle asks for the number.
struct SysctlCpuFeatureset {
    uint32_t index;
    uint32_t nr_features;
    GuestHandle<uint32_t> features;
};
static_assert(sizeof(SysctlCpuFeatureset) == 16);
static_assert(offsetof(SysctlCpuFeatureset, features) == 8);

/// SysctlCpuPolicy::index.
enum class CpuPolicyIndex : uint32_t {
    Raw = 0,
    Host = 1,
    PvMax = 2,
    HvmMax = 3,
    PvDefault = 4,
    HvmDefault = 5,
};

/// Null handles ask for the numbers of entries.
struct SysctlCpuPolicy {
    uint32_t index;
    uint32_t nr_leaves;
    uint32_t nr_msrs;
    uint32_t _rsvd;
    GuestHandle<CpuidLeaf> leaves;
    GuestHandle<MsrEntry> msrs;
};
static_assert(sizeof(SysctlCpuPolicy) == 32);
static_assert(offsetof(SysctlCpuPolicy, msrs) == 24);

/// Request of hypercall sysctl.
struct Sysctl {
    uint32_t cmd;
    uint32_t interface_version;
    union {
        SysctlReadconsole readconsole;
        SysctlTbufOp tbuf_op;
        SysctlPhysinfo physinfo;
        SysctlCputopoinfo cputopoinfo;
        SysctlPcitopoinfo pcitopoinfo;
        SysctlNumainfo numainfo;
        SysctlSchedId sched_id;
        SysctlPerfcOp perfc_op;
        SysctlGetDomainInfoList getdomaininfolist;
        SysctlDebugKeys debug_keys;
        SysctlGetCpuinfo getcpuinfo;
        SysctlAvailheap availheap;
        SysctlGetPmstat get_pmstat;
        SysctlCpuHotplug cpu_hotplug;
        SysctlPmOp pm_op;
        SysctlPageOfflineOp page_offline;
        SysctlLockprofOp lockprof_op;
        SysctlCpupoolOp cpupool_op;
        SysctlSchedulerOp scheduler_op;
        SysctlCoverageOp coverage_op;
        SysctlPsrCmtOp psr_cmt_op;
        SysctlPsrAlloc psr_alloc;
        SysctlCpuLevellingCaps cpu_levelling_caps;
        SysctlCpuFeatureset cpu_featureset;
        SysctlCpuPolicy cpu_policy;
        uint8_t pad[128];
    } u;
};
static_assert(sizeof(Sysctl) == 136);
static_assert(offsetof(Sysctl, u) == 8);

} // namespace abi
