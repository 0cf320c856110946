// SPDX-License-Identifier: Apache-2.0
// Frames of the machine-to-physical table, for tools that map it.
#include "machine/machine.hpp"
#include "memory/frame.hpp"
#include "x86/layout.hpp"
#include "x86/machine/paging/paging.hpp"

namespace px::machine {

namespace {

constexpr u64 piece_frames = 512;

/// Lets tools map a piece of the table (pv::acquire_mapping: read-only, by who names the hypervisor as the owner). Once
/// is enough.
Mfn offer(Mfn first) {
    for (u64 i = 0; i < piece_frames; ++i) {
        u64 never_offered = 0;
        frame_of(first + i).state.compare_exchange_strong(never_offered,
                                                          FrameState::hypervisor | FrameState::allocated);
    }
    return first;
}

} // namespace

Result<Mfn> machphys_frame(u64 piece) {
    const u64 address = x86::layout::m2p_start + (piece << 21);
    const u64* table = x86::hypervisor_l4();
    for (unsigned level = 4; level >= 2; --level) {
        const u64 entry = table[address >> (12 + 9 * (level - 1)) & 511];
        if ((entry & x86::entry::present) == 0) return fail(Error::Invalid);
        const Paddr frame(entry & x86::entry::address_mask);
        if (level == 2 && (entry & x86::entry::large)) return offer(mfn_of(Paddr(frame.raw() & ~((u64{2} << 20) - 1))));
        table = to_virtual<const u64>(frame);
    }
    // Small pages: the tools expect 2 MiB in one piece, so only what happens to be contiguous can be told.
    const u64 first = table[0] & x86::entry::address_mask;
    for (u64 i = 0; i < piece_frames; ++i)
        if ((table[i] & x86::entry::present) == 0 || (table[i] & x86::entry::address_mask) != first + i * page_size)
            return fail(Error::Invalid);
    return offer(mfn_of(Paddr(first)));
}

} // namespace px::machine
