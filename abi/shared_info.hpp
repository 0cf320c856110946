// SPDX-License-Identifier: Apache-2.0
// Pages that the hypervisor shares with a running guest and the PV start page (public/xen.h).
#pragma once

#include "abi/types.hpp"

namespace abi {

/// vCPUs whose vcpu_info lies in shared_info; others must register their own.
inline constexpr uint32_t legacy_max_vcpus = 32;

inline constexpr uint8_t pvclock_tsc_stable = 1u << 0;
inline constexpr uint8_t pvclock_guest_stopped = 1u << 1;

/// Guest clock: ns = system_time + (((tsc - tsc_timestamp) << tsc_shift) * mul >> 32).
/// version is odd while the hypervisor writes.
struct VcpuTimeInfo {
    uint32_t version;
    uint32_t pad0;
    uint64_t tsc_timestamp;
    uint64_t system_time; ///< ns since boot
    uint32_t tsc_to_system_mul;
    int8_t tsc_shift;
    uint8_t flags;
    uint8_t pad1[2];
};
static_assert(sizeof(VcpuTimeInfo) == 32);
static_assert(offsetof(VcpuTimeInfo, pad1) == 30);

/// cr2 of the last page fault of a PV vCPU.
struct ArchVcpuInfo {
    uint64_t cr2;
    uint64_t pad;
};
static_assert(sizeof(ArchVcpuInfo) == 16);
static_assert(offsetof(ArchVcpuInfo, pad) == 8);

/// Event state and clock of one vCPU.
struct VcpuInfo {
    uint8_t evtchn_upcall_pending;
    uint8_t evtchn_upcall_mask;
    xen_ulong_t evtchn_pending_sel;
    ArchVcpuInfo arch;
    VcpuTimeInfo time;
};
static_assert(sizeof(VcpuInfo) == 64);
static_assert(offsetof(VcpuInfo, evtchn_pending_sel) == 8);
static_assert(offsetof(VcpuInfo, arch) == 16);
static_assert(offsetof(VcpuInfo, time) == 32);

/// Where a PV guest keeps its p2m, for the toolstack: guest-written.
struct ArchSharedInfo {
    uint64_t max_pfn;
    xen_pfn_t pfn_to_mfn_frame_list_list;
    uint64_t nmi_reason;
    uint64_t p2m_cr3;
    uint64_t p2m_vaddr;
    uint64_t p2m_generation;
};
static_assert(sizeof(ArchSharedInfo) == 48);
static_assert(offsetof(ArchSharedInfo, p2m_generation) == 40);

inline constexpr uint64_t nmi_reason_io_error = 1u << 0;
inline constexpr uint64_t nmi_reason_pci_serr = 1u << 1;

/// One page per domain. Wall clock: version odd while writing; time of boot in UTC.
struct SharedInfo {
    VcpuInfo vcpu_info[legacy_max_vcpus];
    xen_ulong_t evtchn_pending[64];
    xen_ulong_t evtchn_mask[64];
    uint32_t wc_version;
    uint32_t wc_sec;
    uint32_t wc_nsec;
    uint32_t wc_sec_hi;
    ArchSharedInfo arch;
};
static_assert(sizeof(SharedInfo) == 3136);
static_assert(offsetof(SharedInfo, evtchn_pending) == 2048);
static_assert(offsetof(SharedInfo, evtchn_mask) == 2560);
static_assert(offsetof(SharedInfo, wc_version) == 3072);
static_assert(offsetof(SharedInfo, arch) == 3088);

/// start_info::flags.
inline constexpr uint32_t sif_privileged = 1u << 0;
inline constexpr uint32_t sif_initdomain = 1u << 1;
inline constexpr uint32_t sif_multiboot_mod = 1u << 2;
inline constexpr uint32_t sif_mod_start_pfn = 1u << 3;
inline constexpr uint32_t sif_virt_p2m_4tools = 1u << 4;
inline constexpr uint32_t sif_pm_mask = 0xffu << 8;

inline constexpr size_t max_guest_cmdline = 1024;
inline constexpr char start_info_magic[] = "xen-3.0-x86_64";

/// Handed to a PV kernel by virtual address in rsi. Frames are machine frames; pt_base, mfn_list
/// and mod_start are guest virtual addresses (mod_start is a frame with sif_mod_start_pfn).
struct StartInfo {
    char magic[32];
    uint64_t nr_pages;
    uint64_t shared_info; ///< machine address
    uint32_t flags;
    xen_pfn_t store_mfn;
    uint32_t store_evtchn;
    union {
        struct {
            xen_pfn_t mfn;
            uint32_t evtchn;
        } domU;
        struct {
            uint32_t info_off;
            uint32_t info_size;
        } dom0;
    } console;
    uint64_t pt_base;
    uint64_t nr_pt_frames;
    uint64_t mfn_list;
    uint64_t mod_start;
    uint64_t mod_len;
    int8_t cmd_line[max_guest_cmdline];
    uint64_t first_p2m_pfn;
    uint64_t nr_p2m_frames;
};
static_assert(sizeof(StartInfo) == 1168);
static_assert(offsetof(StartInfo, store_mfn) == 56);
static_assert(offsetof(StartInfo, console) == 72);
static_assert(offsetof(StartInfo, cmd_line) == 128);
static_assert(offsetof(StartInfo, nr_p2m_frames) == 1160);

/// Module descriptor under sif_multiboot_mod; guest physical.
struct MultibootModList {
    uint32_t mod_start;
    uint32_t mod_end;
    uint32_t cmdline;
    uint32_t pad;
};
static_assert(sizeof(MultibootModList) == 16);
static_assert(offsetof(MultibootModList, pad) == 12);

/// Dom0VgaConsoleInfo::video_type.
enum class VgaType : uint8_t { TextMode3 = 0x03, VesaLfb = 0x23, EfiLfb = 0x70 };

/// Console description for dom0, at start_info + console.dom0.info_off.
struct Dom0VgaConsoleInfo {
    uint8_t video_type;
    union {
        struct {
            uint16_t font_height;
            uint16_t cursor_x, cursor_y;
            uint16_t rows, columns;
        } text_mode_3;
        struct {
            uint16_t width, height;
            uint16_t bytes_per_line;
            uint16_t bits_per_pixel;
            uint32_t lfb_base;
            uint32_t lfb_size;
            uint8_t red_pos, red_size;
            uint8_t green_pos, green_size;
            uint8_t blue_pos, blue_size;
            uint8_t rsvd_pos, rsvd_size;
            uint32_t gbl_caps;
            uint16_t mode_attrs;
            uint16_t pad;
            uint32_t ext_lfb_base;
        } vesa_lfb;
    } u;
};
static_assert(sizeof(Dom0VgaConsoleInfo) == 40);
static_assert(offsetof(Dom0VgaConsoleInfo, u) == 4);

} // namespace abi
