// SPDX-License-Identifier: Apache-2.0
// Physical device operations: interrupts, PCI devices, I/O privilege (public/physdev.h).
#pragma once

#include "abi/types.hpp"

namespace abi {

/// First argument of hypercall physdev_op.
enum class PhysdevOp : uint32_t {
    IrqUnmaskNotify = 4,
    IrqStatusQuery = 5,
    SetIopl = 6,
    SetIobitmap = 7,
    ApicRead = 8,
    ApicWrite = 9,
    AllocIrqVector = 10,
    FreeIrqVector = 11,
    Eoi = 12,
    MapPirq = 13,
    UnmapPirq = 14,
    ManagePciAdd = 15,
    ManagePciRemove = 16,
    PirqEoiGmfnV1 = 17,
    RestoreMsi = 19,
    ManagePciAddExt = 20,
    SetupGsi = 21,
    GetFreePirq = 23,
    PciMmcfgReserved = 24,
    PciDeviceAdd = 25,
    PciDeviceRemove = 26,
    RestoreMsiExt = 27,
    PirqEoiGmfnV2 = 28,
    DbgpOp = 29,
    PrepareMsix = 30,
    ReleaseMsix = 31,
};

/// Ends a physical interrupt.
struct PhysdevEoi {
    uint32_t irq;
};
static_assert(sizeof(PhysdevEoi) == 4);

/// Page of one "needs EOI" bit per pirq, shared with the guest.
struct PhysdevPirqEoiGmfn {
    xen_pfn_t gmfn;
};
static_assert(sizeof(PhysdevPirqEoiGmfn) == 8);

inline constexpr uint32_t irqstat_needs_eoi = 1u << 0;
inline constexpr uint32_t irqstat_shared = 1u << 1;

/// Whether an interrupt needs an end (irqstat_*).
struct PhysdevIrqStatusQuery {
    uint32_t irq;
    uint32_t flags; ///< out
};
static_assert(sizeof(PhysdevIrqStatusQuery) == 8);
static_assert(offsetof(PhysdevIrqStatusQuery, flags) == 4);

/// I/O privilege level of the calling PV vCPU.
struct PhysdevSetIopl {
    uint32_t iopl;
};
static_assert(sizeof(PhysdevSetIopl) == 4);

/// I/O permission map of the calling PV vCPU; a set bit forbids.
struct PhysdevSetIobitmap {
    GuestHandle<uint8_t> bitmap;
    uint32_t nr_ports;
};
static_assert(sizeof(PhysdevSetIobitmap) == 16);
static_assert(offsetof(PhysdevSetIobitmap, nr_ports) == 8);

/// Register of the I/O APIC at a machine address.
struct PhysdevApic {
    uint64_t apic_physbase;
    uint32_t reg;
    uint32_t value;
};
static_assert(sizeof(PhysdevApic) == 16);
static_assert(offsetof(PhysdevApic, value) == 12);

/// Vector of an interrupt line.
struct PhysdevIrq {
    uint32_t irq;
    uint32_t vector;
};
static_assert(sizeof(PhysdevIrq) == 8);
static_assert(offsetof(PhysdevIrq, vector) == 4);

/// PhysdevMapPirq::type.
enum class MapPirqType : int32_t { Msi = 0, Gsi = 1, Unknown = 2, MsiSeg = 3, MultiMsi = 4 };

/// index and pirq may be -1 ("choose"); bus holds the segment in its upper half for MsiSeg.
struct PhysdevMapPirq {
    domid_t domid;
    int32_t type;
    int32_t index;
    int32_t pirq;
    int32_t bus;
    int32_t devfn;
    int32_t entry_nr;
    uint64_t table_base;
};
static_assert(sizeof(PhysdevMapPirq) == 40);
static_assert(offsetof(PhysdevMapPirq, type) == 4);
static_assert(offsetof(PhysdevMapPirq, table_base) == 32);

/// Releases a pirq.
struct PhysdevUnmapPirq {
    domid_t domid;
    int32_t pirq;
};
static_assert(sizeof(PhysdevUnmapPirq) == 8);
static_assert(offsetof(PhysdevUnmapPirq, pirq) == 4);

/// Announces a PCI device of segment 0.
struct PhysdevManagePci {
    uint8_t bus;
    uint8_t devfn;
};
static_assert(sizeof(PhysdevManagePci) == 2);
static_assert(offsetof(PhysdevManagePci, devfn) == 1);

/// Rewrites MSI registers after sleep.
struct PhysdevRestoreMsi {
    uint8_t bus;
    uint8_t devfn;
};
static_assert(sizeof(PhysdevRestoreMsi) == 2);
static_assert(offsetof(PhysdevRestoreMsi, devfn) == 1);

/// Announces a PCI device with its kind.
struct PhysdevManagePciExt {
    uint8_t bus;
    uint8_t devfn;
    uint32_t is_extfn;
    uint32_t is_virtfn;
    struct {
        uint8_t bus;
        uint8_t devfn;
    } physfn;
};
static_assert(sizeof(PhysdevManagePciExt) == 16);
static_assert(offsetof(PhysdevManagePciExt, is_extfn) == 4);
static_assert(offsetof(PhysdevManagePciExt, physfn) == 12);

/// Argument of the old physdev_op_compat call.
struct PhysdevOpCompat {
    uint32_t cmd;
    union {
        PhysdevIrqStatusQuery irq_status_query;
        PhysdevSetIopl set_iopl;
        PhysdevSetIobitmap set_iobitmap;
        PhysdevApic apic_op;
        PhysdevIrq irq_op;
    } u;
};
static_assert(sizeof(PhysdevOpCompat) == 24);
static_assert(offsetof(PhysdevOpCompat, u) == 8);

/// triggering 0 edge, 1 level; polarity 0 high, 1 low.
struct PhysdevSetupGsi {
    int32_t gsi;
    uint8_t triggering;
    uint8_t polarity;
};
static_assert(sizeof(PhysdevSetupGsi) == 8);
static_assert(offsetof(PhysdevSetupGsi, polarity) == 5);

/// Finds an unused pirq.
struct PhysdevGetFreePirq {
    int32_t type;
    uint32_t pirq;
};
static_assert(sizeof(PhysdevGetFreePirq) == 8);
static_assert(offsetof(PhysdevGetFreePirq, pirq) == 4);

inline constexpr uint32_t pci_mmcfg_reserved = 1;

/// Configuration-space window (machine address) that firmware reserves.
struct PhysdevPciMmcfgReserved {
    uint64_t address;
    uint16_t segment;
    uint8_t start_bus;
    uint8_t end_bus;
    uint32_t flags;
};
static_assert(sizeof(PhysdevPciMmcfgReserved) == 16);
static_assert(offsetof(PhysdevPciMmcfgReserved, flags) == 12);

inline constexpr uint32_t pci_dev_extfn = 1;
inline constexpr uint32_t pci_dev_virtfn = 2;
inline constexpr uint32_t pci_dev_pxm = 4;

/// With pci_dev_pxm a 32-bit proximity domain follows the structure.
struct PhysdevPciDeviceAdd {
    uint16_t seg;
    uint8_t bus;
    uint8_t devfn;
    uint32_t flags;
    struct {
        uint8_t bus;
        uint8_t devfn;
    } physfn;
};
static_assert(sizeof(PhysdevPciDeviceAdd) == 12);
static_assert(offsetof(PhysdevPciDeviceAdd, physfn) == 8);
inline constexpr size_t pci_device_add_pxm_offset = 12;

/// Address of a PCI device.
struct PhysdevPciDevice {
    uint16_t seg;
    uint8_t bus;
    uint8_t devfn;
};
static_assert(sizeof(PhysdevPciDevice) == 4);
static_assert(offsetof(PhysdevPciDevice, devfn) == 3);

inline constexpr uint8_t dbgp_reset_prepare = 1;
inline constexpr uint8_t dbgp_reset_done = 2;
inline constexpr uint8_t dbgp_bus_unknown = 0;
inline constexpr uint8_t dbgp_bus_pci = 1;

/// EHCI debug port around a controller reset.
struct PhysdevDbgpOp {
    uint8_t op;
    uint8_t bus;
    union {
        PhysdevPciDevice pci;
    } u;
};
static_assert(sizeof(PhysdevDbgpOp) == 6);
static_assert(offsetof(PhysdevDbgpOp, u) == 2);

} // namespace abi
