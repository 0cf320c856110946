// SPDX-License-Identifier: Apache-2.0
// Domain control: command numbers and the request structure (public/domctl.h).
#pragma once

#include "abi/domctl_device.hpp"
#include "abi/domctl_life.hpp"
#include "abi/domctl_state.hpp"

namespace abi {

/// A request with another version is refused with -EACCES.
inline constexpr uint32_t domctl_interface_version = 0x00000015;

/// Domctl::cmd.
enum class DomctlCommand : uint32_t {
    CreateDomain = 1,
    DestroyDomain = 2,
    PauseDomain = 3,
    UnpauseDomain = 4,
    GetDomainInfo = 5,
    SetVcpuAffinity = 9,
    ShadowOp = 10,
    MaxMem = 11,
    SetVcpuContext = 12,
    GetVcpuContext = 13,
    GetVcpuInfo = 14,
    MaxVcpus = 15,
    SchedulerOp = 16,
    SetDomainHandle = 17,
    SetDebugging = 18,
    IrqPermission = 19,
    IomemPermission = 20,
    IoportPermission = 21,
    HypercallInit = 22,
    SoftResetCont = 23,
    SetTimeOffset = 24,
    GetVcpuAffinity = 25,
    RealModeArea = 26,
    ResumeDomain = 27,
    SendTrigger = 28,
    Subscribe = 29,
    GetHvmContext = 33,
    SetHvmContext = 34,
    SetAddressSize = 35,
    GetAddressSize = 36,
    AssignDevice = 37,
    BindPtIrq = 38,
    MemoryMapping = 39,
    IoportMapping = 40,
    SetExtVcpuContext = 42,
    GetExtVcpuContext = 43,
    SetOptFeature = 44,
    TestAssignDevice = 45,
    SetTarget = 46,
    DeassignDevice = 47,
    UnbindPtIrq = 48,
    GetDeviceGroup = 50,
    DebugOp = 54,
    GetHvmContextPartial = 55,
    VmEventOp = 56,
    MemSharingOp = 57,
    GetTscInfo = 59,
    SetTscInfo = 60,
    GetPageFrameInfo3 = 61,
    SetVcpuExtState = 62,
    GetVcpuExtState = 63,
    SetAccessRequired = 64,
    AuditP2m = 65,
    SetVirqHandler = 66,
    SetBrokenPageP2m = 67,
    SetNodeAffinity = 68,
    GetNodeAffinity = 69,
    Cacheflush = 71,
    GetVcpuMsrs = 72,
    SetVcpuMsrs = 73,
    SetVnumainfo = 74,
    PsrCmtOp = 75,
    MonitorOp = 77,
    PsrAlloc = 78,
    SoftReset = 79,
    VuartOp = 81,
    GetCpuPolicy = 82,
    SetCpuPolicy = 83,
    VmtraceOp = 84,
    GetPagingMempoolSize = 85,
    SetPagingMempoolSize = 86,
    GdbsxGuestmemio = 1000,
    GdbsxPausevcpu = 1001,
    GdbsxUnpausevcpu = 1002,
    GdbsxDomstatus = 1003,
};

/// Request of hypercall domctl; the hypervisor copies it back when the command has an answer.
struct Domctl {
    uint32_t cmd;
    uint32_t interface_version;
    domid_t domain;
    uint16_t _pad[3];
    union {
        DomctlCreateDomain createdomain;
        DomctlGetDomainInfo getdomaininfo;
        DomctlGetPageFrameInfo3 getpageframeinfo3;
        DomctlNodeAffinity nodeaffinity;
        DomctlVcpuAffinity vcpuaffinity;
        DomctlShadowOp shadow_op;
        DomctlMaxMem max_mem;
        DomctlVcpuContext vcpucontext;
        DomctlGetVcpuInfo getvcpuinfo;
        DomctlMaxVcpus max_vcpus;
        DomctlSchedulerOp scheduler_op;
        DomctlSetDomainHandle setdomainhandle;
        DomctlSetDebugging setdebugging;
        DomctlIrqPermission irq_permission;
        DomctlIomemPermission iomem_permission;
        DomctlIoportPermission ioport_permission;
        DomctlHypercallInit hypercall_init;
        DomctlSetTimeOffset settimeoffset;
        DomctlTscInfo tsc_info;
        DomctlHvmContext hvmcontext;
        DomctlHvmContextPartial hvmcontext_partial;
        DomctlAddressSize address_size;
        DomctlSendTrigger sendtrigger;
        DomctlGetDeviceGroup get_device_group;
        DomctlAssignDevice assign_device;
        DomctlBindPtIrq bind_pt_irq;
        DomctlMemoryMapping memory_mapping;
        DomctlIoportMapping ioport_mapping;
        DomctlExtVcpuContext ext_vcpucontext;
        DomctlSetTarget set_target;
        DomctlSubscribe subscribe;
        DomctlDebugOp debug_op;
        DomctlVmEventOp vm_event_op;
        DomctlMemSharingOp mem_sharing_op;
        DomctlCpuPolicy cpu_policy;
        DomctlVcpuExtState vcpuextstate;
        DomctlVcpuMsrs vcpu_msrs;
        DomctlSetAccessRequired access_required;
        DomctlAuditP2m audit_p2m;
        DomctlSetVirqHandler set_virq_handler;
        DomctlGdbsxMemio gdbsx_guest_memio;
        DomctlSetBrokenPageP2m set_broken_page_p2m;
        DomctlCacheflush cacheflush;
        DomctlGdbsxPauseunpVcpu gdbsx_pauseunp_vcpu;
        DomctlGdbsxDomstatus gdbsx_domstatus;
        DomctlVnuma vnuma;
        DomctlPsrCmtOp psr_cmt_op;
        DomctlMonitorOp monitor_op;
        DomctlPsrAlloc psr_alloc;
        DomctlVmtraceOp vmtrace_op;
        DomctlPagingMempool paging_mempool;
        uint8_t pad[128];
    } u;
};
static_assert(sizeof(Domctl) == 144);
static_assert(offsetof(Domctl, u) == 16);

} // namespace abi
