// SPDX-License-Identifier: Apache-2.0
// Dom0's memory while it is built.
#include "x86/guest/load/guest_memory.hpp"

#include "memory/heap.hpp"

#include <algorithm>
#include <cstring>

namespace px::guest::load {

void GuestMemory::allocate(Domain& domain, u64 frames) {
    unsigned order = heap::max_order;
    while (total_ < frames && count_ < max_runs) {
        while ((u64{1} << order) > frames - total_) --order;
        Frame* const first = heap::allocate({.order = order});
        if (!first) {
            if (order-- == 0) break;
            continue;
        }
        if (!domain.assign_frames(*first, order)) {
            heap::free_unused(*first, order);
            break;
        }
        const u64 count = u64{1} << order;
        Run* const last = count_ ? &runs_[count_ - 1] : nullptr;
        if (last && last->start + last->count == mfn_of(*first)) last->count += count;
        else runs_[count_++] = {total_, mfn_of(*first), count};
        total_ += count;
    }
}

Mfn GuestMemory::mfn(u64 pfn) const {
    PX_ASSERT(pfn < total_);
    const Run* const after =
        std::upper_bound(runs_, runs_ + count_, pfn, [](u64 n, const Run& r) { return n < r.first_pfn; });
    const Run& run = after[-1];
    return run.start + (pfn - run.first_pfn);
}

void GuestMemory::write(u64 address, std::span<const u8> bytes) const {
    while (!bytes.empty()) {
        const u64 offset = address & ~page_mask;
        const std::size_t count = std::min<u64>(bytes.size(), page_size - offset);
        std::memcpy(page(address >> page_shift) + offset, bytes.data(), count);
        bytes = bytes.subspan(count);
        address += count;
    }
}

} // namespace px::guest::load
