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
static_assert(sizeof(DomctlHvmContext) == 16);
static_assert(offsetof(DomctlHvmContext, buffer) == 8);

/// One record of the HVM context; a null buffer asks for its size.
struct DomctlHvmContextPartial {
    uint32_t type;
    uint32_t instance;
    uint64_t bufsz;
    GuestHandle<uint8_t> buffer;
};
static_assert(sizeof(DomctlHvmContextPartial) == 24);
static_assert(offsetof(DomctlHvmContextPartial, buffer) == 16);

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
static_assert(sizeof(DomctlExtVcpuContext) == 64);
static_assert(offsetof(DomctlExtVcpuContext, sysenter_disables_events) == 29);

inline constexpr uint32_t cpuid_input_unused = 0xffffffff;

/// Whole CPU policy; err_* name the entry that was refused.
struct DomctlCpuPolicy {
    uint32_t nr_leaves;
    uint32_t nr_msrs;
    GuestHandle<CpuidLeaf> leaves;
    GuestHandle<MsrEntry> msrs;
    uint32_t err_leaf, err_subleaf, err_msr;
};
static_assert(sizeof(DomctlCpuPolicy) == 40);
static_assert(offsetof(DomctlCpuPolicy, err_msr) == 32);

/// tsc_mode: 0 default, 1 always emulate, 2 never emulate, 3 never with TSC_AUX.
struct DomctlTscInfo {
    uint32_t tsc_mode;
    uint32_t gtsc_khz;
    uint32_t incarnation;
    uint32_t pad;
    uint64_t elapsed_nsec;
};
static_assert(sizeof(DomctlTscInfo) == 24);
static_assert(offsetof(DomctlTscInfo, elapsed_nsec) == 16);
inline constexpr uint32_t tsc_mode_default = 0;
inline constexpr uint32_t tsc_mode_always_emulate = 1;
inline constexpr uint32_t tsc_mode_never_emulate = 2;

/// Extended (XSAVE) state; size 0 asks for it.
struct DomctlVcpuExtState {
    uint32_t vcpu;
    uint64_t xfeature_mask;
    uint64_t size;
    GuestHandle<uint64_t> buffer;
};
static_assert(sizeof(DomctlVcpuExtState) == 32);
static_assert(offsetof(DomctlVcpuExtState, xfeature_mask) == 8);
static_assert(offsetof(DomctlVcpuExtState, buffer) == 24);

/// One MSR of a PV vCPU.
struct DomctlVcpuMsr {
    uint32_t index;
    uint32_t reserved;
    uint64_t value;
};
static_assert(sizeof(DomctlVcpuMsr) == 16);
static_assert(offsetof(DomctlVcpuMsr, value) == 8);

/// MSRs of a PV vCPU; a null handle asks for the count.
struct DomctlVcpuMsrs {
    uint32_t vcpu;
    uint32_t msr_count;
    GuestHandle<DomctlVcpuMsr> msrs;
};
static_assert(sizeof(DomctlVcpuMsrs) == 16);
static_assert(offsetof(DomctlVcpuMsrs, msrs) == 8);

inline constexpr uint32_t debug_op_single_step_off = 0;
inline constexpr uint32_t debug_op_single_step_on = 1;

/// Single-stepping of one vCPU.
struct DomctlDebugOp {
    uint32_t op;
    uint32_t vcpu;
};
static_assert(sizeof(DomctlDebugOp) == 8);
static_assert(offsetof(DomctlDebugOp, vcpu) == 4);

/// Reads or writes guest memory: gva guest virtual, uva caller's; remain is what was left.
struct DomctlGdbsxMemio {
    uint64_t pgd3val;
    uint64_t gva;
    uint64_t uva;
    uint32_t len;
    uint8_t gwr;
    uint32_t remain;
};
static_assert(sizeof(DomctlGdbsxMemio) == 40);
static_assert(offsetof(DomctlGdbsxMemio, remain) == 32);

/// vCPU to pause or resume.
struct DomctlGdbsxPauseunpVcpu {
    uint32_t vcpu;
};
static_assert(sizeof(DomctlGdbsxPauseunpVcpu) == 4);

/// Whether the domain stopped for the debugger, and where.
struct DomctlGdbsxDomstatus {
    uint8_t paused;
    uint32_t vcpu_id;
    uint32_t vcpu_ev;
};
static_assert(sizeof(DomctlGdbsxDomstatus) == 12);
static_assert(offsetof(DomctlGdbsxDomstatus, vcpu_id) == 4);
static_assert(offsetof(DomctlGdbsxDomstatus, vcpu_ev) == 8);

/// Opens or closes a ring for introspection or paging.
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
static_assert(sizeof(DomctlVmEventOp) == 12);
static_assert(offsetof(DomctlVmEventOp, u) == 8);

/// Turns page sharing on.
struct DomctlMemSharingOp {
    uint8_t op;
    union {
        uint8_t enable;
    } u;
};
static_assert(sizeof(DomctlMemSharingOp) == 2);
static_assert(offsetof(DomctlMemSharingOp, u) == 1);

/// Counts of inconsistencies found.
struct DomctlAuditP2m {
    uint64_t orphans;
    uint64_t m2p_bad;
    uint64_t p2m_bad;
};
static_assert(sizeof(DomctlAuditP2m) == 24);
static_assert(offsetof(DomctlAuditP2m, p2m_bad) == 16);

/// Whether introspection must have a listener.
struct DomctlSetAccessRequired {
    uint8_t access_required;
};
static_assert(sizeof(DomctlSetAccessRequired) == 1);

/// Marks a guest frame as broken.
struct DomctlSetBrokenPageP2m {
    uint64_t pfn;
};
static_assert(sizeof(DomctlSetBrokenPageP2m) == 8);

/// Arm only.
struct DomctlCacheflush {
    xen_pfn_t start_pfn, nr_pfns;
};
static_assert(sizeof(DomctlCacheflush) == 16);
static_assert(offsetof(DomctlCacheflush, nr_pfns) == 8);

/// Virtual NUMA topology.
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
static_assert(sizeof(DomctlVnuma) == 48);
static_assert(offsetof(DomctlVnuma, vmemrange) == 40);

/// Cache monitoring of the domain.
struct DomctlPsrCmtOp {
    uint32_t cmd;
    uint32_t data;
};
static_assert(sizeof(DomctlPsrCmtOp) == 8);
static_assert(offsetof(DomctlPsrCmtOp, data) == 4);

/// Cache and bandwidth allocation of the domain.
struct DomctlPsrAlloc {
    uint32_t cmd;
    uint32_t target;
    uint64_t data;
};
static_assert(sizeof(DomctlPsrAlloc) == 16);
static_assert(offsetof(DomctlPsrAlloc, data) == 8);

/// Events that introspection wants.
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
static_assert(sizeof(DomctlMonitorOp) == 24);
static_assert(offsetof(DomctlMonitorOp, u) == 8);

/// Processor trace of one vCPU.
struct DomctlVmtraceOp {
    uint32_t cmd;
    uint32_t vcpu;
    uint64_t key;
    uint64_t value;
};
static_assert(sizeof(DomctlVmtraceOp) == 24);
static_assert(offsetof(DomctlVmtraceOp, value) == 16);

} // namespace abi
