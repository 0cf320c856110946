// SPDX-License-Identifier: Apache-2.0
// The frame allocator (buddies, by address width) and small allocations for the hypervisor's own objects.
#pragma once

#include "base/result.hpp"
#include "memory/frame.hpp"

#include <cstddef>
#include <new>

namespace px::heap {

/// Largest order of a single allocation: 1 GiB.
inline constexpr unsigned max_order = 18;

/// Constraints of a frame allocation.
struct Request {
    unsigned order = 0;         ///< 2^order contiguous, naturally aligned frames
    unsigned address_bits = 64; ///< all of it below 2^address_bits
    bool zeroed = true;         ///< filled with zero (in fact all are: dirty frames are always scrubbed)
    u64 claim = 0;              ///< frames of the caller's claim that this may use up (Domain::outstanding_claim)
};

/// Gives [start, end) frames of RAM to the heap. Boot only, and memory that comes back from dom0's modules.
void add_region(Mfn start, Mfn end);
/// Frames for the hypervisor or, later, for a domain (assign with Domain::assign_frames). Null if there are none, or
/// if they are claimed by domains. The owner is domid_xen, the state word 0. Interrupts on when frames may have been
/// used by guests before: stale translations of them are flushed here.
[[nodiscard]] Frame* allocate(const Request& request);
/// The same for who can come again: should_stop() is asked after each piece of the block that has to be cleared first
/// (scrub_piece frames), so that the time until it is asked is bounded. Errors: Restart, when it said true: the block
/// is free again, and what has been cleared of it stays so; NoMemory.
[[nodiscard]] Result<Frame*> allocate_preemptibly(const Request& request, bool (*should_stop)());
/// Frames that are cleared between two looks: 2 MiB.
inline constexpr u64 scrub_piece = 512;
/// Gives `count` consecutive frames back, their state words without references. They are scrubbed before reuse: by idle
/// CPUs, or when they are given out before that.
/// used: a guest may have stale translations to them (or walk them as page tables).
void free_run(Frame& first, u64 count, bool used);
/// Gives 2^order frames back.
void free(Frame& first, unsigned order, bool used);
/// Gives 2^order frames back as allocate() gave them: nobody has written to them, so they need no scrubbing.
void free_unused(Frame& first, unsigned order);
/// Frames in the heap.
[[nodiscard]] u64 free_frames();
/// RAM that the heap never gets: the hypervisor's image and tables. Boot only; total_frames counts it.
void count_hypervisor_frames(u64 frames);
/// Frames the heap ever got plus frames of the hypervisor: host memory.
[[nodiscard]] u64 total_frames();
/// Frames free below 2^address_bits.
[[nodiscard]] u64 free_frames_below(unsigned address_bits);
/// Scrubs at most `frames` of the free frames that are dirty (not those that nobody has used since boot, with
/// `bootscrub=no`), without the heap's lock. True if some may be left for this CPU: a few do this at a time. Called by
/// idle CPUs, interrupts on.
bool scrub_some(unsigned frames);

/// Claims (XENMEM_claim_pages): frames promised to a domain and not yet allocated, over all domains.
[[nodiscard]] u64 outstanding_claims();
/// Changes one domain's claim from `from` to `to` frames. False if it grows and the heap has not that many unclaimed.
[[nodiscard]] bool change_claim(u64 from, u64 to);

/// A zeroed page for the hypervisor, by its address in the direct map; null if there is none.
[[nodiscard]] inline void* allocate_page() {
    Frame* f = allocate({});
    return f ? to_virtual(*f) : nullptr;
}
inline void free_page(void* page) { free(frame_of_virtual(page), 0, false); }

/// Small zeroed memory, aligned to 16 (or to its size when that is a power of two up to 4096). Null if there is none.
[[nodiscard]] void* allocate_bytes(std::size_t bytes);
void free_bytes(void* memory);

} // namespace px::heap

namespace px {

/// new T(args...) in the hypervisor's heap; null if there is no memory.
template <class T, class... Args> [[nodiscard]] T* make(Args&&... args) {
    void* memory = heap::allocate_bytes(sizeof(T));
    return memory ? new (memory) T(static_cast<Args&&>(args)...) : nullptr;
}
/// Destroys and frees what make() made. Null is allowed.
template <class T> void destroy(T* object) {
    if (!object) return;
    object->~T();
    heap::free_bytes(object);
}

} // namespace px
