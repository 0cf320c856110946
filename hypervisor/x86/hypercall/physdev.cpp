// SPDX-License-Identifier: Apache-2.0
// physdev_op (33): interrupts and I/O privilege of the caller, I/O APICs for dom0 (public/physdev.h).
#include "x86/hypercall/physdev.hpp"

#include "domain/event/channels.hpp"
#include "domain/event/table.hpp"
#include "domain/pirqs.hpp"
#include "x86/hypercall/rows.hpp"
#include "x86/machine/interrupt/ioapic.hpp"
#include "x86/machine/interrupt/pirq.hpp"
#include "x86/pv/hypercall_rows.hpp"
#include "x86/pv/pv_vcpu.hpp"

namespace px::x86::physdev {
namespace {

Result<> end(abi::PhysdevEoi& op) {
    Domain& domain = current_domain();
    const Pirq pirq(op.irq);
    if (op.irq >= pirq::count) return fail(Error::Invalid);
    if (pirq::eoi_unmasks(domain))
        if (const Port port = domain.events->pirq_port(pirq); port.raw() != 0) (void)event::unmask(domain, port);
    machine::eoi_pirq(domain, pirq);
    return {};
}

Result<> query_status(abi::PhysdevIrqStatusQuery& op) {
    if (op.irq >= pirq::count) return fail(Error::Invalid);
    // A guest without the page of bits asks once and remembers: it has to end each, so that masking stays possible.
    op.flags = abi::irqstat_needs_eoi;
    if (pirq::is_shared(current_domain(), Pirq(op.irq))) op.flags |= abi::irqstat_shared;
    return {};
}

Result<> set_iopl(abi::PhysdevSetIopl& op) {
    if (op.iopl > 3) return fail(Error::Invalid);
    pv::PvVcpu* const vcpu = pv::as_pv(current());
    if (!vcpu) return fail(Error::NoSys);
    vcpu->iopl = op.iopl;
    return {};
}

Result<> set_iobitmap(abi::PhysdevSetIobitmap& op) {
    if (op.nr_ports > 65536) return fail(Error::Invalid);
    pv::PvVcpu* const vcpu = pv::as_pv(current());
    if (!vcpu) return fail(Error::NoSys);
    vcpu->io_bitmap = GuestVaddr(op.bitmap.address);
    vcpu->io_bitmap_ports = op.nr_ports;
    return {};
}

Result<> read_apic(abi::PhysdevApic& op) {
    op.value = TRY(ioapic::read_register(op.apic_physbase, op.reg));
    return {};
}

Result<> write_apic(abi::PhysdevApic& op) {
    TRY(ioapic::write_register(op.apic_physbase, op.reg, op.value));
    return {};
}

Result<> allocate_vector(abi::PhysdevIrq& op) {
    if (op.irq >= irq::gsi_count()) return fail(Error::Invalid);
    op.vector = op.irq; // vectors are the hypervisor's own matter
    return {};
}

Result<> set_up_gsi(abi::PhysdevSetupGsi& op) {
    if (op.gsi < 0) return fail(Error::Invalid);
    return ioapic::set_mode(static_cast<u32>(op.gsi), op.triggering != 0, op.polarity != 0);
}

Result<> get_free_pirq(abi::PhysdevGetFreePirq& op) {
    const auto type = static_cast<abi::MapPirqType>(op.type);
    op.pirq = TRY(pirq::find_free(current_domain(), type != abi::MapPirqType::Gsi)).raw();
    return {};
}

template <bool Unmasks> Result<> share_eoi_page(abi::PhysdevPirqEoiGmfn& op) {
    return pirq::set_eoi_page(current_domain(), Gfn(op.gmfn), Unmasks);
}

/// Operations that only the owner of the hardware may do.
Result<> hardware_operation(abi::PhysdevOp command, u64 address) {
    using Op = abi::PhysdevOp;
    if (!current_domain().is_hardware_domain) return fail(Error::Perm);
    switch (command) {
    case Op::ApicRead: return with_result(address, &read_apic);
    case Op::ApicWrite: return without_result(address, &write_apic);
    case Op::AllocIrqVector: return with_result(address, &allocate_vector);
    case Op::SetupGsi: return without_result(address, &set_up_gsi);
    default: return pci_operation(command, address);
    }
}

Result<> perform(abi::PhysdevOp command, u64 address) {
    using Op = abi::PhysdevOp;
    switch (command) {
    case Op::Eoi: return without_result(address, &end);
    case Op::IrqUnmaskNotify: return fail(Error::NoSys); // replaced by Eoi before this interface version
    case Op::IrqStatusQuery: return with_result(address, &query_status);
    case Op::SetIopl: return without_result(address, &set_iopl);
    case Op::SetIobitmap: return without_result(address, &set_iobitmap);
    case Op::MapPirq: return map_pirq(address);
    case Op::UnmapPirq: return unmap_pirq(address);
    case Op::GetFreePirq: return with_result(address, &get_free_pirq);
    case Op::PirqEoiGmfnV1: return without_result(address, &share_eoi_page<true>);
    case Op::PirqEoiGmfnV2: return without_result(address, &share_eoi_page<false>);
    default: return hardware_operation(command, address);
    }
}

} // namespace
} // namespace px::x86::physdev

namespace px::hypercall {

/// The form before 2006: one structure, which begins with the command, then its operands at 8 bytes' alignment.
Outcome physdev_op_compat(Call& call) {
    constexpr u64 operands = sizeof(u64);
    const auto command = GuestPointer<u32>(call.args[0]).read();
    if (!command) return Outcome::error(command.error());
    using Op = abi::PhysdevOp;
    switch (const auto op = static_cast<Op>(*command)) {
    case Op::IrqStatusQuery:
    case Op::SetIopl:
    case Op::SetIobitmap:
    case Op::ApicRead:
    case Op::ApicWrite:
    case Op::AllocIrqVector: return Outcome::of(x86::physdev::perform(op, call.args[0] + operands));
    default: return Outcome::error(Error::NoSys);
    }
}

Outcome physdev_op(Call& call) {
    return Outcome::of(x86::physdev::perform(static_cast<abi::PhysdevOp>(call.args[0]), call.args[1]));
}

} // namespace px::hypercall
