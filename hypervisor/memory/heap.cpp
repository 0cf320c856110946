// SPDX-License-Identifier: Apache-2.0
// The frame allocator: the lock, claims and scrubbing around the free lists of buddy.cpp.
#include "memory/heap.hpp"

#include "abi/types.hpp"
#include "base/lock.hpp"
#include "base/panic.hpp"
#include "memory/buddy.hpp"
#include "memory/tlb.hpp"
#include "start/options.hpp"

#include <algorithm>
#include <bit>

namespace px::heap {

namespace {

SpinLock<LockRank::Heap> lock;
Buddies buddies PX_GUARDED_BY(lock);
u64 claimed PX_GUARDED_BY(lock) = 0;
std::atomic<u64> total{0};
/// CPUs that hold blocks taken out for scrubbing: who finds nothing waits for them.
std::atomic<u32> scrubbers{0};
/// Frames as they were at boot are scrubbed when they are given out; with this, by idle CPUs before.
bool scrub_boot_memory = false;

bool parse_boot_scrub(std::string_view value) {
    if (value == "idle") return scrub_boot_memory = true;
    const auto on = options::boolean(value);
    if (on) scrub_boot_memory = *on;
    return on.has_value();
}
PX_OPTION(boot_scrub, "bootscrub", parse_boot_scrub);

void clear_frame(Frame& frame) {
    void* to = to_virtual(frame);
#ifdef PROXENOS_HYPERVISOR
    u64 words = page_size / 8;
    asm volatile("rep stosq" : "+D"(to), "+c"(words) : "a"(u64{0}) : "memory");
#else
    std::fill_n(static_cast<u8*>(to), page_size, u8{0});
#endif
}

/// Scrubs the dirty frames among 2^order that are nobody's, at most `limit` of them. Returns how many are left over.
u64 scrub(Frame& first, unsigned order, u64 limit) {
    const u64 count = u64{1} << order;
    bool any_used = false;
    u32 stamp = 0;
    for (u64 i = 0; i < count; ++i) {
        const Frame& frame = (&first)[i];
        if ((frame.flags & frame_flag::used) == 0) continue;
        const u32 aux = frame.aux.load(std::memory_order_relaxed);
        stamp = any_used ? tlb::later(stamp, aux) : aux;
        any_used = true;
    }
    // A stale writable translation could otherwise write to the frame after it was scrubbed.
    if (any_used) tlb::flush_older(stamp);
    u64 left = 0;
    for (u64 i = 0; i < count; ++i) {
        Frame& frame = (&first)[i];
        if ((frame.flags & frame_flag::dirty) == 0) continue;
        if (limit == 0) {
            ++left;
            continue;
        }
        --limit;
        clear_frame(frame);
        frame.flags = static_cast<u8>(frame.flags & ~(frame_flag::dirty | frame_flag::used));
    }
    return left;
}

Frame* take(const Request& request) PX_EXCLUDES(lock) {
    while (true) {
        {
            IrqGuard guard(lock);
            const u64 wanted = u64{1} << request.order;
            const u64 others = claimed - std::min(claimed, request.claim);
            if (others != 0 && buddies.free_frames() < others + wanted) return nullptr;
            if (Frame* first = buddies.take(request.order, request.address_bits)) return first;
        }
        if (scrubbers.load(std::memory_order_acquire) == 0) return nullptr;
        detail::relax();
    }
}

} // namespace

void add_region(Mfn start, Mfn end) {
    constexpr u64 first_usable = 1; // frame 0 would make a block that crosses zones, and catches null pointers
    u64 mfn = std::max(start.raw(), first_usable);
    for (u64 i = mfn; i < end.raw(); ++i) {
        Frame& frame = frame_of(Mfn(i));
        frame.owner.store(owner_free, std::memory_order_relaxed);
        frame.state.store(FrameState::free, std::memory_order_relaxed);
        frame.aux.store(0, std::memory_order_relaxed);
        frame.flags = frame_flag::dirty;
    }
    total.fetch_add(end.raw() > mfn ? end.raw() - mfn : 0, std::memory_order_relaxed);
    while (mfn < end.raw()) {
        unsigned order = std::min<unsigned>(max_order, static_cast<unsigned>(std::countr_zero(mfn)));
        while (mfn + (u64{1} << order) > end.raw()) --order;
        IrqGuard guard(lock);
        buddies.put(frame_of(Mfn(mfn)), order, frame_flag::some_dirty);
        mfn += u64{1} << order;
    }
}

Frame* allocate(const Request& request) {
    if (request.order > max_order) return nullptr;
    Frame* first = take(request);
    if (!first) return nullptr;
    if (first->flags & frame_flag::some_dirty) scrub(*first, request.order, ~u64{0});
    const u64 count = u64{1} << request.order;
    for (u64 i = 0; i < count; ++i) {
        Frame& frame = first[i];
        frame.owner.store(abi::domid_xen, std::memory_order_relaxed);
        frame.flags = 0;
        frame.state.store(0, std::memory_order_release);
    }
    first->order = static_cast<u8>(request.order);
    return first;
}

void free(Frame& first, unsigned order, bool dirty) {
    const u64 count = u64{1} << order;
    const u32 stamp = dirty ? tlb::now() : 0;
    for (u64 i = 0; i < count; ++i) {
        Frame& frame = (&first)[i];
        PX_ASSERT(!frame.load().is_referenced() && !frame.load().has(FrameState::free));
        // The owner goes first: who sees `free` in the word must not find a domain there.
        frame.owner.store(owner_free, std::memory_order_relaxed);
        frame.aux.store(stamp, std::memory_order_relaxed);
        frame.flags = frame_flag::dirty | (dirty ? frame_flag::used : 0);
        frame.state.store(FrameState::free, std::memory_order_release);
    }
    const u8 some = frame_flag::some_dirty | (dirty ? frame_flag::some_used : 0);
    const unsigned piece = dirty ? std::min(order, Buddies::max_used_order) : order;
    for (u64 i = 0; i < count; i += u64{1} << piece) {
        IrqGuard guard(lock);
        buddies.put((&first)[i], piece, some);
    }
}

u64 free_frames() {
    IrqGuard guard(lock);
    return buddies.free_frames();
}

void count_hypervisor_frames(u64 frames) { total.fetch_add(frames, std::memory_order_relaxed); }
u64 total_frames() { return total.load(std::memory_order_relaxed); }

u64 free_frames_below(unsigned address_bits) {
    if (address_bits <= page_shift) return 0;
    const unsigned top = std::min<unsigned>(address_bits - page_shift, Buddies::zones - 1);
    IrqGuard guard(lock);
    u64 sum = 0;
    for (unsigned zone = 0; zone <= top; ++zone) sum += buddies.free_in_zone(zone);
    return sum;
}

bool scrub_some(unsigned frames) {
    Frame* first = nullptr;
    u8 kind = frame_flag::some_used;
    {
        IrqGuard guard(lock);
        first = buddies.take_used();
        if (!first && scrub_boot_memory) {
            first = buddies.take_dirty(Buddies::max_used_order);
            kind = 0;
        }
        if (!first) return false;
        scrubbers.fetch_add(1, std::memory_order_relaxed);
    }
    const unsigned order = first->order;
    const u64 left = scrub(*first, order, frames);
    {
        IrqGuard guard(lock);
        buddies.put(*first, order, left == 0 ? u8{0} : static_cast<u8>(frame_flag::some_dirty | kind));
    }
    // Release: who sees no scrubber sees the block back in the lists.
    scrubbers.fetch_sub(1, std::memory_order_release);
    return true;
}

u64 outstanding_claims() {
    IrqGuard guard(lock);
    return claimed;
}

bool change_claim(u64 from, u64 to) {
    IrqGuard guard(lock);
    if (to > from && to - from > buddies.free_frames() - std::min(claimed, buddies.free_frames())) return false;
    claimed = claimed - std::min(from, claimed) + to;
    return true;
}

} // namespace px::heap
