// SPDX-License-Identifier: Apache-2.0
// Memory operations: reservations, physmap, memory maps, resources (public/memory.h).
#pragma once

#include "abi/physdev.hpp"
#include "abi/types.hpp"

namespace abi {

/// Low 6 bits of the first argument; the bits above hold a continuation's start extent.
enum class MemoryOp : uint32_t {
    IncreaseReservation = 0,
    DecreaseReservation = 1,
    MaximumRamPage = 2,
    CurrentReservation = 3,
    MaximumReservation = 4,
    MachphysMfnList = 5,
    PopulatePhysmap = 6,
    AddToPhysmap = 7,
    MemoryMap = 9,
    MachineMemoryMap = 10,
    Exchange = 11,
    MachphysMapping = 12,
    SetMemoryMap = 13,
    MaximumGpfn = 14,
    RemoveFromPhysmap = 15,
    SetPodTarget = 16,
    GetPodTarget = 17,
    GetSharingFreedPages = 18,
    GetSharingSharedPages = 19,
    PagingOp = 20,
    AccessOp = 21,
    SharingOp = 22,
    AddToPhysmapBatch = 23,
    ClaimPages = 24,
    MachphysCompatMfnList = 25,
    GetVnumainfo = 26,
    ReservedDeviceMemoryMap = 27,
    AcquireResource = 28,
};
inline constexpr uint32_t memory_op_extent_shift = 6;
inline constexpr uint32_t memory_op_mask = (1u << memory_op_extent_shift) - 1;

/// Flags of MemoryReservation::mem_flags.
inline constexpr uint32_t memf_address_bits_mask = 0xff;
inline constexpr uint32_t memf_node_shift = 8;
inline constexpr uint32_t memf_populate_on_demand = 1u << 16;
inline constexpr uint32_t memf_exact_node_request = 1u << 17;
inline constexpr uint32_t memf_vnode = 1u << 18;
/// Node field is stored plus one, so that 0 means "any node".
constexpr uint32_t memf_node(uint32_t node) { return (node + 1) << memf_node_shift; }
constexpr uint32_t memf_get_node(uint32_t flags) { return ((flags >> memf_node_shift) - 1) & 0xff; }

/// extent_start: array of guest frames or machine frames, as the operation says.
struct MemoryReservation {
    GuestHandle<xen_pfn_t> extent_start;
    xen_ulong_t nr_extents;
    uint32_t extent_order;
    uint32_t mem_flags;
    domid_t domid;
};
static_assert(sizeof(MemoryReservation) == 32);
static_assert(offsetof(MemoryReservation, domid) == 24);

/// Gives frames for others of another order or address width.
struct MemoryExchange {
    MemoryReservation in;
    MemoryReservation out;
    xen_ulong_t nr_exchanged; ///< in: 0; out: extents done
};
static_assert(sizeof(MemoryExchange) == 72);
static_assert(offsetof(MemoryExchange, nr_exchanged) == 64);

/// Argument of the operations that need only a domain.
struct MemoryDomain {
    domid_t domid;
};
static_assert(sizeof(MemoryDomain) == 2);

/// Machine frames of the M2P, one for each 2 MiB.
struct MachphysMfnList {
    uint32_t max_extents;
    GuestHandle<xen_pfn_t> extent_start;
    uint32_t nr_extents; ///< out
};
static_assert(sizeof(MachphysMfnList) == 24);
static_assert(offsetof(MachphysMfnList, extent_start) == 8);
static_assert(offsetof(MachphysMfnList, nr_extents) == 16);

/// Where the M2P lies in the caller and its greatest frame.
struct MachphysMapping {
    xen_ulong_t v_start, v_end;
    xen_ulong_t max_mfn;
};
static_assert(sizeof(MachphysMapping) == 24);
static_assert(offsetof(MachphysMapping, max_mfn) == 16);

/// AddToPhysmap::space.
enum class MapSpace : uint32_t {
    SharedInfo = 0,
    GrantTable = 1,
    Gmfn = 2,
    GmfnRange = 3,
    GmfnForeign = 4,
    DevMmio = 5,
};
/// Or-ed into idx for MapSpace::GrantTable: a status frame of a version 2 table.
inline constexpr uint64_t mapidx_grant_table_status = 0x80000000;

/// Places one page of a space at guest frame gpfn.
struct AddToPhysmap {
    domid_t domid;
    uint16_t size;  ///< GmfnRange: number of pages
    uint32_t space; ///< MapSpace
    xen_ulong_t idx;
    xen_pfn_t gpfn;
};
static_assert(sizeof(AddToPhysmap) == 24);
static_assert(offsetof(AddToPhysmap, gpfn) == 16);

/// Places many; errs gets 0 or a negative errno for each.
struct AddToPhysmapBatch {
    domid_t domid;
    uint16_t space;
    uint16_t size;
    union {
        domid_t foreign_domid;
        uint16_t res0;
    } u;
    GuestHandle<xen_ulong_t> idxs;
    GuestHandle<xen_pfn_t> gpfns;
    GuestHandle<int32_t> errs;
};
static_assert(sizeof(AddToPhysmapBatch) == 32);
static_assert(offsetof(AddToPhysmapBatch, u) == 6);
static_assert(offsetof(AddToPhysmapBatch, errs) == 24);

/// Empties guest frame gpfn.
struct RemoveFromPhysmap {
    domid_t domid;
    xen_pfn_t gpfn;
};
static_assert(sizeof(RemoveFromPhysmap) == 16);
static_assert(offsetof(RemoveFromPhysmap, gpfn) == 8);

/// E820 types as the BIOS defines them (ACPI 6, section 15).
enum class E820Type : uint32_t {
    Ram = 1,
    Reserved = 2,
    Acpi = 3,
    Nvs = 4,
    Unusable = 5,
    Disabled = 6,
    Pmem = 7,
};

/// Packed 20-byte entry of the memory-map buffers.
struct [[gnu::packed]] E820Entry {
    uint64_t addr;
    uint64_t size;
    uint32_t type;
};
static_assert(sizeof(E820Entry) == 20);
static_assert(offsetof(E820Entry, type) == 16);
inline constexpr uint32_t e820_max_entries = 128;

/// Memory map of the caller or of the machine.
struct MemoryMap {
    uint32_t nr_entries; ///< in: capacity; out: entries stored
    GuestHandle<E820Entry> buffer;
};
static_assert(sizeof(MemoryMap) == 16);
static_assert(offsetof(MemoryMap, buffer) == 8);

/// Sets the memory map that domid will read.
struct ForeignMemoryMap {
    domid_t domid;
    MemoryMap map;
};
static_assert(sizeof(ForeignMemoryMap) == 24);
static_assert(offsetof(ForeignMemoryMap, map) == 8);

/// Populate-on-demand state of an HVM domain, in pages.
struct PodTarget {
    uint64_t target_pages;
    uint64_t tot_pages;
    uint64_t pod_cache_pages;
    uint64_t pod_entries;
    domid_t domid;
};
static_assert(sizeof(PodTarget) == 40);
static_assert(offsetof(PodTarget, domid) == 32);

/// Moves a guest frame in or out of the pager's hands.
struct MemPagingOp {
    uint8_t op;
    domid_t domain;
    GuestHandle<const uint8_t> buffer;
    uint64_t gfn;
};
static_assert(sizeof(MemPagingOp) == 24);
static_assert(offsetof(MemPagingOp, domain) == 2);
static_assert(offsetof(MemPagingOp, buffer) == 8);
static_assert(offsetof(MemPagingOp, gfn) == 16);

/// MemAccessOp::op.
enum class MemoryAccessOp : uint8_t { SetAccess = 0, GetAccess = 1, SetAccessMulti = 4 };

/// Access rights of a guest page for introspection (xenmem_access_t).
enum class MemoryAccess : uint8_t {
    N = 0,
    R = 1,
    W = 2,
    Rw = 3,
    X = 4,
    Rx = 5,
    Wx = 6,
    Rwx = 7,
    Rx2rw = 8,
    N2rwx = 9,
    Default = 10,
};

/// Access rights of guest frames for introspection.
struct MemAccessOp {
    uint8_t op;
    uint8_t access;
    domid_t domid;
    uint32_t nr;
    uint64_t pfn;
    GuestHandle<const uint64_t> pfn_list;
    GuestHandle<const uint8_t> access_list;
};
static_assert(sizeof(MemAccessOp) == 32);
static_assert(offsetof(MemAccessOp, access_list) == 24);

/// Frames that a device's firmware reserves (RMRR).
struct ReservedDeviceMemory {
    xen_pfn_t start_pfn;
    xen_ulong_t nr_pages;
};
static_assert(sizeof(ReservedDeviceMemory) == 16);
static_assert(offsetof(ReservedDeviceMemory, nr_pages) == 8);

inline constexpr uint32_t rdm_all = 1;

/// List of such ranges, of all devices or of one.
struct ReservedDeviceMemoryMap {
    uint32_t flags;
    uint32_t nr_entries;
    GuestHandle<ReservedDeviceMemory> buffer;
    union {
        PhysdevPciDevice pci;
    } dev;
};
static_assert(sizeof(ReservedDeviceMemoryMap) == 24);
static_assert(offsetof(ReservedDeviceMemoryMap, dev) == 16);

/// MemAcquireResource::type.
enum class ResourceType : uint16_t { IoreqServer = 0, GrantTable = 1, VmtraceBuf = 2 };
inline constexpr uint32_t resource_grant_table_id_shared = 0;
inline constexpr uint32_t resource_grant_table_id_status = 1;
inline constexpr uint64_t resource_ioreq_server_frame_bufioreq = 0;
constexpr uint64_t resource_ioreq_server_frame_ioreq(uint64_t n) { return 1 + n; }

/// nr_frames 0 with a null frame_list asks for the size of the resource.
struct MemAcquireResource {
    domid_t domid;
    uint16_t type;
    uint32_t id;
    uint32_t nr_frames;
    uint32_t pad;
    uint64_t frame;
    GuestHandle<xen_pfn_t> frame_list;
};
static_assert(sizeof(MemAcquireResource) == 32);
static_assert(offsetof(MemAcquireResource, frame_list) == 24);

/// Guest physical range [start, end) of a virtual node.
struct Vmemrange {
    uint64_t start, end;
    uint32_t flags;
    uint32_t nid;
};
static_assert(sizeof(Vmemrange) == 24);
static_assert(offsetof(Vmemrange, nid) == 20);

/// Virtual NUMA topology of a domain; counts are capacity (in) and length (out).
struct VnumaTopologyInfo {
    domid_t domid;
    uint16_t pad;
    uint32_t nr_vnodes;
    uint32_t nr_vcpus;
    uint32_t nr_vmemranges;
    GuestHandle<uint32_t> vdistance;
    GuestHandle<uint32_t> vcpu_to_vnode;
    GuestHandle<Vmemrange> vmemrange;
};
static_assert(sizeof(VnumaTopologyInfo) == 40);
static_assert(offsetof(VnumaTopologyInfo, vmemrange) == 32);

} // namespace abi
