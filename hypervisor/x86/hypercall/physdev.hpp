// SPDX-License-Identifier: Apache-2.0
// Parts of physdev_op that have files of their own.
#pragma once

#include "abi/physdev.hpp"
#include "base/result.hpp"
#include "domain/guest_pointer.hpp"

namespace px::x86::physdev {

/// PHYSDEVOP_map_pirq and _unmap_pirq: for the caller, or for a domain it controls.
Result<> map_pirq(u64 address);
Result<> unmap_pirq(u64 address);
/// The sub-operations about PCI devices, hardware domain only. Errors: NoSys for others.
Result<> pci_operation(abi::PhysdevOp command, u64 address);

/// Reads the structure, works on it, writes it back on success.
template <class Op> Result<> with_result(u64 address, Result<> (*work)(Op&)) {
    GuestPointer<Op> pointer(address);
    Op op = TRY(pointer.read());
    TRY(work(op));
    return pointer.write(op);
}
template <class Op> Result<> without_result(u64 address, Result<> (*work)(Op&)) {
    Op op = TRY(GuestPointer<Op>(address).read());
    return work(op);
}

} // namespace px::x86::physdev
