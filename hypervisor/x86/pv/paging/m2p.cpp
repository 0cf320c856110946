// SPDX-License-Identifier: Apache-2.0
// The machine-to-physical table: what paravirtual guests call each machine frame. They read it at a fixed address.
#include "x86/layout.hpp"
#include "x86/pv/paging/pagetable.hpp"

namespace px::pv {

namespace {
u64* table() { return reinterpret_cast<u64*>(x86::layout::m2p_start); }
} // namespace

u64 get_m2p(Mfn mfn) { return is_valid(mfn) ? __atomic_load_n(table() + frame_index(mfn), __ATOMIC_RELAXED) : ~u64{0}; }

void set_m2p(Mfn mfn, u64 pfn) {
    if (is_valid(mfn)) __atomic_store_n(table() + frame_index(mfn), pfn, __ATOMIC_RELAXED);
}

Result<Mfn> PvDomain::translate(Gfn gfn) {
    const Mfn mfn(gfn.raw());
    if (!is_valid(mfn)) return fail(Error::Invalid);
    return mfn;
}

Result<> PvDomain::map_frame(Gfn gfn, Mfn mfn, unsigned order) {
    const u64 last = (u64{1} << order) - 1;
    if (!is_valid(mfn + last)) return fail(Error::Invalid);
    u64* const entries = table() + frame_index(mfn);
    // Relaxed: guests read the table as they like.
    for (u64 i = 0; i <= last; ++i) __atomic_store_n(entries + i, gfn.raw() + i, __ATOMIC_RELAXED);
    return {};
}

Result<> PvDomain::unmap_frame(Gfn, Mfn mfn, unsigned order) {
    for (u64 i = 0; i < u64{1} << order; ++i) set_m2p(mfn + i, abi::invalid_m2p_entry);
    return {};
}

} // namespace px::pv
