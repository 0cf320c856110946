// SPDX-License-Identifier: Apache-2.0
// A domain's frames: taking them on, counting them, giving them all back.
#include "domain/create.hpp"
#include "domain/domain.hpp"
#include "memory/heap.hpp"
#include "schedule/softirq.hpp"

#include <algorithm>

namespace px {

namespace {
/// Consecutive frames that nobody holds any more: they leave the domain and go to the heap together.
class FreedRun {
  public:
    explicit FreedRun(Domain& domain) : domain_(domain) {}
    FreedRun(const FreedRun&) = delete;
    FreedRun& operator=(const FreedRun&) = delete;
    ~FreedRun() { end(); }

    void add(Frame& frame) {
        if (&frame != first_ + count_ || count_ == largest) {
            end();
            first_ = &frame;
        }
        ++count_;
    }

  private:
    /// Bounds the time that frames are neither the domain's nor in the heap.
    static constexpr u64 largest = 1024;

    void end() {
        if (count_ == 0) return;
        heap::free_run(*first_, count_, true);
        domain_.frames_left(count_);
        count_ = 0;
    }

    Domain& domain_;
    Frame* first_ = nullptr;
    u64 count_ = 0;
};

} // namespace

Result<Domain::Promise> Domain::promise_frames(u64 count) {
    Guard guard(page_lock);
    if (is_dying()) return fail(Error::Invalid);
    const u64 total = total_pages.load(std::memory_order_relaxed);
    const u64 limit = max_pages; // also the first domain's builder: it sets it before
    if (total > limit || count > limit - total) return fail(Error::NoMemory);
    const u64 claimed = std::min(outstanding_claim, count);
    outstanding_claim -= claimed;
    // Owning frames keeps the domain's number taken: mappings of others may outlive it.
    if (total == 0) references.fetch_add(1, std::memory_order_relaxed);
    total_pages.store(total + count, std::memory_order_relaxed);
    return Promise{count, claimed, claims_made};
}

void Domain::cancel(const Promise& promise) {
    bool is_claimed = false;
    {
        Guard guard(page_lock);
        // The claim of then may have ended, and another one begun.
        is_claimed = promise.claim_made == claims_made;
        if (is_claimed) outstanding_claim += promise.claimed;
    }
    if (!is_claimed && promise.claimed != 0) (void)heap::change_claim(promise.claimed, 0);
    frames_left(promise.frames);
}

Result<> Domain::assign_frames(Frame& first, const Promise& promise) {
    {
        // To the end: who makes it dying takes the lock once before it looks for the frames.
        Guard guard(page_lock);
        if (is_dying()) return fail(Error::Invalid);
        own_frames(first, promise.frames);
    }
    if (promise.claimed) (void)heap::change_claim(promise.claimed, 0);
    return {};
}

Result<> Domain::assign_frames(Frame& first, unsigned order) {
    const Promise promise = TRY(promise_frames(u64{1} << order));
    const Result<> assigned = assign_frames(first, promise);
    if (!assigned) cancel(promise);
    return assigned;
}

void Domain::own_frames(Frame& first, u64 count) {
    const u64 start = mfn_of(first).raw();
    for (u64 region = start / frames_per_region; region <= (start + count - 1) / frames_per_region; ++region)
        owned_regions[region / 64].fetch_or(u64{1} << (region % 64), std::memory_order_relaxed);
    for (u64 i = 0; i < count; ++i) {
        Frame& frame = (&first)[i];
        frame.owner.store(id.raw(), std::memory_order_relaxed);
        // Release pairs with the acquire of a reference: who gets one sees the owner.
        frame.state.store(FrameState::allocated, std::memory_order_release);
    }
}

Result<> Domain::replace_frames(Frame* const* blocks, u64 count, unsigned order) {
    Guard guard(page_lock);
    if (is_dying()) return fail(Error::Invalid);
    for (u64 i = 0; i < count; ++i) own_frames(*blocks[i], u64{1} << order);
    return {};
}

void Domain::return_frame(Frame& stolen) {
    {
        Guard guard(page_lock);
        if (!is_dying()) {
            // Release pairs with the acquire of a reference, like in own_frames.
            stolen.state.fetch_or(FrameState::allocated, std::memory_order_release);
            return;
        }
    }
    heap::free(stolen, 0, true);
    frames_left(1);
}

void Domain::frames_left(u64 count) {
    bool was_last;
    {
        Guard guard(page_lock);
        was_last = total_pages.fetch_sub(count, std::memory_order_relaxed) == count;
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
    ++claims_made;
    return {};
}

Result<> Domain::release_memory() {
    FreedRun freed(*this);
    for (MfnRange piece = owned_piece(teardown_position); piece.first != piece.end; piece = owned_piece(piece.end)) {
        for (u64 mfn = piece.first.raw(); mfn < piece.end.raw(); ++mfn)
            if (Frame& frame = frame_of(Mfn(mfn)); take_back_frame(frame, id)) freed.add(frame);
        teardown_position = piece.end;
        if (softirq::is_pending()) return fail(Error::Restart);
    }
    return {};
}

} // namespace px
