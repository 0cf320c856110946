// SPDX-License-Identifier: Apache-2.0
// Domain control: machine state for save, restore, CPU policy and debugging (public/domctl.h).
#pragma once

#include "abi/cpu_policy.hpp"
#include "abi/hvm_save.hpp"
#include "abi/memory.hpp"
#include "abi/types.hpp"

namespace abi {

/// A null buffer asks for the size.
struct DomctlHvmContext {
    uint32_t size;
    GuestHandle<uint8_t> buffer;
};

struct DomctlHvmContextPartial {
    uint32_t type;
    uint32_t instance;
    uint64_t bufsz;
    GuestHandle<uint8_t> buffer;
};

/// size is filled by the getter; a smaller size from a setter leaves the tail out.
struct DomctlExtVcpuContext {
    uint32_t vcpu;
    uint32_t size;
    uint64_t syscall32_callback_eip;
    uint64_t sysenter_callback_eip;
    uint16_t syscall32_callback_cs;
    uint16_t sysenter_callback_cs;
    uint8_t syscall32_disables_events;
    uint8_t sysenter_disables_events;
    union {
        uint64_t mcg_cap;
        HvmVmceVcpu vmce;
    };
};

inline constexpr uint32_t cpuid_input_unused = 0xffffffff;

struct DomctlCpuPolicy {
    uint32_t nr_leaves;
    uint32_t nr_msrs;
    GuestHandle<CpuidLeaf> leaves;
    GuestHandle<MsrEntry> msrs;
    uint32_t err_leaf, err_subleaf, err_msr;
};

/// tsc_mode: 0 default, 1 always emulate, 2 never emulate, 3 never with TSC_AUX.
struct DomctlTscInfo {
    uint32_t tsc_mode;
    uint32_t gtsc_khz;
    uint32_t incarnation;
    uint32_t pad;
    uint64_t elapsed_nsec;
};
inline constexpr uint32_t tsc_mode_default = 0;
inline constexpr uint32_t tsc_mode_always_emulate = 1;
inline constexpr uint32_t tsc_mode_never_emulate = 2;

struct DomctlVcpuExtState {
    uint32_t vcpu;
    uint64_t xfeature_mask;
    uint64_t size;
    GuestHandle<uint64_t> buffer;
};

struct DomctlVcpuMsr {
    uint32_t index;
    uint32_t reserved;
    uint64_t value;
};

struct DomctlVcpuMsrs {
    uint32_t vcpu;
    uint32_t msr_count;
    GuestHandle<DomctlVcpuMsr> msrs;
};

inline constexpr uint32_t debug_op_single_step_off = 0;
inline constexpr uint32_t debug_op_single_step_on = 1;

struct DomctlDebugOp {
    uint32_t op;
    uint32_t vcpu;
};

struct DomctlGdbsxMemio {
    uint64_t pgd3val;
    uint64_t gva;
    uint64_t uva;
    uint32_t len;
    uint8_t gwr;
    uint32_t remain;
};

struct DomctlGdbsxPauseunpVcpu {
    uint32_t vcpu;
};

struct DomctlGdbsxDomstatus {
    uint8_t paused;
    uint32_t vcpu_id;
    uint32_t vcpu_ev;
};

struct DomctlVmEventOp {
    uint32_t op;
    uint32_t mode;
    union {
        struct {
            uint32_t port;
        } enable;
        uint32_t version;
    } u;
};

struct DomctlMemSharingOp {
    uint8_t op;
    union {
        uint8_t enable;
    } u;
};

struct DomctlAuditP2m {
    uint64_t orphans;
    uint64_t m2p_bad;
    uint64_t p2m_bad;
};

struct DomctlSetAccessRequired {
    uint8_t access_required;
};

struct DomctlSetBrokenPageP2m {
    uint64_t pfn;
};

struct DomctlCacheflush {
    xen_pfn_t start_pfn, nr_pfns;
};

struct DomctlVnuma {
    uint32_t nr_vnodes;
    uint32_t nr_vmemranges;
    uint32_t nr_vcpus;
    uint32_t pad;
    GuestHandle<uint32_t> vdistance;
    GuestHandle<uint32_t> vcpu_to_vnode;
    GuestHandle<uint32_t> vnode_to_pnode;
    GuestHandle<Vmemrange> vmemrange;
};

struct DomctlPsrCmtOp {
    uint32_t cmd;
    uint32_t data;
};

struct DomctlPsrAlloc {
    uint32_t cmd;
    uint32_t target;
    uint64_t data;
};

struct DomctlMonitorOp {
    uint32_t op;
    uint32_t event;
    union {
        struct {
            uint8_t index;
            uint8_t sync;
            uint8_t onchangeonly;
            uint8_t pad1;
            uint32_t pad2;
            uint64_t bitmask;
        } mov_to_cr;
        struct {
            uint32_t msr;
            uint8_t onchangeonly;
        } mov_to_msr;
        struct {
            uint8_t sync;
            uint8_t allow_userspace;
        } guest_request;
        struct {
            uint8_t sync;
        } debug_exception;
        struct {
            uint8_t sync;
        } vmexit;
    } u;
};

struct DomctlVmtraceOp {
    uint32_t cmd;
    uint32_t vcpu;
    uint64_t key;
    uint64_t value;
};

}  // namespace abi
