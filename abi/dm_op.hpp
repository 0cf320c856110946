// SPDX-License-Identifier: Apache-2.0
// Device model operations and the I/O request pages (public/hvm/dm_op.h, ioreq.h).
#pragma once

#include "abi/types.hpp"

namespace abi {

/// DmOp::op.
enum class DmCommand : uint32_t {
    CreateIoreqServer = 1,
    GetIoreqServerInfo = 2,
    MapIoRangeToIoreqServer = 3,
    UnmapIoRangeFromIoreqServer = 4,
    SetIoreqServerState = 5,
    DestroyIoreqServer = 6,
    TrackDirtyVram = 7,
    SetPciIntxLevel = 8,
    SetIsaIrqLevel = 9,
    SetPciLinkRoute = 10,
    ModifiedMemory = 11,
    SetMemType = 12,
    InjectEvent = 13,
    InjectMsi = 14,
    MapMemTypeToIoreqServer = 15,
    RemoteShutdown = 16,
    RelocateMemory = 17,
    PinMemoryCacheattr = 18,
    SetIrqLevel = 19,
    NrVcpus = 20,
};

/// Registers a device model; handle_bufioreq is one of hvm_ioreqsrv_bufioreq_*.
struct DmOpCreateIoreqServer {
    uint8_t handle_bufioreq;
    uint8_t pad[3];
    ioservid_t id; ///< out
};
static_assert(sizeof(DmOpCreateIoreqServer) == 6);
static_assert(offsetof(DmOpCreateIoreqServer, id) == 4);

inline constexpr uint16_t dmop_no_gfns = 1u << 0;

/// Where a server's pages (guest frames) and its buffered port are.
struct DmOpGetIoreqServerInfo {
    ioservid_t id;
    uint16_t flags;
    evtchn_port_t bufioreq_port; ///< out
    uint64_t ioreq_gfn;          ///< out
    uint64_t bufioreq_gfn;       ///< out
};
static_assert(sizeof(DmOpGetIoreqServerInfo) == 24);
static_assert(offsetof(DmOpGetIoreqServerInfo, bufioreq_gfn) == 16);

/// Kind of range that a server claims.
enum class DmIoRange : uint32_t { Port = 0, Memory = 1, Pci = 2 };

/// start and end are inclusive; for Pci they are segment << 16 | bus << 8 | devfn.
struct DmOpIoreqServerRange {
    ioservid_t id;
    uint16_t pad;
    uint32_t type;
    uint64_t start, end;
};
static_assert(sizeof(DmOpIoreqServerRange) == 24);
static_assert(offsetof(DmOpIoreqServerRange, end) == 16);

/// Starts or stops the delivery of requests to a server.
struct DmOpSetIoreqServerState {
    ioservid_t id;
    uint8_t enabled;
    uint8_t pad;
};
static_assert(sizeof(DmOpSetIoreqServerState) == 4);
static_assert(offsetof(DmOpSetIoreqServerState, pad) == 3);

/// Removes a server; its requests in flight end as unclaimed.
struct DmOpDestroyIoreqServer {
    ioservid_t id;
    uint16_t pad;
};
static_assert(sizeof(DmOpDestroyIoreqServer) == 4);
static_assert(offsetof(DmOpDestroyIoreqServer, pad) == 2);

/// Bit map of frames (second buffer) written since the last call; nr 0 ends tracking.
struct DmOpTrackDirtyVram {
    uint32_t nr;
    uint32_t pad;
    uint64_t first_pfn;
};
static_assert(sizeof(DmOpTrackDirtyVram) == 16);
static_assert(offsetof(DmOpTrackDirtyVram, first_pfn) == 8);

/// Level of pin intx (0 to 3) of a PCI device: 1 asserts.
struct DmOpSetPciIntxLevel {
    uint16_t domain;
    uint8_t bus, device, intx;
    uint8_t level;
};
static_assert(sizeof(DmOpSetPciIntxLevel) == 6);
static_assert(offsetof(DmOpSetPciIntxLevel, level) == 5);

/// Level of an ISA line (0 to 15): 1 asserts.
struct DmOpSetIsaIrqLevel {
    uint8_t isa_irq;
    uint8_t level;
};
static_assert(sizeof(DmOpSetIsaIrqLevel) == 2);
static_assert(offsetof(DmOpSetIsaIrqLevel, level) == 1);

/// ISA line that PCI link 0 to 3 raises; 0 = none.
struct DmOpSetPciLinkRoute {
    uint8_t link;
    uint8_t isa_irq;
};
static_assert(sizeof(DmOpSetPciLinkRoute) == 2);
static_assert(offsetof(DmOpSetPciLinkRoute, isa_irq) == 1);

/// The second buffer holds nr_extents DmOpModifiedMemoryExtent; opaque is the continuation.
struct DmOpModifiedMemory {
    uint32_t nr_extents;
    uint32_t opaque;
};
static_assert(sizeof(DmOpModifiedMemory) == 8);
static_assert(offsetof(DmOpModifiedMemory, opaque) == 4);

/// Run of guest frames that a device model wrote.
struct DmOpModifiedMemoryExtent {
    uint32_t nr;
    uint32_t pad;
    uint64_t first_pfn;
};
static_assert(sizeof(DmOpModifiedMemoryExtent) == 16);
static_assert(offsetof(DmOpModifiedMemoryExtent, first_pfn) == 8);

/// Changes nr guest frames to an HvmMemType; nr and first_pfn advance on continuation.
struct DmOpSetMemType {
    uint32_t nr;
    uint16_t mem_type;
    uint16_t pad;
    uint64_t first_pfn;
};
static_assert(sizeof(DmOpSetMemType) == 16);
static_assert(offsetof(DmOpSetMemType, first_pfn) == 8);

/// Kind of an injected event, numbered as VMX and SVM do.
enum class DmEventType : uint8_t {
    ExtInt = 0,
    Nmi = 2,
    HwExc = 3,
    SwInt = 4,
    PriSwExc = 5,
    SwExc = 6,
};

/// Event for the vCPU's next entry; cr2 matters for page faults.
struct DmOpInjectEvent {
    uint32_t vcpuid;
    uint8_t vector;
    uint8_t type;
    uint8_t insn_len;
    uint8_t pad0;
    uint32_t error_code;
    uint32_t pad1;
    uint64_t cr2;
};
static_assert(sizeof(DmOpInjectEvent) == 24);
static_assert(offsetof(DmOpInjectEvent, cr2) == 16);

/// Message-signalled interrupt: guest physical address and data.
struct DmOpInjectMsi {
    uint32_t data;
    uint32_t pad;
    uint64_t addr;
};
static_assert(sizeof(DmOpInjectMsi) == 16);
static_assert(offsetof(DmOpInjectMsi, addr) == 8);

inline constexpr uint32_t dmop_ioreq_mem_access_read = 1u << 0;
inline constexpr uint32_t dmop_ioreq_mem_access_write = 1u << 1;

/// Sends accesses to a memory type to a server; flags 0 undoes it.
struct DmOpMapMemTypeToIoreqServer {
    ioservid_t id;
    uint16_t type;
    uint32_t flags;
    uint64_t opaque;
};
static_assert(sizeof(DmOpMapMemTypeToIoreqServer) == 16);
static_assert(offsetof(DmOpMapMemTypeToIoreqServer, opaque) == 8);

/// Shuts the domain down with a ShutdownReason.
struct DmOpRemoteShutdown {
    uint32_t reason;
};
static_assert(sizeof(DmOpRemoteShutdown) == 4);

/// Moves size pages from one guest frame range to another.
struct DmOpRelocateMemory {
    uint32_t size;
    uint32_t pad;
    uint64_t src_gfn;
    uint64_t dst_gfn;
};
static_assert(sizeof(DmOpRelocateMemory) == 24);
static_assert(offsetof(DmOpRelocateMemory, dst_gfn) == 16);

inline constexpr uint32_t mem_cacheattr_uc = 0;
inline constexpr uint32_t mem_cacheattr_wc = 1;
inline constexpr uint32_t mem_cacheattr_wt = 4;
inline constexpr uint32_t mem_cacheattr_wp = 5;
inline constexpr uint32_t mem_cacheattr_wb = 6;
inline constexpr uint32_t mem_cacheattr_ucm = 7;
inline constexpr uint32_t delete_mem_cacheattr = 0xffffffff;

/// Fixes the cache type of guest frames start to end, both included.
struct DmOpPinMemoryCacheattr {
    uint64_t start;
    uint64_t end;
    uint32_t type;
    uint32_t pad;
};
static_assert(sizeof(DmOpPinMemoryCacheattr) == 24);
static_assert(offsetof(DmOpPinMemoryCacheattr, pad) == 20);

/// Arm only.
struct DmOpSetIrqLevel {
    uint32_t irq;
    uint8_t level;
    uint8_t pad[3];
};
static_assert(sizeof(DmOpSetIrqLevel) == 8);
static_assert(offsetof(DmOpSetIrqLevel, pad) == 5);

/// Answer: number of the domain's vCPUs.
struct DmOpNrVcpus {
    uint32_t vcpus;
};
static_assert(sizeof(DmOpNrVcpus) == 4);

/// Content of the first buffer of hypercall dm_op(domid, nr_bufs, bufs).
struct DmOp {
    uint32_t op;
    uint32_t pad;
    union {
        DmOpCreateIoreqServer create_ioreq_server;
        DmOpGetIoreqServerInfo get_ioreq_server_info;
        DmOpIoreqServerRange map_io_range_to_ioreq_server;
        DmOpIoreqServerRange unmap_io_range_from_ioreq_server;
        DmOpSetIoreqServerState set_ioreq_server_state;
        DmOpDestroyIoreqServer destroy_ioreq_server;
        DmOpTrackDirtyVram track_dirty_vram;
        DmOpSetPciIntxLevel set_pci_intx_level;
        DmOpSetIsaIrqLevel set_isa_irq_level;
        DmOpSetIrqLevel set_irq_level;
        DmOpSetPciLinkRoute set_pci_link_route;
        DmOpModifiedMemory modified_memory;
        DmOpSetMemType set_mem_type;
        DmOpInjectEvent inject_event;
        DmOpInjectMsi inject_msi;
        DmOpMapMemTypeToIoreqServer map_mem_type_to_ioreq_server;
        DmOpRemoteShutdown remote_shutdown;
        DmOpRelocateMemory relocate_memory;
        DmOpPinMemoryCacheattr pin_memory_cacheattr;
        DmOpNrVcpus nr_vcpus;
    } u;
};
static_assert(sizeof(DmOp) == 32);
static_assert(offsetof(DmOp, u) == 8);

/// Element of the buffer array; at most dmop_max_bufs are used.
struct DmOpBuf {
    GuestHandle<void> h;
    xen_ulong_t size;
};
static_assert(sizeof(DmOpBuf) == 16);
static_assert(offsetof(DmOpBuf, size) == 8);
inline constexpr uint32_t dmop_max_bufs = 2;

/// Ioreq::state; the hypervisor makes requests ready, the device model responses.
enum class IoreqState : uint8_t { None = 0, Ready = 1, InProcess = 2, RespReady = 3 };

/// Ioreq::type and BufIoreq::type.
enum class IoreqType : uint8_t { Pio = 0, Copy = 1, PciConfig = 2, Timeoffset = 7, Invalidate = 8 };
inline constexpr uint8_t ioreq_read = 1;
inline constexpr uint8_t ioreq_write = 0;

/// One request per vCPU in the synchronous page.
struct Ioreq {
    uint64_t addr;
    uint64_t data; ///< value, or guest physical address with data_is_ptr
    uint32_t count;
    uint32_t size;
    uint32_t vp_eport;
    uint16_t _pad0;
    uint8_t state : 4;
    uint8_t data_is_ptr : 1;
    uint8_t dir : 1;
    uint8_t df : 1;
    uint8_t _pad1 : 1;
    uint8_t type;
};
static_assert(sizeof(Ioreq) == 32);
static_assert(offsetof(Ioreq, type) == 31);
inline constexpr uint32_t ioreqs_per_page = page_size / sizeof(Ioreq);

/// Slot of the buffered page; a size-3 (8-byte) write takes two slots.
struct BufIoreq {
    uint8_t type;
    uint8_t pad : 1;
    uint8_t dir : 1;
    uint8_t size : 2;
    uint32_t addr : 20;
    uint32_t data;
};
static_assert(sizeof(BufIoreq) == 8);
static_assert(offsetof(BufIoreq, data) == 4);
inline constexpr uint32_t ioreq_buffer_slot_num = 511;

/// Pointers run free; slot = pointer % 511.
struct BufferedIopage {
    uint32_t read_pointer;
    uint32_t write_pointer;
    BufIoreq buf_ioreq[ioreq_buffer_slot_num];
};
static_assert(sizeof(BufferedIopage) == 4096);
static_assert(offsetof(BufferedIopage, buf_ioreq) == 8);

/// Ports of the emulated ACPI blocks (HvmParamIndex::AcpiIoportsLocation 0 or 1).
inline constexpr uint16_t acpi_pm1a_evt_blk_v0 = 0x1f40;
inline constexpr uint16_t acpi_pm1a_cnt_blk_v0 = acpi_pm1a_evt_blk_v0 + 4;
inline constexpr uint16_t acpi_pm_tmr_blk_v0 = acpi_pm1a_evt_blk_v0 + 8;
inline constexpr uint16_t acpi_gpe0_blk_v0 = acpi_pm_tmr_blk_v0 + 0x20;
inline constexpr uint16_t acpi_gpe0_blk_len_v0 = 8;
inline constexpr uint16_t acpi_pm1a_evt_blk_v1 = 0xb000;
inline constexpr uint16_t acpi_pm1a_cnt_blk_v1 = acpi_pm1a_evt_blk_v1 + 4;
inline constexpr uint16_t acpi_pm_tmr_blk_v1 = acpi_pm1a_evt_blk_v1 + 8;
inline constexpr uint16_t acpi_gpe0_blk_v1 = 0xafe0;
inline constexpr uint16_t acpi_gpe0_blk_len_v1 = 4;

} // namespace abi
