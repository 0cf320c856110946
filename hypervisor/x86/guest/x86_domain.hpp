// SPDX-License-Identifier: Apache-2.0
// A domain on x86: what its guests have, whatever their kind. Guest kinds derive from it.
#pragma once

#include "domain/domain.hpp"
#include "x86/guest/policy/cpu_policy.hpp"
#include "x86/guest/time_stamp.hpp"

namespace px::guest {

/// What a Domain has on x86 beyond what every architecture has.
class X86Domain : public Domain {
  public:
    ~X86Domain() override;

    // -- CPUID and MSR policy (Domain::lock; read without it: constant once a vCPU has run) --
    CpuPolicy* policy = nullptr; ///< owned; there is one as soon as the domain is whole

    // -- time (paused while it changes) --
    TimeStamp time_stamp;

    // -- I/O (port.hpp) --
    /// Bit set: port refused. 8 KiB, made when it gets its first port; null: no ports.
    u8* io_bitmap = nullptr;
    u32 pci_address = 0; ///< what it wrote to 0xcf8
    u8 cmos_index = 0;   ///< what it wrote to 0x70

    // -- the guest kind's part --
    /// The most that the policy of a domain of this kind can have.
    [[nodiscard]] virtual const CpuPolicy& largest_policy() const = 0;

  protected:
    X86Domain(DomId number, const GuestKind& of_kind) : Domain(number, &of_kind) {}
};

} // namespace px::guest
