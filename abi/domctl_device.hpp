// SPDX-License-Identifier: Apache-2.0
// Domain control: permissions and passed-through devices (public/domctl.h).
#pragma once

#include "abi/types.hpp"

namespace abi {

/// Grants or withdraws a pirq of the caller.
struct DomctlIrqPermission {
    uint32_t pirq;
    uint8_t allow_access;
    uint8_t pad[3];
};
static_assert(sizeof(DomctlIrqPermission) == 8);
static_assert(offsetof(DomctlIrqPermission, pad) == 5);

/// Grants or withdraws machine frames of devices.
struct DomctlIomemPermission {
    uint64_t first_mfn;
    uint64_t nr_mfns;
    uint8_t allow_access;
};
static_assert(sizeof(DomctlIomemPermission) == 24);
static_assert(offsetof(DomctlIomemPermission, allow_access) == 16);

/// Grants or withdraws I/O ports.
struct DomctlIoportPermission {
    uint32_t first_port;
    uint32_t nr_ports;
    uint8_t allow_access;
};
static_assert(sizeof(DomctlIoportPermission) == 12);
static_assert(offsetof(DomctlIoportPermission, allow_access) == 8);

inline constexpr uint32_t domctl_dev_pci = 0;
inline constexpr uint32_t domctl_dev_dt = 1;
inline constexpr uint32_t domctl_dev_rdm_relaxed = 1;

/// Device to give, take or test; pci.machine_sbdf is segment << 16 | bus << 8 | devfn.
struct DomctlAssignDevice {
    uint32_t dev;
    uint32_t flags;
    union {
        struct {
            uint32_t machine_sbdf;
        } pci;
        struct {
            uint32_t size;
            GuestHandle<char> path;
        } dt;
    } u;
};
static_assert(sizeof(DomctlAssignDevice) == 24);
static_assert(offsetof(DomctlAssignDevice, u) == 8);

/// Devices that share an IOMMU group with one; num_sdevs is the answer's length.
struct DomctlGetDeviceGroup {
    uint32_t machine_sbdf;
    uint32_t max_sdevs;
    uint32_t num_sdevs;
    GuestHandle<uint32_t> sdev_array;
};
static_assert(sizeof(DomctlGetDeviceGroup) == 24);
static_assert(offsetof(DomctlGetDeviceGroup, sdev_array) == 16);

/// How a passed-through interrupt reaches the guest.
enum class PtIrqType : uint32_t { Pci = 0, Isa = 1, Msi = 2, MsiTranslate = 3, Spi = 4 };

/// DomctlBindPtIrq::u.msi.gflags.
inline constexpr uint32_t vmsi_dest_id_mask = 0x0000ff;
inline constexpr uint32_t vmsi_rh_mask = 0x000100;
inline constexpr uint32_t vmsi_dm_mask = 0x000200;
inline constexpr uint32_t vmsi_deliv_mask = 0x007000;
inline constexpr uint32_t vmsi_trig_mask = 0x008000;
inline constexpr uint32_t vmsi_unmasked = 0x010000;

/// Joins a machine interrupt to the guest's; gtable is a guest physical address.
struct DomctlBindPtIrq {
    uint32_t machine_irq;
    uint32_t irq_type;
    union {
        struct {
            uint8_t isa_irq;
        } isa;
        struct {
            uint8_t bus;
            uint8_t device;
            uint8_t intx;
        } pci;
        struct {
            uint8_t gvec;
            uint32_t gflags;
            uint64_t gtable;
        } msi;
        struct {
            uint16_t spi;
        } spi;
    } u;
};
static_assert(sizeof(DomctlBindPtIrq) == 24);
static_assert(offsetof(DomctlBindPtIrq, u) == 8);

inline constexpr uint32_t dpci_add_mapping = 1;
inline constexpr uint32_t dpci_remove_mapping = 0;

/// Maps device frames (machine) at guest frames.
struct DomctlMemoryMapping {
    uint64_t first_gfn;
    uint64_t first_mfn;
    uint64_t nr_mfns;
    uint32_t add_mapping;
    uint32_t padding;
};
static_assert(sizeof(DomctlMemoryMapping) == 32);
static_assert(offsetof(DomctlMemoryMapping, padding) == 28);

/// Maps device ports at guest ports.
struct DomctlIoportMapping {
    uint32_t first_gport;
    uint32_t first_mport;
    uint32_t nr_ports;
    uint32_t add_mapping;
};
static_assert(sizeof(DomctlIoportMapping) == 16);
static_assert(offsetof(DomctlIoportMapping, add_mapping) == 12);

} // namespace abi
