// SPDX-License-Identifier: Apache-2.0
// The frame allocator: the lock, claims and scrubbing around the free lists of buddy.cpp.
#include "memory/heap.hpp"

#include "abi/types.hpp"
#include "base/lock.hpp"
#include "base/panic.hpp"
#include "boot/options.hpp"
#include "memory/buddy.hpp"
#include "memory/cache.hpp"
#include "memory/tlb.hpp"

#include <algorithm>
#include <bit>

namespace px::heap {

namespace {

SpinLock<LockRank::Heap> lock;
Buddies buddies PX_GUARDED_BY(lock);
u64 claimed PX_GUARDED_BY(lock) = 0;
std::atomic<u64> total{0};
/// Allocations that found nothing while blocks were lent for scrubbing: nobody borrows more until they are served.
std::atomic<u32> waiting{0};
/// CPUs that scrub. More than a few would only be in each other's way, and in the way of who needs the lock.
std::atomic<u32> scrubbers{0};
constexpr u32 max_scrubbers = 4;
/// Frames as they were at boot are scrubbed by idle CPUs; without this, only when they are given out.
bool scrub_boot_memory = true;

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

/// Clears dirty frames of a block that is nobody's, from dirty_from on, at most `limit` of them.
void scrub(FreeBlock& block, u64 limit) {
    Frame* const frames = block.first;
    u64 end = block.dirty_from, found = 0;
    bool any_used = false;
    u32 stamp = 0;
    const u32 now = tlb::now();
    for (; end < block.size() && found < limit; ++end) {
        const u8 flags = frames[end].flags;
        if ((flags & frame_flag::dirty) == 0) continue;
        ++found;
        if ((flags & frame_flag::used) == 0) continue;
        const u32 aux = frames[end].aux.load(std::memory_order_relaxed);
        stamp = any_used ? tlb::later(stamp, aux, now) : aux;
        any_used = true;
    }
    // A stale writable translation could otherwise write to the frame after it was scrubbed.
    if (any_used) tlb::flush_older(stamp);
    for (u64 i = block.dirty_from; i < end; ++i) {
        Frame& frame = frames[i];
        if ((frame.flags & frame_flag::dirty) == 0) continue;
        if (frame.flags & frame_flag::uncached) [[unlikely]]
            cache::flush(frame);
        clear_frame(frame);
        frame.flags = static_cast<u8>(frame.flags & ~(frame_flag::dirty | frame_flag::used | frame_flag::uncached));
    }
    block.clean_up_to(end);
}

/// Takes a block as the request says; sets is_lent if there may be one when what is lent for scrubbing comes back.
FreeBlock take_now(const Request& request, bool& is_lent) PX_EXCLUDES(lock) {
    IrqGuard guard(lock);
    const u64 wanted = u64{1} << request.order;
    const u64 others = claimed - std::min(claimed, request.claim);
    is_lent = false;
    if (others != 0 && buddies.free_frames() < others + wanted) return {};
    const FreeBlock block = buddies.take(request.order, request.address_bits);
    is_lent = !block.first && buddies.any_lent();
    return block;
}

FreeBlock take(const Request& request) PX_EXCLUDES(lock) {
    bool is_lent = false;
    FreeBlock block = take_now(request, is_lent);
    if (!is_lent) [[likely]]
        return block;
    waiting.fetch_add(1, std::memory_order_relaxed);
    while (is_lent) {
        detail::relax();
        block = take_now(request, is_lent);
    }
    waiting.fetch_sub(1, std::memory_order_relaxed);
    return block;
}

/// What freed frames become, in pieces that merge with any neighbour.
void put_freed(Frame& first, u64 count) PX_EXCLUDES(lock) {
    for (u64 i = 0; i < count;) {
        const u64 mfn = mfn_of((&first)[i]).raw();
        const unsigned aligned = static_cast<unsigned>(std::countr_zero(mfn));
        const unsigned fitting = static_cast<unsigned>(std::bit_width(count - i)) - 1;
        const unsigned order = std::min({aligned, fitting, Buddies::max_mixed_order});
        IrqGuard guard(lock);
        buddies.put({&(&first)[i], order, Contents::Freed, 0});
        i += u64{1} << order;
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
        buddies.put({&frame_of(Mfn(mfn)), order, Contents::Boot, 0});
        mfn += u64{1} << order;
    }
}

Frame* allocate(const Request& request) {
    const Result<Frame*> frame = allocate_preemptibly(request, [] { return false; });
    return frame ? *frame : nullptr;
}

Result<Frame*> allocate_preemptibly(const Request& request, bool (*should_stop)()) {
    if (request.order > max_order) return fail(Error::NoMemory);
    FreeBlock block = take(request);
    Frame* const first = block.first;
    if (!first) return fail(Error::NoMemory);
    while (block.contents != Contents::Clean) {
        scrub(block, scrub_piece);
        if (block.contents == Contents::Clean || !should_stop()) continue;
        IrqGuard guard(lock);
        buddies.put(block);
        return fail(Error::Restart);
    }
    for (u64 i = 0; i < block.size(); ++i) {
        Frame& frame = first[i];
        frame.owner.store(abi::domid_xen, std::memory_order_relaxed);
        frame.flags = 0;
        frame.state.store(0, std::memory_order_release);
    }
    first->order = static_cast<u8>(request.order);
    return first;
}

namespace {
/// What a frame becomes that goes back, but for the lists.
void make_free(Frame& frame, u8 flags, u32 stamp) {
    PX_ASSERT(!frame.load().is_referenced() && !frame.load().has(FrameState::free));
    // The owner goes first: who sees `free` in the word must not find a domain there.
    frame.owner.store(owner_free, std::memory_order_relaxed);
    frame.aux.store(stamp, std::memory_order_relaxed);
    frame.flags = static_cast<u8>(flags | (frame.flags & frame_flag::uncached));
    frame.state.store(FrameState::free, std::memory_order_release);
}
} // namespace

void free_run(Frame& first, u64 count, bool used) {
    const u32 stamp = used ? tlb::now() : 0;
    for (u64 i = 0; i < count; ++i) make_free((&first)[i], frame_flag::dirty | (used ? frame_flag::used : 0), stamp);
    put_freed(first, count);
}

void free(Frame& first, unsigned order, bool used) { free_run(first, u64{1} << order, used); }

void free_unused(Frame& first, unsigned order) {
    for (u64 i = 0; i < u64{1} << order; ++i) make_free((&first)[i], 0, 0);
    IrqGuard guard(lock);
    buddies.put({&first, order, Contents::Clean, u64{1} << order});
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

namespace {
bool scrub_one_block(unsigned frames) PX_EXCLUDES(lock) {
    FreeBlock block;
    {
        IrqGuard guard(lock);
        block = buddies.lend_dirty(scrub_boot_memory);
    }
    if (!block.first) return false;
    scrub(block, frames);
    IrqGuard guard(lock);
    buddies.take_back(block);
    return true;
}
} // namespace

bool scrub_some(unsigned frames) {
    if (waiting.load(std::memory_order_relaxed) != 0) return true; // they look again when what is lent is back
    bool is_more = false;
    if (scrubbers.fetch_add(1, std::memory_order_relaxed) < max_scrubbers) is_more = scrub_one_block(frames);
    scrubbers.fetch_sub(1, std::memory_order_relaxed);
    return is_more;
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
