// SPDX-License-Identifier: Apache-2.0
// The hypercalls of every guest on every architecture.
#pragma once

#include "hypercall/handlers.hpp"
#include "hypercall/table.hpp"

namespace px::hypercall {

inline constexpr Row common_rows[] = {
    {abi::Hypercall::MemoryOp, "memory_op", memory_op, Restarts::Maybe},
    {abi::Hypercall::Multicall, "multicall", multicall, Restarts::Maybe},
    {abi::Hypercall::SetTimerOp, "set_timer_op", set_timer_op},
    {abi::Hypercall::XenVersion, "xen_version", xen_version},
    {abi::Hypercall::ConsoleIo, "console_io", console_io, Restarts::Maybe},
    {abi::Hypercall::GrantTableOp, "grant_table_op", grant_table_op, Restarts::Maybe},
    {abi::Hypercall::VmAssist, "vm_assist", vm_assist},
    {abi::Hypercall::VcpuOp, "vcpu_op", vcpu_op, Restarts::Maybe},
    {abi::Hypercall::SchedOp, "sched_op", sched_op},
    {abi::Hypercall::EventChannelOp, "event_channel_op", event_channel_op, Restarts::Maybe},
    {abi::Hypercall::HvmOp, "hvm_op", hvm_op},
    {abi::Hypercall::Sysctl, "sysctl", sysctl, Restarts::Maybe},
    {abi::Hypercall::Domctl, "domctl", domctl, Restarts::Maybe},
};

} // namespace px::hypercall
