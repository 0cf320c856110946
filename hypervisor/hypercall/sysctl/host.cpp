// SPDX-License-Identifier: Apache-2.0
// sysctl: the host's processors and memory.
#include "domain/grant/limits.hpp"
#include "domain/guest_pointer.hpp"
#include "domain/kind.hpp"
#include "domain/run/schedule.hpp"
#include "hypercall/sysctl/sysctl.hpp"
#include "machine/machine.hpp"
#include "memory/heap.hpp"

#include <algorithm>

namespace px::hypercall::sysctl_command {

namespace {
/// Distance of a node to itself (ACPI SLIT).
constexpr u32 local_distance = 10;
} // namespace

Result<> physical_information(abi::SysctlPhysinfo& op) {
    const machine::HostShape shape = machine::host_shape();
    op = {};
    op.threads_per_core = shape.threads_per_core;
    op.cores_per_socket = shape.cores_per_socket;
    op.nr_cpus = machine::cpu_count();
    op.max_cpu_id = machine::cpu_count() - 1;
    op.nr_nodes = 1;
    op.cpu_khz = static_cast<u32>(machine::cycles_khz());
    op.capabilities = abi::physcap_gnttab_v1;
    for (const GuestKind* kind : guest_kinds()) op.capabilities |= kind->capabilities().physinfo;
    if (grant::limits().max_version >= 2) op.capabilities |= abi::physcap_gnttab_v2;
    op.total_pages = heap::total_frames();
    op.free_pages = heap::free_frames();
    op.outstanding_pages = heap::outstanding_claims();
    op.max_mfn = max_frame.raw() - 1;
    machine::hardware_capabilities(op.hw_cap);
    return {};
}

Result<> cpu_topology(abi::SysctlCputopoinfo& op) {
    const u32 count = machine::cpu_count();
    const GuestPointer<abi::SysctlCputopo> list(op.cputopo);
    if (!list.is_null()) {
        if (op.num_cpus < count) return fail(Error::NoBuffers);
        for (u32 i = 0; i < count; ++i) {
            const machine::CpuTopology t = machine::cpu_topology(CpuId(i));
            TRY(list.write({t.core, t.socket, t.node}, i));
        }
    }
    op.num_cpus = count;
    return {};
}

/// The host counts as one node.
Result<> numa_information(abi::SysctlNumainfo& op) {
    const GuestPointer<abi::SysctlMeminfo> memory(op.meminfo);
    const GuestPointer<u32> distance(op.distance);
    if (!memory.is_null() && op.num_nodes != 0)
        TRY(memory.write({heap::total_frames() * page_size, heap::free_frames() * page_size}));
    if (!distance.is_null() && op.num_nodes != 0) TRY(distance.write(local_distance));
    op.num_nodes = 1;
    return {};
}

Result<> pci_topology(abi::SysctlPcitopoinfo& op) {
    constexpr u32 most_devices = 65536;
    if (op.num_devs > most_devices) return fail(Error::Invalid);
    const GuestPointer<u32> nodes(op.nodes);
    // Where no firmware table says a device's node there is none to name.
    for (u32 i = 0; i < op.num_devs; ++i) TRY(nodes.write(abi::invalid_node_id, i));
    return {};
}

Result<> cpu_information(abi::SysctlGetCpuinfo& op) {
    const u32 count = std::min(op.max_cpus, machine::cpu_count());
    const GuestPointer<abi::SysctlCpuinfo> list(op.info);
    for (u32 i = 0; i < count; ++i) TRY(list.write({schedule::idle_time(CpuId(i))}, i));
    op.nr_cpus = count;
    return {};
}

Result<> available_heap(abi::SysctlAvailheap& op) {
    if (op.node > 0) return fail(Error::Invalid);
    const u32 widest = op.max_bitwidth == 0 ? 64 : std::min(op.max_bitwidth, 64u);
    const u64 below_max = heap::free_frames_below(widest);
    const u64 below_min = op.min_bitwidth == 0 ? 0 : heap::free_frames_below(std::min(op.min_bitwidth, 64u));
    op.avail_bytes = (below_max - std::min(below_min, below_max)) * page_size;
    return {};
}

Result<> page_offline(const abi::SysctlPageOfflineOp& op) {
    constexpr u32 most_pages = 4096;
    if (op.end < op.start) return fail(Error::Invalid);
    if (op.cmd != static_cast<u32>(abi::PageOfflineOp::Query)) return fail(Error::NotSupported);
    if (op.end - op.start >= most_pages) return fail(Error::TooBig);
    const GuestPointer<u32> status(op.status);
    for (u32 i = 0; i <= op.end - op.start; ++i) {
        if (!is_valid(Mfn(u64{op.start} + i))) return fail(Error::Invalid);
        TRY(status.write(0, i)); // in use as ever: no page was ever taken out
    }
    return {};
}

} // namespace px::hypercall::sysctl_command
