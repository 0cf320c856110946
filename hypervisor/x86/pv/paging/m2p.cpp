// SPDX-License-Identifier: Apache-2.0
// The machine-to-physical table: what paravirtual guests call each machine frame. They read it at a fixed address.
#include "x86/layout.hpp"
#include "x86/pv/paging/pagetable.hpp"

namespace px::pv {

namespace {
/// Guests read them as they like: relaxed.
std::atomic_ref<u64> entry_of(Mfn mfn) {
    return std::atomic_ref(reinterpret_cast<u64*>(x86::layout::m2p_start)[frame_index(mfn)]);
}
} // namespace

u64 get_m2p(Mfn mfn) { return is_valid(mfn) ? entry_of(mfn).load(std::memory_order_relaxed) : ~u64{0}; }

void set_m2p(Mfn mfn, u64 pfn) {
    if (is_valid(mfn)) entry_of(mfn).store(pfn, std::memory_order_relaxed);
}

Result<Mfn> PvDomain::translate(Gfn gfn) {
    const Mfn mfn(gfn.raw());
    if (!is_valid(mfn)) return fail(Error::Invalid);
    return mfn;
}

Result<> PvDomain::map_frame(Gfn gfn, Mfn mfn, unsigned order) {
    const u64 last = (u64{1} << order) - 1;
    if (!is_valid(mfn + last)) return fail(Error::Invalid);
    for (u64 i = 0; i <= last; ++i) entry_of(mfn + i).store(gfn.raw() + i, std::memory_order_relaxed);
    return {};
}

Result<> PvDomain::unmap_frame(Gfn, Mfn mfn, unsigned order) {
    for (u64 i = 0; i < u64{1} << order; ++i) set_m2p(mfn + i, abi::invalid_m2p_entry);
    return {};
}

} // namespace px::pv
