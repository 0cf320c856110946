// SPDX-License-Identifier: Apache-2.0
// Platform operations: EFI runtime calls and firmware information (public/platform.h).
#pragma once

#include "abi/types.hpp"

namespace abi {

/// PlatformEfiRuntimeCall::function.
enum class EfiFunction : uint32_t {
    GetTime = 1,
    SetTime = 2,
    GetWakeupTime = 3,
    SetWakeupTime = 4,
    GetNextHighMonotonicCount = 5,
    GetVariable = 6,
    SetVariable = 7,
    GetNextVariableName = 8,
    QueryVariableInfo = 9,
    QueryCapsuleCapabilities = 10,
    UpdateCapsule = 11,
};

/// PlatformEfiRuntimeCall::misc, by function. Out: GetTime (SetTime clears nanoseconds), GetWakeupTime; in:
/// SetWakeupTime, QueryVariableInfo (values as they were at boot).
inline constexpr uint32_t efi_get_time_set_clears_ns = 1;
inline constexpr uint32_t efi_get_wakeup_time_enabled = 1, efi_get_wakeup_time_pending = 2;
inline constexpr uint32_t efi_set_wakeup_time_enable = 1, efi_set_wakeup_time_enable_only = 2;
inline constexpr uint32_t efi_varinfo_boot_snapshot = 1;

/// Attributes of a variable.
inline constexpr uint32_t efi_variable_non_volatile = 1, efi_variable_bootservice_access = 2,
                          efi_variable_runtime_access = 4;

/// EFI_TIME.
struct PlatformEfiTime {
    uint16_t year;
    uint8_t month;
    uint8_t day;
    uint8_t hour;
    uint8_t min;
    uint8_t sec;
    uint32_t ns;
    int16_t tz;
    uint8_t daylight;
};
static_assert(sizeof(PlatformEfiTime) == 16);
static_assert(offsetof(PlatformEfiTime, ns) == 8);
static_assert(offsetof(PlatformEfiTime, daylight) == 14);

/// EFI_GUID.
struct PlatformEfiGuid {
    uint32_t data1;
    uint16_t data2;
    uint16_t data3;
    uint8_t data4[8];
};
static_assert(sizeof(PlatformEfiGuid) == 16);
static_assert(offsetof(PlatformEfiGuid, data4) == 8);

/// Name and data of one EFI variable in caller memory.
struct PlatformEfiVariable {
    GuestHandle<void> name;
    xen_ulong_t size;
    GuestHandle<void> data;
    PlatformEfiGuid vendor_guid;
};
static_assert(sizeof(PlatformEfiVariable) == 40);
static_assert(offsetof(PlatformEfiVariable, vendor_guid) == 24);

/// status is an EFI status word; misc carries per-function flags.
struct PlatformEfiRuntimeCall {
    uint32_t function;
    uint32_t misc;
    xen_ulong_t status;
    union {
        struct {
            PlatformEfiTime time;
            uint32_t resolution;
            uint32_t accuracy;
        } get_time;
        PlatformEfiTime set_time;
        PlatformEfiTime get_wakeup_time;
        PlatformEfiTime set_wakeup_time;
        PlatformEfiVariable get_variable, set_variable;
        struct {
            xen_ulong_t size;
            GuestHandle<void> name;
            PlatformEfiGuid vendor_guid;
        } get_next_variable_name;
        struct {
            uint32_t attr;
            uint64_t max_store_size;
            uint64_t remain_store_size;
            uint64_t max_size;
        } query_variable_info;
        struct {
            GuestHandle<void> capsule_header_array;
            xen_ulong_t capsule_count;
            uint64_t max_capsule_size;
            uint32_t reset_type;
        } query_capsule_capabilities;
        struct {
            GuestHandle<void> capsule_header_array;
            xen_ulong_t capsule_count;
            uint64_t sg_list;
        } update_capsule;
    } u;
};
static_assert(sizeof(PlatformEfiRuntimeCall) == 56);
static_assert(offsetof(PlatformEfiRuntimeCall, u) == 16);

/// PlatformFirmwareInfo::type.
enum class FirmwareInfoType : uint32_t {
    DiskInfo = 1,
    DiskMbrSignature = 2,
    VbeddcInfo = 3,
    EfiInfo = 4,
    KbdShiftFlags = 5,
};

/// PlatformFirmwareInfo::index for FirmwareInfoType::EfiInfo.
enum class FirmwareEfiIndex : uint32_t {
    Version = 0,
    ConfigTable = 1,
    Vendor = 2,
    MemInfo = 3,
    RtVersion = 4,
    PciRom = 5,
    AppleProperties = 6,
};

/// Facts about EFI; addresses are machine addresses.
union PlatformEfiInfo {
    uint32_t version;
    struct {
        uint64_t addr;
        uint32_t nent;
    } cfg;
    struct {
        uint32_t revision;
        uint32_t bufsz;
        GuestHandle<void> name;
    } vendor;
    struct {
        uint64_t addr;
        uint64_t size;
        uint64_t attr;
        uint32_t type;
    } mem;
    struct {
        uint16_t segment;
        uint8_t bus;
        uint8_t devfn;
        uint16_t vendor;
        uint16_t devid;
        uint64_t address;
        xen_ulong_t size;
    } pci_rom;
    struct {
        uint64_t address;
        xen_ulong_t size;
    } apple_properties;
};
static_assert(sizeof(PlatformEfiInfo) == 32);

/// What firmware told the boot code.
struct PlatformFirmwareInfo {
    uint32_t type;
    uint32_t index;
    union {
        struct {
            uint8_t device;
            uint8_t version;
            uint16_t interface_support;
            uint16_t legacy_max_cylinder;
            uint8_t legacy_max_head;
            uint8_t legacy_sectors_per_track;
            GuestHandle<void> edd_params;
        } disk_info;
        struct {
            uint8_t device;
            uint32_t mbr_signature;
        } disk_mbr_signature;
        struct {
            uint8_t capabilities;
            uint8_t edid_transfer_time;
            GuestHandle<uint8_t> edid;
        } vbeddc_info;
        PlatformEfiInfo efi_info;
        uint8_t kbd_shift_flags;
    } u;
};
static_assert(sizeof(PlatformFirmwareInfo) == 40);
static_assert(offsetof(PlatformFirmwareInfo, u) == 8);

} // namespace abi
