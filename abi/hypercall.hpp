// SPDX-License-Identifier: Apache-2.0
// Hypercall numbers and the multicall entry (public/xen.h).
#pragma once

#include "abi/types.hpp"

namespace abi {

/// Number in rax (64-bit) or eax (32-bit HVM). Gaps answer -ENOSYS.
enum class Hypercall : uint32_t {
    SetTrapTable = 0,
    MmuUpdate = 1,
    SetGdt = 2,
    StackSwitch = 3,
    SetCallbacks = 4,
    FpuTaskswitch = 5,
    SchedOpCompat = 6,
    PlatformOp = 7,
    SetDebugreg = 8,
    GetDebugreg = 9,
    UpdateDescriptor = 10,
    MemoryOp = 12,
    Multicall = 13,
    UpdateVaMapping = 14,
    SetTimerOp = 15,
    EventChannelOpCompat = 16,
    XenVersion = 17,
    ConsoleIo = 18,
    PhysdevOpCompat = 19,
    GrantTableOp = 20,
    VmAssist = 21,
    UpdateVaMappingOtherdomain = 22,
    Iret = 23,
    VcpuOp = 24,
    SetSegmentBase = 25,
    MmuextOp = 26,
    XsmOp = 27,
    NmiOp = 28,
    SchedOp = 29,
    CallbackOp = 30,
    XenoprofOp = 31,
    EventChannelOp = 32,
    PhysdevOp = 33,
    HvmOp = 34,
    Sysctl = 35,
    Domctl = 36,
    KexecOp = 37,
    TmemOp = 38,
    ArgoOp = 39,
    XenpmuOp = 40,
    DmOp = 41,
    HypfsOp = 42,
    Mca = 48,
    PagingDomctlCont = 49,
};

/// A PV or HVM guest's hypercall page holds one 32-byte stub per number.
inline constexpr uint32_t hypercall_stub_size = 32;
inline constexpr uint32_t hypercall_count = 64;

/// One call of a multicall; result is written back by the hypervisor.
struct MulticallEntry {
    xen_ulong_t op, result;
    xen_ulong_t args[6];
};
static_assert(sizeof(MulticallEntry) == 64);
static_assert(offsetof(MulticallEntry, args) == 16);

/// Virtual interrupt lines; DEBUG, TIMER and XENPMU are per vCPU, the others are global.
enum class Virq : uint32_t {
    Timer = 0,
    Debug = 1,
    Console = 2,
    DomExc = 3,
    Tbuf = 4,
    Debugger = 6,
    Xenoprof = 7,
    ConRing = 8,
    PcpuState = 9,
    MemEvent = 10,
    Argo = 11,
    Enomem = 12,
    Xenpmu = 13,
    Mca = 16,
};
inline constexpr uint32_t nr_virqs = 24;

} // namespace abi
