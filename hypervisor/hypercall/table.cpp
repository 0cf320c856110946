// SPDX-License-Identifier: Apache-2.0
// The table of hypercalls: number, handler, name, and which guests may call.
#include "hypercall/handlers.hpp"

namespace px::hypercall {

namespace {

using Number = abi::Hypercall;
constexpr bool everybody = true, pv_only = false;

using Table = std::array<Entry, abi::hypercall_count>;

constexpr void row(Table& t, Number number, Handler handler, const char* name, bool for_all) {
    t[static_cast<u32>(number)] = {handler, name, true, for_all};
}

constexpr Table make_table() {
    Table t{};
    row(t, Number::SetTrapTable, set_trap_table, "set_trap_table", pv_only);
    row(t, Number::MmuUpdate, mmu_update, "mmu_update", pv_only);
    row(t, Number::SetGdt, set_gdt, "set_gdt", pv_only);
    row(t, Number::StackSwitch, stack_switch, "stack_switch", pv_only);
    row(t, Number::SetCallbacks, set_callbacks, "set_callbacks", pv_only);
    row(t, Number::FpuTaskswitch, fpu_taskswitch, "fpu_taskswitch", pv_only);
    row(t, Number::SchedOpCompat, sched_op_compat, "sched_op_compat", pv_only);
    row(t, Number::PlatformOp, platform_op, "platform_op", everybody);
    row(t, Number::SetDebugreg, set_debugreg, "set_debugreg", pv_only);
    row(t, Number::GetDebugreg, get_debugreg, "get_debugreg", pv_only);
    row(t, Number::UpdateDescriptor, update_descriptor, "update_descriptor", pv_only);
    row(t, Number::MemoryOp, memory_op, "memory_op", everybody);
    row(t, Number::Multicall, multicall, "multicall", everybody);
    row(t, Number::UpdateVaMapping, update_va_mapping, "update_va_mapping", pv_only);
    row(t, Number::SetTimerOp, set_timer_op, "set_timer_op", everybody);
    row(t, Number::XenVersion, xen_version, "xen_version", everybody);
    row(t, Number::ConsoleIo, console_io, "console_io", everybody);
    row(t, Number::GrantTableOp, grant_table_op, "grant_table_op", everybody);
    row(t, Number::VmAssist, vm_assist, "vm_assist", everybody);
    row(t, Number::UpdateVaMappingOtherdomain, update_va_mapping_otherdomain, "update_va_mapping_otherdomain", pv_only);
    row(t, Number::Iret, iret, "iret", pv_only);
    row(t, Number::VcpuOp, vcpu_op, "vcpu_op", everybody);
    row(t, Number::SetSegmentBase, set_segment_base, "set_segment_base", pv_only);
    row(t, Number::MmuextOp, mmuext_op, "mmuext_op", everybody);
    row(t, Number::XsmOp, xsm_op, "xsm_op", everybody);
    row(t, Number::NmiOp, nmi_op, "nmi_op", pv_only);
    row(t, Number::SchedOp, sched_op, "sched_op", everybody);
    row(t, Number::CallbackOp, callback_op, "callback_op", pv_only);
    row(t, Number::EventChannelOpCompat, event_channel_op_compat, "event_channel_op_compat", pv_only);
    row(t, Number::PhysdevOpCompat, physdev_op_compat, "physdev_op_compat", pv_only);
    row(t, Number::EventChannelOp, event_channel_op, "event_channel_op", everybody);
    row(t, Number::PhysdevOp, physdev_op, "physdev_op", everybody);
    row(t, Number::HvmOp, hvm_op, "hvm_op", everybody);
    row(t, Number::Sysctl, sysctl, "sysctl", everybody);
    row(t, Number::Domctl, domctl, "domctl", everybody);
    row(t, Number::KexecOp, kexec_op, "kexec_op", everybody);
    row(t, Number::XenpmuOp, xenpmu_op, "xenpmu_op", everybody);
    row(t, Number::HypfsOp, hypfs_op, "hypfs_op", everybody);
    row(t, Number::Mca, mca, "mca", everybody);
    return t;
}

} // namespace

constinit const Table table = make_table();

} // namespace px::hypercall
