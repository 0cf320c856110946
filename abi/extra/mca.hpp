// SPDX-License-Identifier: Apache-2.0
// Machine-check reports for dom0, hypercall mca (public/arch-x86/xen-mca.h).
#pragma once

#include "abi/types.hpp"

namespace abi {

/// A request with another version is refused with -EACCES.
inline constexpr uint32_t mca_interface_version = 0x01ecc003;

/// McRequest::cmd.
enum class McCommand : uint32_t {
    Fetch = 1,
    NotifyDomain = 2,
    PhysCpuInfo = 3,
    MsrInject = 4,
    MceInject = 5,
    InjectV2 = 6,
};

/// McFetch::flags, in and out.
inline constexpr uint32_t mc_nonurgent = 0x0001;
inline constexpr uint32_t mc_urgent = 0x0002;
inline constexpr uint32_t mc_ack = 0x0004;
inline constexpr uint32_t mc_ok = 0x0;
inline constexpr uint32_t mc_fetchfailed = 0x1;
inline constexpr uint32_t mc_nodata = 0x2;
inline constexpr uint32_t mc_nomatch = 0x4;

/// One MSR of a report.
struct McinfoMsr {
    uint64_t reg;
    uint64_t value;
};
static_assert(sizeof(McinfoMsr) == 16);
static_assert(offsetof(McinfoMsr, value) == 8);

/// Types of a report's records.
inline constexpr uint16_t mc_type_global = 0;
inline constexpr uint16_t mc_type_bank = 1;

/// McinfoGlobal::mc_flags.
inline constexpr uint32_t mc_flag_correctable = 1u << 0;
inline constexpr uint32_t mc_flag_uncorrectable = 1u << 1;
inline constexpr uint32_t mc_flag_recoverable = 1u << 2;
inline constexpr uint32_t mc_flag_polled = 1u << 3;
inline constexpr uint32_t mc_flag_reset = 1u << 4;
inline constexpr uint32_t mc_flag_mce = 1u << 6;

/// Head of each record.
struct McinfoCommon {
    uint16_t type;
    uint16_t size;
};
static_assert(sizeof(McinfoCommon) == 4);

/// Where it happened, and who ran there.
struct McinfoGlobal {
    McinfoCommon common;
    uint16_t mc_domid;
    uint16_t mc_vcpuid;
    uint32_t mc_socketid;
    uint16_t mc_coreid;
    uint16_t mc_core_threadid;
    uint32_t mc_apicid;
    uint32_t mc_flags;
    uint64_t mc_gstatus;
};
static_assert(sizeof(McinfoGlobal) == 32);
static_assert(offsetof(McinfoGlobal, mc_gstatus) == 24);

/// What one bank held; mc_domid is the owner of the memory at mc_addr.
struct McinfoBank {
    McinfoCommon common;
    uint16_t mc_bank;
    uint16_t mc_domid;
    uint64_t mc_status;
    uint64_t mc_addr;
    uint64_t mc_misc;
    uint64_t mc_ctrl2;
    uint64_t mc_tsc;
};
static_assert(sizeof(McinfoBank) == 48);
static_assert(offsetof(McinfoBank, mc_status) == 8);

/// A report; records follow one another in mi_data, each with its type and size ahead.
struct McInfo {
    uint32_t mi_nentries;
    uint32_t flags;
    uint64_t mi_data[95];
};
static_assert(sizeof(McInfo) == 768);
static_assert(offsetof(McInfo, mi_data) == 8);

/// Identity of one CPU, as Linux's mcelog driver asks for it.
struct McinfoLogicalCpu {
    uint32_t mc_cpunr;
    uint32_t mc_chipid;
    uint16_t mc_coreid;
    uint16_t mc_threadid;
    uint32_t mc_apicid;
    uint32_t mc_clusterid;
    uint32_t mc_ncores;
    uint32_t mc_ncores_active;
    uint32_t mc_nthreads;
    int32_t mc_cpuid_level;
    uint32_t mc_family;
    uint32_t mc_vendor;
    uint32_t mc_model;
    uint32_t mc_step;
    char mc_vendorid[16];
    char mc_brandid[64];
    uint32_t mc_cpu_caps[7];
    uint32_t mc_cache_size;
    uint32_t mc_cache_alignment;
    int32_t mc_nmsrvals;
    McinfoMsr mc_msrvalues[8];
};
static_assert(sizeof(McinfoLogicalCpu) == 304);
static_assert(offsetof(McinfoLogicalCpu, mc_msrvalues) == 176);

/// Takes the oldest report of an urgency; fetch_id acknowledges it later.
struct McFetch {
    uint32_t flags;
    uint32_t _pad0;
    uint64_t fetch_id;
    GuestHandle<McInfo> data;
};
static_assert(sizeof(McFetch) == 24);
static_assert(offsetof(McFetch, data) == 16);

/// Lists the CPUs; ncpus is capacity (in) and length (out).
struct McPhyscpuinfo {
    uint32_t ncpus;
    uint32_t _pad0;
    GuestHandle<McinfoLogicalCpu> info;
};
static_assert(sizeof(McPhyscpuinfo) == 16);
static_assert(offsetof(McPhyscpuinfo, info) == 8);

/// xen_mc: request of hypercall mca. The injection commands carry up to 144 bytes.
struct McRequest {
    uint32_t cmd;
    uint32_t interface_version;
    union {
        McFetch mc_fetch;
        McPhyscpuinfo mc_physcpuinfo;
        uint64_t pad[18];
    } u;
};
static_assert(sizeof(McRequest) == 152);
static_assert(offsetof(McRequest, u) == 8);

} // namespace abi
