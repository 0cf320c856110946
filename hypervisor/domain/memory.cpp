// SPDX-License-Identifier: Apache-2.0
// A domain's frames: taking them on, counting them, giving them all back.
#include "domain/create.hpp"
#include "domain/domain.hpp"
#include "memory/heap.hpp"
#include "schedule/softirq.hpp"

#include <algorithm>

namespace px {

namespace {
constexpr u64 frames_per_region = (u64{32} << 20) / page_size;
} // namespace

Result<> Domain::assign_frames(Frame& first, unsigned order) {
    const u64 count = u64{1} << order;
    u64 claim_used = 0;
    {
        Guard guard(page_lock);
        if (is_dying()) return fail(Error::Invalid);
        const u64 total = total_pages.load(std::memory_order_relaxed);
        // Also the first domain's builder: it sets max_pages before.
        if (total + count > max_pages) return fail(Error::NoMemory);
        claim_used = std::min(outstanding_claim, count);
        outstanding_claim -= claim_used;
        // Owning frames keeps the domain's number taken: mappings of others may outlive it.
        if (total == 0) references.fetch_add(1, std::memory_order_relaxed);
        total_pages.store(total + count, std::memory_order_relaxed);
    }
    if (claim_used) (void)heap::change_claim(claim_used, 0);
    const u64 start = mfn_of(first).raw();
    for (u64 region = start / frames_per_region; region <= (start + count - 1) / frames_per_region; ++region)
        owned_regions[region / 64].fetch_or(u64{1} << (region % 64), std::memory_order_relaxed);
    for (u64 i = 0; i < count; ++i) {
        Frame& frame = (&first)[i];
        frame.owner.store(id.raw(), std::memory_order_relaxed);
        // Release pairs with the acquire of a reference: who gets one sees the owner.
        frame.state.store(FrameState::allocated, std::memory_order_release);
    }
    return {};
}

void Domain::frame_left(Frame&) {
    bool was_last;
    {
        Guard guard(page_lock);
        was_last = total_pages.fetch_sub(1, std::memory_order_relaxed) == 1;
    }
    if (was_last) release_domain(*this);
}

Result<> Domain::claim(u64 total) {
    Guard guard(page_lock);
    const u64 owned = total_pages.load(std::memory_order_relaxed);
    u64 wanted = 0;
    if (total != 0) {
        if (is_dying() || outstanding_claim != 0 || total > max_pages || total < owned) return fail(Error::Invalid);
        wanted = total - owned;
    }
    if (!heap::change_claim(outstanding_claim, wanted)) return fail(Error::NoMemory);
    outstanding_claim = wanted;
    return {};
}

Result<> Domain::release_memory() {
    u64 mfn = teardown_position.raw();
    u64 looked_at = 0;
    while (mfn < max_frame.raw()) {
        const u64 region = mfn / frames_per_region;
        if ((owned_regions[region / 64].load(std::memory_order_relaxed) >> (region % 64) & 1) == 0) {
            mfn = (region + 1) * frames_per_region;
            continue;
        }
        Frame& frame = frame_of(Mfn(mfn++));
        // The reference keeps the frame this domain's while its hold on it is taken away.
        if (acquire_frame(frame, *this)) {
            (void)give_up_frame(frame);
            release_frame(frame);
        }
        if (++looked_at % 256 == 0 && softirq::is_pending()) {
            teardown_position = Mfn(mfn);
            return fail(Error::Restart);
        }
    }
    teardown_position = Mfn(mfn);
    return {};
}

} // namespace px
