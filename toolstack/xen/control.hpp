// SPDX-License-Identifier: Apache-2.0
// Typed hypercalls: a structure is copied into pinned memory, the call made, the answer copied back.
#pragma once

#include <cstdint>

#include "xen/hypercall.hpp"
#include "xen/privcmd.hpp"

namespace xen {

/// The control interface of the hypervisor. Families of operations (domctl, sysctl, memory) are free
/// functions over it, in files of their own: `Result<...> name(Control const&, ...)`.
class Control {
  public:
    [[nodiscard]] static Result<Control> open() { return Control{XEN_TRY(Privcmd::open())}; }

    [[nodiscard]] Privcmd const& privcmd() const { return privcmd_; }

    /// A hypercall whose only argument is a structure with its own command field: domctl, sysctl,
    /// platform_op. Handles inside it must point into HypercallBuffers. ERESTART and EAGAIN are the
    /// caller's business.
    template <class Operation> [[nodiscard]] Result<long> call(abi::Hypercall number, Operation& operation) const {
        auto const buffer = XEN_TRY(HypercallBuffer<Operation>::copy_of(operation));
        auto const result = privcmd_.hypercall(number, buffer.address());
        operation = *buffer;
        return result;
    }

    /// A hypercall of the form (sub-operation, structure): memory_op, xen_version, event_channel_op, hvm_op.
    template <class Argument>
    [[nodiscard]] Result<long> call(abi::Hypercall number, std::uint64_t operation, Argument& argument) const {
        auto const buffer = XEN_TRY(HypercallBuffer<Argument>::copy_of(argument));
        auto const result = privcmd_.hypercall(number, operation, buffer.address());
        argument = *buffer;
        return result;
    }

    /// A hypercall of the form (sub-operation) alone, as memory_op's maximum_ram_page.
    [[nodiscard]] Result<long> call(abi::Hypercall number, std::uint64_t operation) const {
        return privcmd_.hypercall(number, operation);
    }

  private:
    explicit Control(Privcmd privcmd) : privcmd_{std::move(privcmd)} {}
    Privcmd privcmd_;
};

} // namespace xen
