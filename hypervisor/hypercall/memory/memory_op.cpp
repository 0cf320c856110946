// SPDX-License-Identifier: Apache-2.0
// memory_op: dispatch by sub-operation.
#include "hypercall/memory/memory_op.hpp"

#include "hypercall/handlers.hpp"

namespace px::hypercall {

Outcome memory_op(Call& call) {
    using abi::MemoryOp;
    const memory::Operation op{call, static_cast<MemoryOp>(call.args[0] & abi::memory_op_mask),
                               call.args[0] >> abi::memory_op_extent_shift, call.args[1]};
    switch (op.command) {
    case MemoryOp::IncreaseReservation:
    case MemoryOp::DecreaseReservation:
    case MemoryOp::PopulatePhysmap: return memory::reservation(op);
    case MemoryOp::Exchange: return memory::exchange(op);
    case MemoryOp::AcquireResource: return memory::acquire_resource(op);
    default: break;
    }
    if (op.start != 0) return Outcome::error(Error::NoSys); // only the above are ever interrupted
    switch (op.command) {
    case MemoryOp::MaximumRamPage: return Outcome::of(static_cast<s64>(max_frame.raw()));
    case MemoryOp::CurrentReservation:
    case MemoryOp::MaximumReservation:
    case MemoryOp::MaximumGpfn: return memory::domain_number(op);
    case MemoryOp::MachphysMfnList: return Outcome::of(memory::machphys_mfn_list(op));
    case MemoryOp::MachphysMapping: return Outcome::of(memory::machphys_mapping(op));
    case MemoryOp::MemoryMap: return Outcome::of(memory::memory_map(op));
    case MemoryOp::SetMemoryMap: return Outcome::of(memory::set_memory_map(op));
    case MemoryOp::MachineMemoryMap: return Outcome::of(memory::machine_memory_map(op));
    case MemoryOp::AddToPhysmap: return Outcome::of(memory::add_to_physmap(op));
    case MemoryOp::AddToPhysmapBatch: return Outcome::of(memory::add_to_physmap_batch(op));
    case MemoryOp::RemoveFromPhysmap: return Outcome::of(memory::remove_from_physmap(op));
    case MemoryOp::ClaimPages: return Outcome::of(memory::claim_pages(op));
    case MemoryOp::SetPodTarget:
    case MemoryOp::GetPodTarget: return Outcome::of(memory::pod_target(op));
    case MemoryOp::ReservedDeviceMemoryMap: return Outcome::of(memory::reserved_device_memory_map(op));
    case MemoryOp::GetVnumainfo: return Outcome::error(Error::NotSupported);
    default: return Outcome::error(Error::NoSys); // sharing, paging, access control: not built in
    }
}

} // namespace px::hypercall
