// SPDX-License-Identifier: Apache-2.0
// Pages of the hypervisor that a domain may map: shared info, grant table frames.
#pragma once

#include "memory/heap.hpp"

namespace px {

/// A zeroed page that belongs to the hypervisor and that domain `owner` may map writable. Does not count as the
/// domain's memory. Null if there is none. Free with free_shared_page.
[[nodiscard]] inline void* allocate_shared_page(DomId owner) {
    Frame* frame = heap::allocate({});
    if (!frame) return nullptr;
    share_frame(*frame, owner);
    return to_virtual(*frame);
}

/// Gives the page up: it is no domain's any more, and returns to the heap when the last mapping of it is gone. Null is
/// allowed.
inline void free_shared_page(void* page) {
    if (!page) return;
    unshare_frame(frame_of_virtual(page));
}

/// Takes the page back if the domain does not map it: then nobody can map it any more. False where it is mapped.
/// Follow with return_shared_page or discard_shared_page.
[[nodiscard]] inline bool withdraw_shared_page(void* page) { return withdraw_frame(frame_of_virtual(page)); }

/// A withdrawn page may be mapped again.
inline void return_shared_page(void* page, DomId owner) { share_frame(frame_of_virtual(page), owner); }

/// A withdrawn page goes back to the heap.
inline void discard_shared_page(void* page) { heap::free(frame_of_virtual(page), 0, true); }

} // namespace px
