// SPDX-License-Identifier: Apache-2.0
// Memory maps: a domain's own, the host's, and where the machine-to-physical table is.
#include "abi/pv.hpp"
#include "boot/boot_info.hpp"
#include "hypercall/memory/memory_op.hpp"
#include "machine/machine.hpp"
#include "memory/heap.hpp"

#include <algorithm>

namespace px::hypercall::memory {

namespace {

/// Entries a domain's map may have.
constexpr u32 max_map_entries = 1024;
/// Frames of one piece of the machine-to-physical table: 2 MiB.
constexpr u64 machphys_piece = u64{2} << 20;

} // namespace

Result<> memory_map(const Operation& op) {
    const GuestPointer<abi::MemoryMap> pointer(op.address);
    auto map = TRY(pointer.read());
    Domain& domain = current_domain();
    // Entry by entry: no copy to the guest under the lock.
    for (u32 i = 0;; ++i) {
        abi::E820Entry entry;
        {
            Guard guard(domain.lock);
            if (!domain.memory_map) return fail(Error::NoSys);
            if (i >= domain.memory_map_entries || i >= map.nr_entries) {
                map.nr_entries = i;
                break;
            }
            entry = domain.memory_map[i];
        }
        TRY(GuestPointer<abi::E820Entry>(map.buffer).write(entry, i));
    }
    return pointer.write(map);
}

Result<> set_memory_map(const Operation& op) {
    const auto foreign = TRY(GuestPointer<abi::ForeignMemoryMap>(op.address).read());
    if (foreign.map.nr_entries > max_map_entries) return fail(Error::Invalid);
    DomainRef domain = TRY(find_controlled_domain(foreign.domid));
    const u32 count = foreign.map.nr_entries;
    auto* entries =
        static_cast<abi::E820Entry*>(heap::allocate_bytes(std::max<u64>(count, 1) * sizeof(abi::E820Entry)));
    if (!entries) return fail(Error::NoMemory);
    if (Result<> copied = GuestPointer<abi::E820Entry>(foreign.map.buffer).read_array(entries, count); !copied) {
        heap::free_bytes(entries);
        return copied;
    }
    abi::E820Entry* former;
    {
        Guard guard(domain->lock);
        former = domain->memory_map;
        domain->memory_map = entries;
        domain->memory_map_entries = count;
    }
    if (former) heap::free_bytes(former);
    return {};
}

Result<> machine_memory_map(const Operation& op) {
    if (!current_domain().is_privileged) return fail(Error::Perm);
    const GuestPointer<abi::MemoryMap> pointer(op.address);
    auto map = TRY(pointer.read());
    const auto ranges = boot_info.memory_map();
    if (map.nr_entries < ranges.size()) return fail(Error::Invalid);
    for (u32 i = 0; i < ranges.size(); ++i)
        TRY(GuestPointer<abi::E820Entry>(map.buffer)
                .write({ranges[i].start.raw(), ranges[i].bytes, static_cast<u32>(ranges[i].kind)}, i));
    map.nr_entries = static_cast<u32>(ranges.size());
    return pointer.write(map);
}

Result<> machphys_mapping(const Operation& op) {
    abi::MachphysMapping mapping{abi::mach2phys_virt_start, abi::mach2phys_virt_end, abi::mach2phys_nr_entries - 1};
    if (current_domain().is_hardware_domain) mapping.max_mfn = max_frame.raw() - 1;
    return GuestPointer<abi::MachphysMapping>(op.address).write(mapping);
}

/// The table's own frames, for tools that map it: the first frame of each 2 MiB of it.
Result<> machphys_mfn_list(const Operation& op) {
    if (!current_domain().is_privileged) return fail(Error::Perm);
    const GuestPointer<abi::MachphysMfnList> pointer(op.address);
    auto list = TRY(pointer.read());
    const u64 bytes = max_frame.raw() * sizeof(u64);
    const u64 pieces = std::min<u64>((bytes + machphys_piece - 1) / machphys_piece, list.max_extents);
    Mfn last = Mfn::invalid(); // stands for the holes after it, too
    for (u64 i = 0; i < pieces; ++i) {
        last = machine::machphys_frame(i).value_or(last);
        if (!last.is_valid()) return fail(Error::Invalid);
        TRY(GuestPointer<abi::xen_pfn_t>(list.extent_start).write(last.raw(), i));
    }
    list.nr_extents = static_cast<u32>(pieces);
    return pointer.write(list);
}

/// Memory that devices need mapped one to one: known only with an IOMMU.
Result<> reserved_device_memory_map(const Operation& op) {
    const GuestPointer<abi::ReservedDeviceMemoryMap> pointer(op.address);
    auto map = TRY(pointer.read());
    if ((map.flags & ~abi::rdm_all) != 0) return fail(Error::Invalid);
    map.nr_entries = 0;
    return pointer.write(map);
}

} // namespace px::hypercall::memory
