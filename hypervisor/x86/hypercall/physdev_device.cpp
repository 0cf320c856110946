// SPDX-License-Identifier: Apache-2.0
// physdev_op: giving interrupts to domains, and the PCI devices that dom0 announces.
#include "base/log.hpp"
#include "domain/domain_list.hpp"
#include "domain/rangeset.hpp"
#include "x86/hypercall/physdev.hpp"
#include "x86/machine/interrupt/irq.hpp"
#include "x86/machine/interrupt/pirq.hpp"
#include "x86/machine/pci/msi.hpp"

namespace px::x86::physdev {
namespace {

/// The hardware domain may use every interrupt line but the timer's; others those that were permitted to them.
bool may_use_gsi(Domain& domain, u32 gsi) {
    if (domain.is_hardware_domain) return gsi != 0;
    Guard guard(domain.lock);
    return domain.irqs && domain.irqs->contains(gsi);
}

Result<Pirq> map_gsi(Domain& domain, const abi::PhysdevMapPirq& op) {
    if (op.index < 0) return fail(Error::Invalid);
    u32 gsi = static_cast<u32>(op.index);
    if (!current_domain().is_hardware_domain) { // its own number for it
        const Irq irq = pirq::find_irq(current_domain(), Pirq(gsi));
        if (!irq.is_valid()) return fail(Error::Invalid);
        gsi = irq.raw();
    }
    if (gsi >= irq::gsi_count()) return fail(Error::Invalid);
    if (!may_use_gsi(current_domain(), gsi)) return fail(Error::Perm);
    return pirq::map_gsi(domain, gsi, op.pirq);
}

Result<Pirq> map_message(Domain& domain, const abi::PhysdevMapPirq& op, abi::MapPirqType type) {
    if (!current_domain().is_hardware_domain) return fail(Error::Perm);
    pci::Address device;
    device.bus = static_cast<u8>(op.bus);
    device.devfn = static_cast<u8>(op.devfn);
    if (type != abi::MapPirqType::Msi) device.segment = static_cast<u16>(op.bus >> 16);
    if (type == abi::MapPirqType::MultiMsi) {
        if (op.entry_nr <= 0 || op.entry_nr > 32) return fail(Error::Domain);
        if (op.entry_nr != 1) return fail(Error::NotSupported); // consecutive vectors need interrupt remapping
        return pirq::map_msi(domain, device, false, 0, 0, op.pirq);
    }
    // A table address says MSI-X.
    if (op.entry_nr < 0) return fail(Error::Invalid);
    return pirq::map_msi(domain, device, op.table_base != 0, static_cast<u32>(op.entry_nr), op.table_base, op.pirq);
}

Result<Pirq> map(Domain& domain, const abi::PhysdevMapPirq& op) {
    const auto type = static_cast<abi::MapPirqType>(op.type);
    switch (type) {
    case abi::MapPirqType::Gsi: return map_gsi(domain, op);
    case abi::MapPirqType::Msi:
    case abi::MapPirqType::MsiSeg:
    case abi::MapPirqType::MultiMsi: return map_message(domain, op, type);
    default: return fail(Error::Invalid);
    }
}

/// The caller itself, or one that it controls.
Result<DomainRef> target(u16 domid) {
    if (domid == abi::domid_self) return find_domain_or_self(domid);
    if (!current_domain().is_privileged && domid != current_domain().id.raw()) return fail(Error::Perm);
    return find_domain_or_self(domid);
}

// -- PCI devices --

Result<> add(pci::Address address) { return pci::add_device(address); }

Result<> manage_add(abi::PhysdevManagePci& op) { return add({0, op.bus, op.devfn}); }
Result<> manage_remove(abi::PhysdevManagePci& op) { return pci::remove_device({0, op.bus, op.devfn}); }
Result<> manage_add_ext(abi::PhysdevManagePciExt& op) {
    if (op.is_extfn > 1 || op.is_virtfn > 1) return fail(Error::Invalid);
    return add({0, op.bus, op.devfn});
}
Result<> device_add(abi::PhysdevPciDeviceAdd& op) { return add({op.seg, op.bus, op.devfn}); }
Result<> device_remove(abi::PhysdevPciDevice& op) { return pci::remove_device({op.seg, op.bus, op.devfn}); }
Result<> restore(abi::PhysdevRestoreMsi& op) { return msi::restore({0, op.bus, op.devfn}); }
Result<> restore_ext(abi::PhysdevPciDevice& op) { return msi::restore({op.seg, op.bus, op.devfn}); }
Result<> check_msix(abi::PhysdevPciDevice& op) { return msi::check_unused({op.seg, op.bus, op.devfn}); }

Result<> mmcfg_reserved(abi::PhysdevPciMmcfgReserved& op) {
    if (op.start_bus > op.end_bus) return fail(Error::Invalid);
    if (!pci::is_config_window(op.address, op.segment, op.start_bus, op.end_bus)) return fail(Error::NoDevice);
    return {};
}

/// There is no EHCI debug port console: nothing has to be done around a reset of the controller.
Result<> debug_port(abi::PhysdevDbgpOp& op) {
    return op.op == abi::dbgp_reset_prepare || op.op == abi::dbgp_reset_done ? Result<>{} : fail(Error::NoSys);
}

} // namespace

Result<> map_pirq(u64 address) {
    GuestPointer<abi::PhysdevMapPirq> pointer(address);
    auto op = TRY(pointer.read());
    DomainRef domain = TRY(target(op.domid));
    if (domain->is_dying()) return fail(Error::Invalid);
    const Pirq pirq = TRY(map(*domain, op));
    op.pirq = static_cast<s32>(pirq.raw());
    auto written = pointer.write(op);
    if (!written) (void)pirq::unmap(*domain, pirq);
    return written;
}

Result<> unmap_pirq(u64 address) {
    const auto op = TRY(GuestPointer<abi::PhysdevUnmapPirq>(address).read());
    DomainRef domain = TRY(target(op.domid));
    if (op.pirq < 0) return fail(Error::Invalid);
    return pirq::unmap(*domain, Pirq(static_cast<u32>(op.pirq)));
}

Result<> pci_operation(abi::PhysdevOp command, u64 address) {
    using Op = abi::PhysdevOp;
    switch (command) {
    case Op::ManagePciAdd: return without_result(address, &manage_add);
    case Op::ManagePciRemove: return without_result(address, &manage_remove);
    case Op::ManagePciAddExt: return without_result(address, &manage_add_ext);
    case Op::PciDeviceAdd: return without_result(address, &device_add);
    case Op::PciDeviceRemove: return without_result(address, &device_remove);
    case Op::RestoreMsi: return without_result(address, &restore);
    case Op::RestoreMsiExt: return without_result(address, &restore_ext);
    case Op::PrepareMsix:
    case Op::ReleaseMsix: return without_result(address, &check_msix);
    case Op::PciMmcfgReserved: return without_result(address, &mmcfg_reserved);
    case Op::DbgpOp: return without_result(address, &debug_port);
    default: return fail(Error::NoSys);
    }
}

} // namespace px::x86::physdev
