// SPDX-License-Identifier: Apache-2.0
// platform_op about what this hypervisor leaves as it is: memory type ranges, microcode, power states, hot-plugging.
// The answers are those that Xen 4.17 gives on a machine where there is nothing to do.
#include "x86/hypercall/platform_absent.hpp"
#include "domain/guest_pointer.hpp"
#include "machine/machine.hpp"
#include "x86/machine/cpu/memory_types.hpp"

namespace px::x86::platform {
namespace {

/// A variable memory type range register pair (SDM vol. 3, 12.11.2.3).
Result<> read_memory_type(abi::PlatformReadMemtype& op) {
    if (op.reg >= memory_types::range_count()) return fail(Error::Invalid);
    const memory_types::Range range = memory_types::range(op.reg);
    op.mfn = range.first;
    op.nr_mfns = range.count;
    op.type = range.type;
    return {};
}

/// What dom0's ACPI tells of C-states and P-states is taken, and nothing done with it.
Result<> power_states(const abi::PlatformSetProcessorPminfo& op) {
    switch (static_cast<abi::PmInfoType>(op.type)) {
    case abi::PmInfoType::Cx:
    case abi::PmInfoType::Px: return {};
    case abi::PmInfoType::Tx: return fail(Error::NoSys);
    case abi::PmInfoType::Pdc:
        if (!GuestPointer<u32>(op.u.pdc).read()) return fail(Error::Fault);
        return fail(Error::NoSys); // what the hypervisor can do with each state: it does nothing
    default: return fail(Error::Invalid);
    }
}

Result<> park_cores(abi::PlatformCoreParking& op) {
    switch (op.type) {
    case abi::core_parking_get: op.idle_nums = 0; return {};
    case abi::core_parking_set:
        if (op.idle_nums != 0) return fail(Error::NotSupported);
        return {};
    default: return fail(Error::Invalid);
    }
}

/// There is room for the CPUs that were there at boot.
Result<> add_cpu(const abi::PlatformCpuHotadd& op) {
    constexpr u32 max_acpi_id = 256, max_apic_id = 2048, max_node = 256; // the reference's
    if (op.acpi_id >= max_acpi_id || op.apic_id >= max_apic_id || op.pxm >= max_node) return fail(Error::Invalid);
    for (u32 cpu = 0; cpu < machine::cpu_count(); ++cpu) {
        const machine::CpuIdentity id = machine::cpu_identity(CpuId(cpu));
        if (id.acpi_id == op.acpi_id) return fail(id.apic_id == op.apic_id ? Error::Exists : Error::Invalid);
    }
    return fail(Error::NoSpace);
}

} // namespace

Result<> absent(abi::PlatformRequest& op, bool& copy_back) {
    using Op = abi::PlatformOp;
    const auto with_result = [&](Result<> r) {
        copy_back = true;
        return r;
    };
    switch (static_cast<Op>(op.cmd)) {
    case Op::ReadMemtype: return with_result(read_memory_type(op.u.read_memtype));
    case Op::DelMemtype: // the ranges are the firmware's: nobody may take one away, and those not in use cannot be
    case Op::AddMemtype:
    case Op::PlatformQuirk:
    case Op::MicrocodeUpdate: // no microcode is taken for good
    case Op::MemHotadd: return fail(Error::Invalid);
    case Op::SetProcessorPminfo: return power_states(op.u.set_pminfo);
    case Op::CoreParking: return with_result(park_cores(op.u.core_parking));
    case Op::CpuHotadd: return add_cpu(op.u.cpu_add);
    default: return fail(Error::NoSys);
    }
}

} // namespace px::x86::platform
