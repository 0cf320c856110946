// SPDX-License-Identifier: Apache-2.0
// Kinds of guests: what is asked of a kind as a whole. What is asked of one domain are Domain's virtual functions.
#pragma once

#include "abi/domctl.hpp"
#include "base/percpu.hpp"
#include "base/result.hpp"

#include <span>

namespace px {

class Domain;
namespace hypercall {
struct Table;
}

/// What tools are told of a host that has guests of a kind.
struct KindCapabilities {
    u32 physinfo;      ///< abi::physcap_* bits
    const char* words; ///< of XENVER_capabilities: those of this kind, each with a space behind it
};

/// A kind of guest. One object for each, defined where the kind is; a domain's `kind` is its address.
struct GuestKind {
    const char* name;
    /// True if createdomain asks for a domain of this kind with these flags (abi::cdf_*). Of all kinds one at most says
    /// so.
    bool (*accepts)(u32 flags);
    /// Makes an empty Domain of the kind. Errors: Invalid for what the kind does not have, NoMemory.
    Result<Domain*> (*make)(DomId id, const abi::DomctlCreateDomain& config);

    /// Boot CPU, before make_cpu: what all CPUs have in common.
    void (*init)();
    /// Before a CPU starts, the boot CPU too: makes what it needs to run such guests. False without memory.
    bool (*make_cpu)(CpuId cpu);
    /// On a CPU that starts, interrupts off: the ways in from such guests.
    void (*start_cpu)(CpuId cpu);
    /// After init.
    KindCapabilities (*capabilities)();

    const hypercall::Table* hypercalls; ///< all that its guests may call
};

/// Boot: what kinds there are. The list and what it names stay for ever.
void set_guest_kinds(std::span<const GuestKind* const> kinds);
[[nodiscard]] std::span<const GuestKind* const> guest_kinds();
/// The kind that createdomain asks for with these flags; null if there is none.
[[nodiscard]] const GuestKind* kind_for(u32 flags);

} // namespace px
