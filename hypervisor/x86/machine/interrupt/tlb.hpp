// SPDX-License-Identifier: Apache-2.0
// Flushing translations on other CPUs.
#pragma once

#include "base/bitmap.hpp"
#include "base/number.hpp"

namespace px::machine {

enum class FlushKind : u8 {
    All,     ///< everything but global translations (reload of CR3)
    Global,  ///< everything
    Address, ///< one page, global or not (INVLPG)
};

/// Flushes on each CPU of the mask (this one too, if it is in it) and waits for all. Any context with interrupts on, or
/// off when no other CPU can be waiting for this one with its own flush (it serves requests while it waits).
void flush_tlb(const CpuMask& cpus, FlushKind kind, u64 address = 0);
/// On this CPU only.
void flush_tlb_local(FlushKind kind, u64 address = 0);

} // namespace px::machine
