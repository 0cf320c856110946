// SPDX-License-Identifier: Apache-2.0
// Reference counts of frames: lock-free transitions of the state word (tests/models/frame_types.pml).
#include "memory/frame.hpp"

#include "abi/types.hpp"
#include "base/lock.hpp"
#include "base/panic.hpp"
#include "memory/cache.hpp"
#include "memory/heap.hpp"
#include "memory/owner.hpp"
#include "memory/tlb.hpp"

namespace px {

namespace {

/// The last reference is gone (seen by exactly one CPU: nobody takes a reference on a word that has none).
void free_frame(Frame& frame, u64 word) {
    const DomId domain(frame.owner.load(std::memory_order_relaxed));
    if ((word & FrameState::hypervisor) == 0 && domain.raw() < abi::first_reserved) owner::frames_left(domain, 1);
    heap::free(frame, 0, true);
}

/// Takes one plain reference while there is any reference; the caller checks the owner afterwards.
bool add_reference(Frame& frame) {
    u64 word = frame.state.load(std::memory_order_relaxed);
    do {
        if (!FrameState{word}.is_referenced()) return false;
        if ((word & FrameState::count_mask) == FrameState::count_mask) [[unlikely]]
            return false;
        // Acquire pairs with the release of who made the frame what it is (owner, contents).
    } while (!frame.state.compare_exchange_weak(word, word + FrameState::count_one, std::memory_order_acquire,
                                                std::memory_order_relaxed));
    return true;
}

/// A writable type is being made (stale translations are flushed): waits for its end.
void wait_until_validated(const Frame& frame) {
    while (true) {
        const FrameState state = frame.load();
        if (state.has(FrameState::validated) || state.type() != FrameType::Writable) return;
        detail::relax();
    }
}

bool owned_by(const Frame& frame, DomId owner) { return frame.owner.load(std::memory_order_relaxed) == owner.raw(); }

} // namespace

bool acquire_frame(Frame& frame, DomId owner) {
    if (!owned_by(frame, owner)) return false;
    if (!add_reference(frame)) return false;
    // Only now the owner cannot change any more.
    if (!owned_by(frame, owner)) [[unlikely]] {
        release_frame(frame);
        return false;
    }
    return true;
}

bool acquire_frame(Frame& frame) { return add_reference(frame); }

void release_frame(Frame& frame) {
    // Release: what we did with the frame comes before; acquire: the last one sees what all others did.
    const u64 word = frame.state.fetch_sub(FrameState::count_one, std::memory_order_acq_rel) - FrameState::count_one;
    if ((word & FrameState::referenced_mask) == 0) [[unlikely]]
        free_frame(frame, word);
}

namespace {
/// Flushes where translations of a frame may be left that is about to be used as another type.
void flush_translations(Frame& frame) {
    const u32 stamp = frame.aux.load(std::memory_order_relaxed);
    // The owner's tables are walked only where its vCPUs run, and only its own entries lead to its frames: a flush
    // there is enough, unless another domain has mapped the frame. Who was about to write to it had a typed reference
    // when it set the flag; we saw the last one go. The reference that we hold keeps the owner what it is.
    const bool shared = frame.flags & frame_flag::shared;
    const DomId user(frame.owner.load(std::memory_order_relaxed));
    if (const Domain* domain = shared ? nullptr : owner::if_current(user)) {
        tlb::flush_older(stamp, *domain);
        return;
    }
    // Cleared first, so that who gets a writable reference once the new type allows it sets it for good. Who maps it
    // for reading meanwhile may go unnoticed, which does no harm: it can neither write to the frame nor walk it as a
    // table. When the frame is freed, all CPUs flush.
    if (shared) frame.flags.clear(frame_flag::shared);
    tlb::flush_older(stamp);
}
} // namespace

void end_former_use(Frame& frame) {
    flush_translations(frame);
    // Only now nobody writes past the caches any more: loading CR3, too, has emptied the buffers of such writes (SDM
    // volume 3, 12.3.1; APM volume 2, 7.6.4). Who maps it for reading meanwhile and sets the flag changes nothing.
    if (frame.flags & frame_flag::uncached) [[unlikely]]
        cache::flush(frame);
}

bool acquire_writable(Frame& frame, DomId owner) {
    if (!owned_by(frame, owner)) return false;
    u64 word = frame.state.load(std::memory_order_relaxed);
    u64 next = 0;
    bool flush = false;
    do {
        const FrameState state{word};
        if (!state.is_referenced()) return false;
        if (state.type_count() == 0) {
            // A former page table may still be walked by CPUs with stale translations, until flushed.
            flush = state.type() != FrameType::Writable && state.type() != FrameType::None;
            next = (word & ~(FrameState::type_mask | FrameState::validated | FrameState::partial)) |
                   static_cast<u64>(FrameType::Writable) << FrameState::type_shift;
            if (!flush) next |= FrameState::validated;
            next += FrameState::type_count_one;
        } else {
            if (state.type() != FrameType::Writable || state.type_count() == FrameState::type_count_mask) return false;
            flush = false;
            next = (word + FrameState::type_count_one) | FrameState::joined;
        }
    } while (!frame.state.compare_exchange_weak(word, next, std::memory_order_acquire, std::memory_order_relaxed));
    if (flush) [[unlikely]] {
        end_former_use(frame);
        frame.state.fetch_or(FrameState::validated, std::memory_order_release);
    } else if ((next & FrameState::validated) == 0) [[unlikely]] {
        wait_until_validated(frame);
    }
    if (!owned_by(frame, owner)) [[unlikely]] {
        release_writable(frame);
        return false;
    }
    return true;
}

void release_writable(Frame& frame) {
    u64 word = frame.state.load(std::memory_order_relaxed);
    u64 next = 0;
    while (true) {
        next = word - FrameState::type_count_one;
        if ((next & FrameState::type_count_mask) == 0) {
            // Another reference that comes and goes between the stamp and the end, with a mapping of its own, leaves
            // the counts as they were and the stamp too old: the mark that it makes tells. So the mark goes first.
            if (word & FrameState::joined) {
                if (frame.state.compare_exchange_weak(word, word & ~FrameState::joined, std::memory_order_relaxed))
                    word &= ~FrameState::joined;
                continue;
            }
            // The stamp must be there before anybody can see the count at zero and give the frame another type.
            frame.aux.store(tlb::now(), std::memory_order_relaxed);
        }
        if (frame.state.compare_exchange_weak(word, next, std::memory_order_acq_rel, std::memory_order_relaxed)) break;
    }
    if ((next & FrameState::referenced_mask) == 0) [[unlikely]]
        free_frame(frame, next);
}

bool give_up_frame(Frame& frame) {
    u64 word = frame.state.load(std::memory_order_relaxed);
    u64 next = 0;
    do {
        if ((word & FrameState::allocated) == 0 || (word & (FrameState::hypervisor | FrameState::free)) != 0)
            return false;
        next = word & ~FrameState::allocated;
    } while (!frame.state.compare_exchange_weak(word, next, std::memory_order_acq_rel, std::memory_order_relaxed));
    if ((next & FrameState::referenced_mask) == 0) free_frame(frame, next);
    return true;
}

bool take_back_frame(Frame& frame, DomId owner) {
    // The reference keeps the frame this owner's while the owner's hold on it is taken away.
    if (!acquire_frame(frame, owner)) return false;
    u64 word = frame.state.load(std::memory_order_relaxed);
    u64 next = 0;
    do {
        if (word & FrameState::hypervisor) {
            release_frame(frame);
            return false;
        }
        next = (word - FrameState::count_one) & ~FrameState::allocated;
    } while (!frame.state.compare_exchange_weak(word, next, std::memory_order_acq_rel, std::memory_order_relaxed));
    return (next & FrameState::referenced_mask) == 0;
}

bool steal_frame(Frame& frame, DomId owner) {
    if (!acquire_frame(frame, owner)) return false;
    constexpr u64 held = FrameState::referenced_mask | FrameState::hypervisor | FrameState::pinned;
    constexpr u64 sole = FrameState::allocated | FrameState::count_one;
    u64 word = frame.state.load(std::memory_order_relaxed);
    do {
        if ((word & held) != sole) {
            release_frame(frame);
            return false;
        }
    } while (
        !frame.state.compare_exchange_weak(word, word - sole, std::memory_order_acq_rel, std::memory_order_relaxed));
    return true;
}

void share_frame(Frame& frame, DomId owner) {
    frame.owner.store(owner.raw(), std::memory_order_relaxed);
    // Release pairs with the acquire in add_reference: who gets a reference sees the owner.
    frame.state.store(FrameState::hypervisor | FrameState::allocated, std::memory_order_release);
}

void unshare_frame(Frame& frame) {
    // First, while our hold keeps it: mappings that are left may outlive the domain, whose number another one gets. Who
    // has seen the old owner looks again once it has its reference.
    frame.owner.store(abi::domid_xen, std::memory_order_relaxed);
    const u64 word = frame.state.fetch_and(~FrameState::allocated, std::memory_order_acq_rel) & ~FrameState::allocated;
    if ((word & FrameState::referenced_mask) == 0) free_frame(frame, word);
}

bool withdraw_frame(Frame& frame) {
    u64 word = frame.state.load(std::memory_order_relaxed);
    do {
        if ((word & FrameState::referenced_mask) != FrameState::allocated) return false;
    } while (!frame.state.compare_exchange_weak(word, word & ~FrameState::allocated, std::memory_order_acq_rel,
                                                std::memory_order_relaxed));
    return true;
}

} // namespace px
