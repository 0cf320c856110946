// SPDX-License-Identifier: Apache-2.0
// Platform operations: ACPI processor power data uploaded by dom0 (public/platform.h).
#pragma once

#include "abi/types.hpp"

namespace abi {

/// PlatformSetProcessorPminfo::type.
enum class PmInfoType : uint32_t { Cx = 0, Px = 1, Tx = 2, Pdc = 3 };

/// ProcessorPerformance::flags: which tables are valid.
inline constexpr uint32_t px_pct = 1;
inline constexpr uint32_t px_pss = 2;
inline constexpr uint32_t px_ppc = 4;
inline constexpr uint32_t px_psd = 8;

/// ACPI generic address.
struct PowerRegister {
    uint32_t space_id;
    uint32_t bit_width;
    uint32_t bit_offset;
    uint32_t access_size;
    uint64_t address;
};
static_assert(sizeof(PowerRegister) == 24);
static_assert(offsetof(PowerRegister, address) == 16);

/// C-state dependency (_CSD).
struct ProcessorCsd {
    uint32_t domain;
    uint32_t coord_type;
    uint32_t num;
};
static_assert(sizeof(ProcessorCsd) == 12);
static_assert(offsetof(ProcessorCsd, num) == 8);

/// One C-state; latency in us.
struct ProcessorCx {
    PowerRegister reg;
    uint8_t type;
    uint32_t latency;
    uint32_t power;
    uint32_t dpcnt;
    GuestHandle<ProcessorCsd> dp;
};
static_assert(sizeof(ProcessorCx) == 48);
static_assert(offsetof(ProcessorCx, latency) == 28);
static_assert(offsetof(ProcessorCx, dp) == 40);

/// Properties of the C-state set.
struct ProcessorFlags {
    uint32_t bm_control : 1;
    uint32_t bm_check : 1;
    uint32_t has_cst : 1;
    uint32_t power_setup_done : 1;
    uint32_t bm_rld_set : 1;
};
static_assert(sizeof(ProcessorFlags) == 4);

/// C-states of a CPU (_CST).
struct ProcessorPower {
    uint32_t count;
    ProcessorFlags flags;
    GuestHandle<ProcessorCx> states;
};
static_assert(sizeof(ProcessorPower) == 16);
static_assert(offsetof(ProcessorPower, states) == 8);

/// Performance control or status register (_PCT), in ACPI's resource form.
struct PctRegister {
    uint8_t descriptor;
    uint16_t length;
    uint8_t space_id;
    uint8_t bit_width;
    uint8_t bit_offset;
    uint8_t reserved;
    uint64_t address;
};
static_assert(sizeof(PctRegister) == 16);
static_assert(offsetof(PctRegister, length) == 2);
static_assert(offsetof(PctRegister, address) == 8);

/// One P-state (_PSS): MHz, mW, us, us.
struct ProcessorPx {
    uint64_t core_frequency;
    uint64_t power;
    uint64_t transition_latency;
    uint64_t bus_master_latency;
    uint64_t control;
    uint64_t status;
};
static_assert(sizeof(ProcessorPx) == 48);
static_assert(offsetof(ProcessorPx, status) == 40);

/// P-state dependency (_PSD).
struct PsdPackage {
    uint64_t num_entries;
    uint64_t revision;
    uint64_t domain;
    uint64_t coord_type;
    uint64_t num_processors;
};
static_assert(sizeof(PsdPackage) == 40);
static_assert(offsetof(PsdPackage, num_processors) == 32);

/// P-states of a CPU.
struct ProcessorPerformance {
    uint32_t flags;
    uint32_t platform_limit;
    PctRegister control_register;
    PctRegister status_register;
    uint32_t state_count;
    GuestHandle<ProcessorPx> states;
    PsdPackage domain_info;
    uint32_t shared_type;
};
static_assert(sizeof(ProcessorPerformance) == 104);
static_assert(offsetof(ProcessorPerformance, states) == 48);
static_assert(offsetof(ProcessorPerformance, shared_type) == 96);

/// Power data of one CPU.
struct PlatformSetProcessorPminfo {
    uint32_t id; ///< ACPI processor id
    uint32_t type;
    union {
        ProcessorPower power;
        ProcessorPerformance perf;
        GuestHandle<uint32_t> pdc;
    } u;
};
static_assert(sizeof(PlatformSetProcessorPminfo) == 112);
static_assert(offsetof(PlatformSetProcessorPminfo, u) == 8);

} // namespace abi
