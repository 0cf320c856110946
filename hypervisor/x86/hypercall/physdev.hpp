// SPDX-License-Identifier: Apache-2.0
// Parts of physdev_op that have files of their own.
#pragma once

#include "abi/physdev.hpp"
#include "base/result.hpp"
#include "hypercall/operation.hpp"

namespace px::x86::physdev {

/// PHYSDEVOP_map_pirq and _unmap_pirq: for the caller, or for a domain it controls.
Result<> map_pirq(u64 address);
Result<> unmap_pirq(u64 address);
/// The sub-operations about PCI devices, hardware domain only. Errors: NoSys for others.
Result<> pci_operation(abi::PhysdevOp command, u64 address);

using hypercall::with_result;
using hypercall::without_result;

} // namespace px::x86::physdev
