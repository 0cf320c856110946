// SPDX-License-Identifier: Apache-2.0
// Memory that domains map past the caches: where what the caches hold of it and what it holds itself may differ.
//
// The hypervisor, page walks and most mappings see a frame through the caches. A mapping with another memory type than
// write-back (only domains with devices have such: pv/paging/pagetable_mapping.cpp) reads and writes memory itself: of
// one frame under two types the manuals promise nothing (SDM volume 3, 12.12.4; APM volume 2, 7.8), and a write by WC
// need not look at the caches. So a line can hold what memory has not, dirty or clean; a clean one goes away unwritten.
// Two things must not happen: a frame is checked as a page table by a line that goes away, and is walked as what memory
// says (XSA-402); and a mapping past the caches shows what memory had before the frame was scrubbed, in the caches, for
// its new owner. So frame_flag::uncached is set, after a flush, before the first such mapping of a frame's life with
// its owner; and a frame that has the flag is flushed, once no TLB holds such a mapping, before it gets another type or
// is scrubbed. CPUs that snoop themselves would not need it (CPUID 1, edx bit 27): they are not told apart.
#pragma once

#include "memory/frame.hpp"

namespace px::cache {

/// No cache of any CPU holds anything of the frame, and what one held that memory had not is in memory. Any context.
/// x86/machine/paging/cache.cpp; tests have a fake that knows who differs.
void flush(const Frame& frame);

} // namespace px::cache
