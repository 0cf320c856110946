// SPDX-License-Identifier: Apache-2.0
// The hypercalls that only paravirtual guests have, and the table of all that they have.
#pragma once

#include "hypercall/handlers.hpp"
#include "hypercall/table.hpp"

namespace px::hypercall {

// memory
Outcome mmu_update(Call&);
Outcome mmuext_op(Call&);
Outcome update_va_mapping(Call&);
Outcome update_va_mapping_otherdomain(Call&);
Outcome set_gdt(Call&);
Outcome update_descriptor(Call&);
// traps and registers
Outcome set_trap_table(Call&);
Outcome stack_switch(Call&);
Outcome set_callbacks(Call&);
Outcome fpu_taskswitch(Call&);
Outcome set_debugreg(Call&);
Outcome get_debugreg(Call&);
Outcome iret(Call&);
Outcome set_segment_base(Call&);
Outcome nmi_op(Call&);
Outcome callback_op(Call&);
// interrupts, as their first kernels asked for them (x86/hypercall/physdev.cpp)
Outcome physdev_op_compat(Call&);

inline constexpr Row pv_rows[] = {
    {abi::Hypercall::SetTrapTable, "set_trap_table", set_trap_table, Restarts::Maybe},
    {abi::Hypercall::MmuUpdate, "mmu_update", mmu_update, Restarts::Maybe},
    {abi::Hypercall::SetGdt, "set_gdt", set_gdt},
    {abi::Hypercall::StackSwitch, "stack_switch", stack_switch},
    {abi::Hypercall::SetCallbacks, "set_callbacks", set_callbacks},
    {abi::Hypercall::FpuTaskswitch, "fpu_taskswitch", fpu_taskswitch},
    {abi::Hypercall::SchedOpCompat, "sched_op_compat", sched_op_compat},
    {abi::Hypercall::SetDebugreg, "set_debugreg", set_debugreg},
    {abi::Hypercall::GetDebugreg, "get_debugreg", get_debugreg},
    {abi::Hypercall::UpdateDescriptor, "update_descriptor", update_descriptor},
    {abi::Hypercall::UpdateVaMapping, "update_va_mapping", update_va_mapping},
    {abi::Hypercall::EventChannelOpCompat, "event_channel_op_compat", event_channel_op_compat},
    {abi::Hypercall::PhysdevOpCompat, "physdev_op_compat", physdev_op_compat},
    {abi::Hypercall::UpdateVaMappingOtherdomain, "update_va_mapping_otherdomain", update_va_mapping_otherdomain},
    {abi::Hypercall::Iret, "iret", iret},
    {abi::Hypercall::SetSegmentBase, "set_segment_base", set_segment_base},
    {abi::Hypercall::MmuextOp, "mmuext_op", mmuext_op, Restarts::Maybe},
    {abi::Hypercall::NmiOp, "nmi_op", nmi_op},
    {abi::Hypercall::CallbackOp, "callback_op", callback_op},
};

} // namespace px::hypercall

namespace px::pv {

/// All that a paravirtual guest may call (x86/hypercall/tables.cpp).
extern const hypercall::Table hypercall_table;

} // namespace px::pv
