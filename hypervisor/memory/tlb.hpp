// SPDX-License-Identifier: Apache-2.0
// The TLB clock: when a frame lost its last use, and whether stale translations of it can still exist
// (tests/models/tlb_clock.pml).
#pragma once

#include "base/number.hpp"

namespace px {
class Domain;
}

namespace px::tlb {

/// What the memory code needs of the machine (x86/guest/tlb.cpp; tests have a fake).
/// A stamp to put on a frame when its last use has ended (its entries are gone from all page tables).
[[nodiscard]] u32 now();
/// Makes sure that every CPU has flushed its TLB since the stamp was taken; sends flushes to those that have not.
/// Interrupts on.
void flush_older(u32 stamp);
/// The same for what only one domain's page tables have had entries for: only CPUs where its vCPUs run are looked at.
void flush_older(u32 stamp, const Domain& user);
/// The later of two stamps that were taken before `now`, one that has gone round the clock counted as too late.
[[nodiscard]] constexpr u32 later(u32 a, u32 b, u32 now) { return now - a < now - b ? a : b; }

} // namespace px::tlb
