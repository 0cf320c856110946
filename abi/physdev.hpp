// SPDX-License-Identifier: Apache-2.0
// Physical device operations: interrupts, PCI devices, I/O privilege (public/physdev.h).
#pragma once

#include "abi/types.hpp"

namespace abi {

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

struct PhysdevEoi {
    uint32_t irq;
};

/// Page of one "needs EOI" bit per pirq, shared with the guest.
struct PhysdevPirqEoiGmfn {
    xen_pfn_t gmfn;
};

inline constexpr uint32_t irqstat_needs_eoi = 1u << 0;
inline constexpr uint32_t irqstat_shared = 1u << 1;

struct PhysdevIrqStatusQuery {
    uint32_t irq;
    uint32_t flags;  ///< out
};

struct PhysdevSetIopl {
    uint32_t iopl;
};

struct PhysdevSetIobitmap {
    GuestHandle<uint8_t> bitmap;
    uint32_t nr_ports;
};

struct PhysdevApic {
    uint64_t apic_physbase;
    uint32_t reg;
    uint32_t value;
};

struct PhysdevIrq {
    uint32_t irq;
    uint32_t vector;
};

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

struct PhysdevUnmapPirq {
    domid_t domid;
    int32_t pirq;
};

struct PhysdevManagePci {
    uint8_t bus;
    uint8_t devfn;
};

struct PhysdevRestoreMsi {
    uint8_t bus;
    uint8_t devfn;
};

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

/// triggering 0 edge, 1 level; polarity 0 high, 1 low.
struct PhysdevSetupGsi {
    int32_t gsi;
    uint8_t triggering;
    uint8_t polarity;
};

struct PhysdevGetFreePirq {
    int32_t type;
    uint32_t pirq;
};

inline constexpr uint32_t pci_mmcfg_reserved = 1;

struct PhysdevPciMmcfgReserved {
    uint64_t address;
    uint16_t segment;
    uint8_t start_bus;
    uint8_t end_bus;
    uint32_t flags;
};

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
inline constexpr size_t pci_device_add_pxm_offset = 12;

struct PhysdevPciDevice {
    uint16_t seg;
    uint8_t bus;
    uint8_t devfn;
};

inline constexpr uint8_t dbgp_reset_prepare = 1;
inline constexpr uint8_t dbgp_reset_done = 2;
inline constexpr uint8_t dbgp_bus_unknown = 0;
inline constexpr uint8_t dbgp_bus_pci = 1;

struct PhysdevDbgpOp {
    uint8_t op;
    uint8_t bus;
    union {
        PhysdevPciDevice pci;
    } u;
};

}  // namespace abi
