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

Contents contents_of(const Frame& first) {
    return static_cast<Contents>((first.flags & frame_flag::contents_mask) >> frame_flag::contents_shift);
}

/// Where dirty_from of a listed block stands: in the state word of its second frame. A block of one frame needs none.
std::atomic<u64>& dirty_word(Frame& first) { return (&first)[1].state; }

/// The block that a free head describes.
FreeBlock block_at(Frame& first) {
    FreeBlock block{&first, first.order, contents_of(first), 0};
    if (block.contents == Contents::Clean) block.dirty_from = block.size();
    else if (block.order != 0) block.dirty_from = dirty_word(first).load(std::memory_order_relaxed) & ~FrameState::free;
    return block;
}

struct Halves {
    FreeBlock lower, upper;
};

Halves halve(const FreeBlock& block) {
    const unsigned order = block.order - 1;
    const u64 size = u64{1} << order;
    Halves halves{{block.first, order, block.contents, 0}, {block.first + size, order, block.contents, 0}};
    halves.lower.clean_up_to(std::min(block.dirty_from, size));
    // Where the upper half's first dirty frame is, is known only if the lower half has none.
    halves.upper.clean_up_to(block.dirty_from > size ? block.dirty_from - size : 0);
    return halves;
}

FreeBlock join(const FreeBlock& lower, const FreeBlock& upper) {
    const u64 dirty_from = lower.dirty_from < lower.size() ? lower.dirty_from : lower.size() + upper.dirty_from;
    return {lower.first, lower.order + 1, std::max(lower.contents, upper.contents), dirty_from};
}

} // namespace

unsigned Buddies::zone_of(u64 mfn) { return static_cast<unsigned>(std::bit_width(mfn)); }

/// Adds to the number of free frames (modulo 2^64: also a negative number).
void Buddies::count(const FreeBlock& block, u64 frames) {
    free_ += frames;
    free_in_zone_[zone_of(index_of(*block.first))] += frames;
}

void Buddies::link(const FreeBlock& block) {
    Frame& first = *block.first;
    const u32 index = index_of(first);
    const unsigned zone = zone_of(index);
    Kind& kind = kinds_[static_cast<unsigned>(block.contents)];
    u32& head = kind.head[zone][block.order];
    const u32 next = kind.orders_present[zone] >> block.order & 1 ? head : end;
    first.order = static_cast<u8>(block.order);
    first.flags = static_cast<u8>((first.flags & ~frame_flag::contents_mask) | frame_flag::free |
                                  static_cast<u8>(block.contents) << frame_flag::contents_shift);
    if (block.contents != Contents::Clean && block.order != 0)
        dirty_word(first).store(FrameState::free | block.dirty_from, std::memory_order_relaxed);
    set_links(first, next, end);
    if (next != end) set_links(at(next), next_of(at(next)), index);
    head = index;
    kind.orders_present[zone] |= 1u << block.order;
    kind.zones_present |= u64{1} << zone;
    count(block, block.size());
}

FreeBlock Buddies::unlink(Frame& first) {
    const FreeBlock block = block_at(first);
    const unsigned zone = zone_of(index_of(first));
    Kind& kind = kinds_[static_cast<unsigned>(block.contents)];
    const u32 next = next_of(first), previous = previous_of(first);
    if (next != end) set_links(at(next), next_of(at(next)), previous);
    if (previous != end) {
        set_links(at(previous), next, previous_of(at(previous)));
    } else if (next != end) {
        kind.head[zone][block.order] = next;
    } else {
        kind.orders_present[zone] &= ~(1u << block.order);
        if (kind.orders_present[zone] == 0) kind.zones_present &= ~(u64{1} << zone);
    }
    first.flags = static_cast<u8>(first.flags & ~(frame_flag::contents_mask | frame_flag::free));
    first.state.store(FrameState::free, std::memory_order_relaxed);
    count(block, 0 - block.size());
    return block;
}

FreeBlock Buddies::split_to(FreeBlock block, unsigned order) {
    while (block.order > order) {
        const auto [lower, upper] = halve(block);
        link(upper);
        block = lower;
    }
    return block;
}

Frame* Buddies::find(Contents contents, u64 zone_mask, unsigned order) {
    const Kind& kind = kinds_[static_cast<unsigned>(contents)];
    for (u64 candidates = kind.zones_present & zone_mask; candidates != 0;) {
        const unsigned zone = static_cast<unsigned>(std::bit_width(candidates)) - 1;
        const u32 fitting = kind.orders_present[zone] & (~0u << order);
        if (fitting != 0) return &at(kind.head[zone][std::countr_zero(fitting)]);
        candidates &= ~(u64{1} << zone);
    }
    return nullptr;
}

FreeBlock Buddies::take(unsigned order, unsigned address_bits) {
    if (order >= orders || address_bits <= page_shift) return {};
    const unsigned top = std::min<unsigned>(address_bits - page_shift, zones - 1);
    const u64 allowed = (u64{2} << top) - 1;
    constexpr u64 low = (u64{1} << low_zones) - 1;
    for (const u64 zone_mask : {allowed & ~low, allowed & low})
        for (const Contents contents : {Contents::Clean, Contents::Boot, Contents::Freed})
            if (Frame* first = find(contents, zone_mask, order)) return split_to(unlink(*first), order);
    return {};
}

void Buddies::put(FreeBlock block) {
    while (block.order < max_order) {
        const u64 mfn = index_of(*block.first), size = block.size();
        const u64 buddy = mfn ^ size;
        if (!is_valid(Mfn(buddy + size - 1)) || (mfn & ~size) == 0) break;
        Frame& other = at(static_cast<u32>(buddy));
        if ((other.flags & frame_flag::free) == 0 || other.order != block.order) break;
        if (contents_of(other) != block.contents && block.order >= max_mixed_order) break;
        const FreeBlock neighbour = unlink(other);
        block = buddy < mfn ? join(neighbour, block) : join(block, neighbour);
    }
    link(block);
}

FreeBlock Buddies::lend_dirty(bool boot) {
    Frame* first = find(Contents::Freed, ~u64{0}, 0);
    if (!first && boot) first = find(Contents::Boot, ~u64{0}, 0);
    if (!first) return {};
    FreeBlock block = unlink(*first);
    while (block.order > max_mixed_order) {
        const auto [lower, upper] = halve(block);
        const bool in_lower = lower.contents != Contents::Clean;
        link(in_lower ? upper : lower);
        block = in_lower ? lower : upper;
    }
    ++lent_;
    count(block, block.size());
    return block;
}

void Buddies::take_back(const FreeBlock& block) {
    --lent_;
    count(block, 0 - block.size());
    put(block);
}

} // namespace px::heap
