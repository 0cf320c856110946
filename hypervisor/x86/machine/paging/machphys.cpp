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
    const x86::PageTable* table = &x86::hypervisor_l4();
    for (unsigned level = x86::top_level; level >= 2; --level) {
        const x86::PageEntry e = (*table)[x86::table_index(address, level)].load();
        if (!e.is_present()) return fail(Error::Invalid);
        if (level == 2 && e.has(x86::page::large)) return offer(Mfn(e.frame().raw() & ~(piece_frames - 1)));
        table = to_virtual<const x86::PageTable>(e.frame());
    }
    // Small pages: the tools expect 2 MiB in one piece, so only what happens to be contiguous can be told.
    const Mfn first = (*table)[0].load().frame();
    for (u64 i = 0; i < piece_frames; ++i)
        if (const x86::PageEntry e = (*table)[i].load(); !e.is_present() || e.frame() != first + i)
            return fail(Error::Invalid);
    return offer(first);
}

} // namespace px::machine
