// SPDX-License-Identifier: Apache-2.0
// System control: idle and frequency statistics and their governors (public/sysctl.h).
#pragma once

#include "abi/types.hpp"

namespace abi {

/// Use of one P-state.
struct PmPxVal {
    uint64_t freq;      ///< MHz
    uint64_t residency; ///< ns
    uint64_t count;
};
static_assert(sizeof(PmPxVal) == 24);
static_assert(offsetof(PmPxVal, count) == 16);

/// P-state statistics of a CPU.
struct PmPxStat {
    uint8_t total;
    uint8_t usable;
    uint8_t last;
    uint8_t cur;
    GuestHandle<uint64_t> trans_pt;
    GuestHandle<PmPxVal> pt;
};
static_assert(sizeof(PmPxStat) == 24);
static_assert(offsetof(PmPxStat, trans_pt) == 8);
static_assert(offsetof(PmPxStat, pt) == 16);

/// C-state statistics of a CPU.
struct PmCxStat {
    uint32_t nr;
    uint32_t last;
    uint64_t idle_time; ///< ns
    GuestHandle<uint64_t> triggers;
    GuestHandle<uint64_t> residencies;
    uint32_t nr_pc;
    uint32_t nr_cc;
    GuestHandle<uint64_t> pc;
    GuestHandle<uint64_t> cc;
};
static_assert(sizeof(PmCxStat) == 56);
static_assert(offsetof(PmCxStat, cc) == 48);

/// SysctlGetPmstat::type.
enum class PmstatType : uint32_t {
    GetMaxPx = 0x11,
    GetPxstat = 0x12,
    ResetPxstat = 0x13,
    GetMaxCx = 0x21,
    GetCxstat = 0x22,
    ResetCxstat = 0x23,
};

/// Reads or resets power statistics.
struct SysctlGetPmstat {
    uint32_t type;
    uint32_t cpuid;
    union {
        PmPxStat getpx;
        PmCxStat getcx;
    } u;
};
static_assert(sizeof(SysctlGetPmstat) == 64);
static_assert(offsetof(SysctlGetPmstat, u) == 8);

inline constexpr size_t cpufreq_name_len = 16;

/// Fixed frequency, kHz.
struct CpufreqUserspace {
    uint32_t scaling_setspeed;
};
static_assert(sizeof(CpufreqUserspace) == 4);

/// Governor's parameters: rates in us, threshold in percent.
struct CpufreqOndemand {
    uint32_t sampling_rate_max;
    uint32_t sampling_rate_min;
    uint32_t sampling_rate;
    uint32_t up_threshold;
};
static_assert(sizeof(CpufreqOndemand) == 16);
static_assert(offsetof(CpufreqOndemand, up_threshold) == 12);

/// Frequency scaling of a CPU, kHz.
struct GetCpufreqPara {
    uint32_t cpu_num;
    uint32_t freq_num;
    uint32_t gov_num;
    GuestHandle<uint32_t> affected_cpus;
    GuestHandle<uint32_t> scaling_available_frequencies;
    GuestHandle<char> scaling_available_governors;
    char scaling_driver[cpufreq_name_len];
    uint32_t cpuinfo_cur_freq;
    uint32_t cpuinfo_max_freq;
    uint32_t cpuinfo_min_freq;
    uint32_t scaling_cur_freq;
    char scaling_governor[cpufreq_name_len];
    uint32_t scaling_max_freq;
    uint32_t scaling_min_freq;
    union {
        CpufreqUserspace userspace;
        CpufreqOndemand ondemand;
    } u;
    int32_t turbo_enabled;
};
static_assert(sizeof(GetCpufreqPara) == 120);
static_assert(offsetof(GetCpufreqPara, affected_cpus) == 16);
static_assert(offsetof(GetCpufreqPara, u) == 96);
static_assert(offsetof(GetCpufreqPara, turbo_enabled) == 112);

/// Chooses a governor by name.
struct SetCpufreqGov {
    char scaling_governor[cpufreq_name_len];
};
static_assert(sizeof(SetCpufreqGov) == 16);

/// Sets one parameter of scaling.
struct SetCpufreqPara {
    uint32_t ctrl_type;
    uint32_t ctrl_value;
};
static_assert(sizeof(SetCpufreqPara) == 8);
static_assert(offsetof(SetCpufreqPara, ctrl_value) == 4);

/// SysctlPmOp::cmd.
enum class PmOp : uint32_t {
    GetCpufreqPara = 0x11,
    SetCpufreqGov = 0x12,
    SetCpufreqPara = 0x13,
    GetCpufreqAvgfreq = 0x14,
    SetSchedOptSmt = 0x21,
    GetMaxCstate = 0x22,
    SetMaxCstate = 0x23,
    EnableTurbo = 0x26,
    DisableTurbo = 0x27,
};

/// Power management control.
struct SysctlPmOp {
    uint32_t cmd;
    uint32_t cpuid;
    union {
        GetCpufreqPara get_para;
        SetCpufreqGov set_gov;
        SetCpufreqPara set_para;
        uint64_t get_avgfreq;
        uint32_t set_sched_opt_smt;
        uint32_t get_max_cstate;
        uint32_t set_max_cstate;
    } u;
};
static_assert(sizeof(SysctlPmOp) == 128);
static_assert(offsetof(SysctlPmOp, u) == 8);
inline constexpr uint32_t cx_unlimited = 0xffffffff;

} // namespace abi
