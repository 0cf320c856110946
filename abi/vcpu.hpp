// SPDX-License-Identifier: Apache-2.0
// vCPU operations of a guest (public/vcpu.h, public/hvm/hvm_vcpu.h).
#pragma once

#include "abi/shared_info.hpp"
#include "abi/types.hpp"

namespace abi {

/// First argument of hypercall vcpu_op.
enum class VcpuOp : uint32_t {
    Initialise = 0, ///< VcpuGuestContext (PV) or VcpuHvmContext
    Up = 1,
    Down = 2,
    IsUp = 3,
    GetRunstateInfo = 4,
    RegisterRunstateMemoryArea = 5,
    SetPeriodicTimer = 6,
    StopPeriodicTimer = 7,
    SetSingleshotTimer = 8,
    StopSingleshotTimer = 9,
    RegisterVcpuInfo = 10,
    SendNmi = 11,
    GetPhysid = 12,
    RegisterVcpuTimeMemoryArea = 13,
};

/// VcpuRunstateInfo::state.
enum class Runstate : int32_t { Running = 0, Runnable = 1, Blocked = 2, Offline = 3 };

/// Set in state_entry_time while the hypervisor updates a guest's copy.
inline constexpr uint64_t runstate_update = uint64_t{1} << 63;

/// How a vCPU has spent its time.
struct VcpuRunstateInfo {
    int32_t state;
    uint64_t state_entry_time; ///< system time, ns
    uint64_t time[4];          ///< ns spent in each Runstate
};
static_assert(sizeof(VcpuRunstateInfo) == 48);
static_assert(offsetof(VcpuRunstateInfo, state_entry_time) == 8);
static_assert(offsetof(VcpuRunstateInfo, time) == 16);

/// Guest virtual address where the hypervisor keeps VcpuRunstateInfo.
struct VcpuRegisterRunstateMemoryArea {
    union {
        GuestHandle<VcpuRunstateInfo> h;
        uint64_t p;
    } addr;
};
static_assert(sizeof(VcpuRegisterRunstateMemoryArea) == 8);

/// Period of the timer VIRQ.
struct VcpuSetPeriodicTimer {
    uint64_t period_ns;
};
static_assert(sizeof(VcpuSetPeriodicTimer) == 8);

inline constexpr uint32_t vcpu_sshottmr_future = 1u << 0;

/// System time of the next timer VIRQ.
struct VcpuSetSingleshotTimer {
    uint64_t timeout_abs_ns;
    uint32_t flags;
};
static_assert(sizeof(VcpuSetSingleshotTimer) == 16);
static_assert(offsetof(VcpuSetSingleshotTimer, flags) == 8);

/// Place of vcpu_info outside shared_info; must not cross a page.
struct VcpuRegisterVcpuInfo {
    uint64_t mfn; ///< guest frame (machine frame for PV)
    uint32_t offset;
    uint32_t rsvd;
};
static_assert(sizeof(VcpuRegisterVcpuInfo) == 16);
static_assert(offsetof(VcpuRegisterVcpuInfo, rsvd) == 12);

/// Low half APIC id, high half ACPI id.
struct VcpuGetPhysid {
    uint64_t phys_id;
};
static_assert(sizeof(VcpuGetPhysid) == 8);

/// Guest virtual address where the hypervisor keeps VcpuTimeInfo.
struct VcpuRegisterTimeMemoryArea {
    union {
        GuestHandle<VcpuTimeInfo> h;
        uint64_t p;
    } addr;
};
static_assert(sizeof(VcpuRegisterTimeMemoryArea) == 8);

inline constexpr uint32_t vcpu_hvm_mode_32b = 0;
inline constexpr uint32_t vcpu_hvm_mode_64b = 1;

/// Start state of a 32-bit or real-mode application processor.
struct VcpuHvmX86_32 {
    uint32_t eax, ecx, edx, ebx, esp, ebp, esi, edi, eip, eflags;
    uint32_t cr0, cr3, cr4;
    uint32_t pad1;
    uint64_t efer;
    uint32_t cs_base, ds_base, ss_base, es_base, tr_base;
    uint32_t cs_limit, ds_limit, ss_limit, es_limit, tr_limit;
    uint16_t cs_ar, ds_ar, ss_ar, es_ar, tr_ar;
    uint16_t pad2[3];
};
static_assert(sizeof(VcpuHvmX86_32) == 120);
static_assert(offsetof(VcpuHvmX86_32, pad2) == 114);

/// Start state of a 64-bit application processor; segments are flat.
struct VcpuHvmX86_64 {
    uint64_t rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, rip, rflags;
    uint64_t cr0, cr3, cr4, efer;
};
static_assert(sizeof(VcpuHvmX86_64) == 112);
static_assert(offsetof(VcpuHvmX86_64, efer) == 104);

/// Start state of an HVM application processor.
struct VcpuHvmContext {
    uint32_t mode;
    uint32_t pad;
    union {
        VcpuHvmX86_32 x86_32;
        VcpuHvmX86_64 x86_64;
    } cpu_regs;
};
static_assert(sizeof(VcpuHvmContext) == 128);
static_assert(offsetof(VcpuHvmContext, cpu_regs) == 8);

} // namespace abi
