// SPDX-License-Identifier: Apache-2.0
// Physical interrupts as domains know them: each domain's numbers for interrupts of the host.
#pragma once

#include "domain/domain.hpp"
#include "x86/machine/pci/pci.hpp"

namespace px::x86::pirq {

/// Numbers a domain has: GSIs by their own number, MSIs from the top down.
inline constexpr u32 count = 4096;

/// Which number the caller wants: any free one if it is negative.
using Wanted = s32;

/// Gives the domain a GSI (below irq::gsi_count()). The same again gives the same number.
/// Errors: Invalid, NoSpace, NoMemory, Exists (the number is taken).
Result<Pirq> map_gsi(Domain& domain, u32 gsi, Wanted wanted);
/// Sets up a message of a device and gives it to the domain. Errors: those of msi::map, NoSpace, NoMemory, Exists.
Result<Pirq> map_msi(Domain& domain, pci::Address device, bool is_msix, u32 index, u64 table_base, Wanted wanted);
/// Takes it back; a message is taken down. Errors: Invalid (no such), Busy (bound to a port).
Result<> unmap(Domain& domain, Pirq pirq);
/// A number that is free now. Errors: NoSpace, NoMemory.
Result<Pirq> find_free(Domain& domain, bool is_msi);
/// Host interrupt behind a number; invalid if there is none.
[[nodiscard]] Irq find_irq(const Domain& domain, Pirq pirq);
/// True if other domains get it too.
[[nodiscard]] bool is_shared(const Domain& domain, Pirq pirq);

/// Shares a page of bits, one per number: set while the guest has to end each interrupt (PHYSDEVOP_pirq_eoi_gmfn).
/// Errors: Invalid, Busy (there is one already), NoMemory.
Result<> set_eoi_page(Domain& domain, Gfn page, bool eoi_unmasks);
/// True if PHYSDEVOP_eoi also unmasks the port.
[[nodiscard]] bool eoi_unmasks(const Domain& domain);

} // namespace px::x86::pirq
