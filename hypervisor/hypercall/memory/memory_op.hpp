// SPDX-License-Identifier: Apache-2.0
// The sub-operations of memory_op, one file for each group.
#pragma once

#include "abi/memory.hpp"
#include "domain/domain_list.hpp"
#include "domain/guest_pointer.hpp"
#include "hypercall/call.hpp"

namespace px::hypercall::memory {

/// A memory_op under way: `start` is where an interrupted one goes on (it stands in the command's upper bits).
struct Operation {
    Call& call;
    abi::MemoryOp command;
    u64 start;
    u64 address; ///< of the operation's structure, in the caller

    /// Asks to be called again with this start.
    [[nodiscard]] Outcome restart_at(u64 next) const {
        call.args[0] = static_cast<u64>(command) | next << abi::memory_op_extent_shift;
        return Outcome::restart();
    }
};

/// Largest allocation that the caller may ask for, as a power of two of frames.
[[nodiscard]] inline unsigned largest_order() { return current_domain().is_privileged ? 18 : 9; }

// memory/reservation.cpp
Outcome reservation(const Operation& op);
// memory/exchange.cpp
Outcome exchange(const Operation& op);
// memory/map.cpp
Result<> memory_map(const Operation& op);
Result<> set_memory_map(const Operation& op);
Result<> machine_memory_map(const Operation& op);
Result<> machphys_mapping(const Operation& op);
Result<> machphys_mfn_list(const Operation& op);
Result<> reserved_device_memory_map(const Operation& op);
// memory/physmap.cpp
Outcome acquire_resource(const Operation& op);
Result<> add_to_physmap(const Operation& op);
Result<> add_to_physmap_batch(const Operation& op);
Result<> remove_from_physmap(const Operation& op);
// memory/numbers.cpp
Outcome domain_number(const Operation& op);
Result<> claim_pages(const Operation& op);
Result<> pod_target(const Operation& op);

} // namespace px::hypercall::memory
