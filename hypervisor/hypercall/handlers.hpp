// SPDX-License-Identifier: Apache-2.0
// The handlers behind the table, one file each. x86/pv has those that only paravirtual guests have.
#pragma once

#include "hypercall/call.hpp"

namespace px::hypercall {

Outcome multicall(Call&);
Outcome xen_version(Call&);
Outcome memory_op(Call&);
Outcome sched_op(Call&);
Outcome sched_op_compat(Call&);
Outcome event_channel_op(Call&);
Outcome event_channel_op_compat(Call&);
Outcome grant_table_op(Call&);
Outcome vcpu_op(Call&);
Outcome set_timer_op(Call&);
Outcome console_io(Call&);
Outcome vm_assist(Call&);
Outcome hvm_op(Call&);
Outcome domctl(Call&);
Outcome sysctl(Call&);
Outcome xsm_op(Call&);
Outcome hypfs_op(Call&);
Outcome kexec_op(Call&);

// x86/machine
Outcome platform_op(Call&);
Outcome physdev_op(Call&);
Outcome physdev_op_compat(Call&);
Outcome mca(Call&);
Outcome xenpmu_op(Call&);

// x86/pv: memory
Outcome mmu_update(Call&);
Outcome mmuext_op(Call&);
Outcome update_va_mapping(Call&);
Outcome update_va_mapping_otherdomain(Call&);
Outcome set_gdt(Call&);
Outcome update_descriptor(Call&);
// x86/pv: traps and registers
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

} // namespace px::hypercall
