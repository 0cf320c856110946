// SPDX-License-Identifier: Apache-2.0
// Free lists of the frame heap: linking, splitting and merging of blocks.
#include "memory/buddy.hpp"

#include <algorithm>
#include <bit>

namespace px::heap {

namespace {

// The state word of the head of a free block: next in the low half, previous above it, FrameState::free on top.
constexpr u64 links(u32 next, u32 previous) { return FrameState::free | u64{previous} << 32 | next; }
u64 word(const Frame& f) { return f.state.load(std::memory_order_relaxed); }
u32 next_of(const Frame& f) { return static_cast<u32>(word(f)); }
u32 previous_of(const Frame& f) { return static_cast<u32>(word(f) >> 32) & 0x7fffffff; }
void set_links(Frame& f, u32 next, u32 previous) { f.state.store(links(next, previous), std::memory_order_relaxed); }
u32 index_of(const Frame& f) { return static_cast<u32>(mfn_of(f).raw()); }
Frame& at(u32 index) { return frame_of(Mfn(index)); }

constexpr u8 some_flags = frame_flag::some_dirty | frame_flag::some_used;

} // namespace

unsigned Buddies::zone_of(u64 mfn) { return static_cast<unsigned>(std::bit_width(mfn)); }

void Buddies::link(Frame& first, unsigned order, u8 some) {
    const u32 index = index_of(first);
    const unsigned zone = zone_of(index);
    Ends& ends = list_[zone][order];
    first.order = static_cast<u8>(order);
    first.flags = static_cast<u8>((first.flags & ~some_flags) | frame_flag::free | some);
    // What guests used goes to the tail: the others are given out first, and whoever scrubs finds it there.
    if ((some & frame_flag::some_used) != 0 && ends.tail != end) {
        set_links(first, end, ends.tail);
        set_links(at(ends.tail), index, previous_of(at(ends.tail)));
        ends.tail = index;
    } else {
        set_links(first, ends.head, end);
        if (ends.head != end)
            set_links(at(ends.head), next_of(at(ends.head)), index);
        else
            ends.tail = index;
        ends.head = index;
    }
    orders_present_[zone] |= 1u << order;
    zones_present_ |= u64{1} << zone;
    free_ += u64{1} << order;
    free_in_zone_[zone] += u64{1} << order;
    if (some & frame_flag::some_used) ++used_blocks_;
    if (some & frame_flag::some_dirty) ++dirty_blocks_;
}

void Buddies::unlink(Frame& first) {
    const unsigned order = first.order;
    const unsigned zone = zone_of(index_of(first));
    Ends& ends = list_[zone][order];
    const u32 next = next_of(first), previous = previous_of(first);
    if (next != end)
        set_links(at(next), next_of(at(next)), previous);
    else
        ends.tail = previous;
    if (previous != end)
        set_links(at(previous), next, previous_of(at(previous)));
    else
        ends.head = next;
    if (ends.head == end) {
        orders_present_[zone] &= ~(1u << order);
        if (orders_present_[zone] == 0) zones_present_ &= ~(u64{1} << zone);
    }
    free_ -= u64{1} << order;
    free_in_zone_[zone] -= u64{1} << order;
    if (first.flags & frame_flag::some_used) --used_blocks_;
    if (first.flags & frame_flag::some_dirty) --dirty_blocks_;
    first.flags = static_cast<u8>(first.flags & ~frame_flag::free);
    first.state.store(FrameState::free, std::memory_order_relaxed);
}

Frame* Buddies::split_to(Frame& first, unsigned order) {
    unlink(first);
    const u8 some = first.flags & some_flags;
    for (unsigned o = first.order; o > order;) {
        --o;
        // The upper half stays; which half the dirty frames are in is not known, so both keep the marks.
        Frame& upper = (&first)[u64{1} << o];
        link(upper, o, some);
    }
    first.order = static_cast<u8>(order);
    return &first;
}

Frame* Buddies::take(unsigned order, unsigned address_bits) {
    if (order >= orders || address_bits <= page_shift) return nullptr;
    const unsigned top = std::min<unsigned>(address_bits - page_shift, zones - 1);
    u64 candidates = zones_present_ & ((u64{2} << top) - 1);
    while (candidates != 0) {
        const unsigned zone = static_cast<unsigned>(std::bit_width(candidates)) - 1;
        const u32 fitting = orders_present_[zone] & (~0u << order);
        if (fitting != 0) return split_to(at(list_[zone][std::countr_zero(fitting)].head), order);
        candidates &= ~(u64{1} << zone);
    }
    return nullptr;
}

void Buddies::put(Frame& first, unsigned order, u8 some) {
    u64 mfn = index_of(first);
    while (order < max_order) {
        const u64 size = u64{1} << order;
        const u64 buddy = mfn ^ size;
        if (!is_valid(Mfn(buddy + size - 1)) || (mfn & ~size) == 0) break;
        Frame& other = frame_of(Mfn(buddy));
        if ((other.flags & frame_flag::free) == 0 || other.order != order) break;
        const u8 both = some | (other.flags & some_flags);
        if ((both & frame_flag::some_used) && order >= max_used_order) break;
        unlink(other);
        other.flags = static_cast<u8>(other.flags & ~some_flags);
        some = both;
        mfn &= ~size;
        ++order;
    }
    Frame& head = frame_of(Mfn(mfn));
    head.state.store(FrameState::free, std::memory_order_relaxed);
    // The former head inside the block keeps only its own marks.
    first.flags = static_cast<u8>(first.flags & ~(some_flags | frame_flag::free));
    link(head, order, some);
}

Frame* Buddies::find(u8 some) {
    const bool from_tail = some == frame_flag::some_used;
    for (u64 left = zones_present_; left != 0; left &= left - 1) {
        const unsigned zone = static_cast<unsigned>(std::countr_zero(left));
        for (u32 present = orders_present_[zone]; present != 0; present &= present - 1) {
            const Ends& ends = list_[zone][std::countr_zero(present)];
            u32 index = from_tail ? ends.tail : ends.head;
            // Used blocks are all at the tail; dirty ones are anywhere: look at a few, others come in front later.
            for (unsigned n = 0; n < (from_tail ? 1u : 8u) && index != end; ++n, index = next_of(at(index)))
                if (at(index).flags & some) return &at(index);
        }
    }
    return nullptr;
}

Frame* Buddies::take_used() {
    if (used_blocks_ == 0) return nullptr;
    Frame* f = find(frame_flag::some_used);
    if (f) unlink(*f);
    return f;
}

Frame* Buddies::take_dirty(unsigned order) {
    if (dirty_blocks_ == 0) return nullptr;
    Frame* f = find(frame_flag::some_dirty);
    return f ? split_to(*f, std::min<unsigned>(order, f->order)) : nullptr;
}

} // namespace px::heap
