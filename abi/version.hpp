// SPDX-License-Identifier: Apache-2.0
// xen_version sub-operations, their answers and the feature bits (public/version.h, features.h).
#pragma once

#include "abi/types.hpp"

namespace abi {

inline constexpr uint32_t version_major = 4;
inline constexpr uint32_t version_minor = 17;

/// First argument of hypercall xen_version.
enum class VersionOp : uint32_t {
    Version = 0,            ///< returns major << 16 | minor
    Extraversion = 1,       ///< char[16]
    CompileInfo = 2,        ///< CompileInfo
    Capabilities = 3,       ///< char[1024]
    Changeset = 4,          ///< char[64]
    PlatformParameters = 5, ///< PlatformParameters
    GetFeatures = 6,        ///< FeatureInfo, in and out
    Pagesize = 7,           ///< returns 4096
    GuestHandle = 8,        ///< DomainHandle
    Commandline = 9,        ///< char[1024]
    BuildId = 10,           ///< BuildId followed by len bytes; null handle asks for the length
};

inline constexpr size_t extraversion_length = 16;
inline constexpr size_t capabilities_length = 1024;
inline constexpr size_t changeset_length = 64;
inline constexpr size_t commandline_length = 1024;

/// Strings are NUL-terminated.
struct CompileInfo {
    char compiler[64];
    char compile_by[16];
    char compile_domain[32];
    char compile_date[32];
};
static_assert(sizeof(CompileInfo) == 144);
static_assert(offsetof(CompileInfo, compile_date) == 112);

/// Lowest virtual address that the hypervisor keeps for itself in a PV guest.
struct PlatformParameters {
    xen_ulong_t virt_start;
};
static_assert(sizeof(PlatformParameters) == 8);

/// One word of features.
struct FeatureInfo {
    uint32_t submap_idx; ///< in: only 0 exists
    uint32_t submap;     ///< out: 1 << Feature
};
static_assert(sizeof(FeatureInfo) == 8);
static_assert(offsetof(FeatureInfo, submap) == 4);

/// Header of the build-id answer; len bytes follow it.
struct BuildId {
    uint32_t len;
};
static_assert(sizeof(BuildId) == 4);

/// Bit numbers of the feature submap 0, of ELF note FEATURES and SUPPORTED_FEATURES.
enum class Feature : uint32_t {
    WritablePageTables = 0,
    WritableDescriptorTables = 1,
    AutoTranslatedPhysmap = 2,
    SupervisorModeKernel = 3,
    PaePgdirAbove4gb = 4,
    MmuPtUpdatePreserveAd = 5,
    HighmemAssist = 6,
    GnttabMapAvailBits = 7,
    HvmCallbackVector = 8,
    HvmSafePvclock = 9,
    HvmPirqs = 10,
    Dom0 = 11,
    MemoryOpVnodeSupported = 13,
    LinuxRsdpUnrestricted = 15,
    NotDirectMapped = 16,
    DirectMapped = 17,
};
/// Mask of one feature in a submap.
constexpr uint32_t feature_bit(Feature f) { return 1u << static_cast<uint32_t>(f); }
inline constexpr uint32_t nr_feature_submaps = 1;

} // namespace abi
