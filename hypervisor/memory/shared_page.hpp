// SPDX-License-Identifier: Apache-2.0
// Pages of the hypervisor that a domain may map: shared info, grant table frames.
#pragma once

#include "domain/domain.hpp"
#include "memory/heap.hpp"

namespace px {

/// A zeroed page that belongs to the hypervisor and that `domain` may map writable. Does not count as the domain's memory.
/// Null if there is none. Free with free_shared_page.
[[nodiscard]] inline void* allocate_shared_page(Domain& domain) {
    Frame* frame = heap::allocate({});
    if (!frame) return nullptr;
    frame->owner.store(domain.id.raw(), std::memory_order_relaxed);
    frame->state.store(FrameState::hypervisor | FrameState::allocated, std::memory_order_release);
    return to_virtual(*frame);
}

/// Gives the page up; it returns to the heap when the domain's last mapping of it is gone. Null is allowed.
inline void free_shared_page(void* page) {
    if (!page) return;
    Frame& frame = frame_of_virtual(page);
    // The hold that give_up_frame ends must not be the last while it looks: take a plain reference over it.
    if (acquire_frame(frame)) {
        (void)give_up_frame(frame);
        release_frame(frame);
    }
}

} // namespace px
