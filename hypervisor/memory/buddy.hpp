// SPDX-License-Identifier: Apache-2.0
// Free lists of the frame heap: blocks by order and by address width. Pure; the heap's lock guards an object.
#pragma once

#include "memory/frame.hpp"
#include "memory/heap.hpp"

namespace px::heap {

/// Buddies. A free block of order n is 2^n frames, naturally aligned; its first frame carries the order, the links and
/// the some_* flags. A zone holds the blocks whose frame numbers have one bit width: a block never crosses zones, so an
/// address limit only chooses zones. Blocks with frames that guests used stay small (max_used_order) until they are
/// scrubbed, so that whoever scrubs finds those frames quickly.
class Buddies {
  public:
    static constexpr unsigned zones = 41;
    static constexpr unsigned orders = max_order + 1;
    static constexpr unsigned max_used_order = 10;

    /// Takes a block out, at addresses below 2^address_bits, from as high a zone as there is. Null: none.
    Frame* take(unsigned order, unsigned address_bits);
    /// Puts a block in, merging it with free neighbours. some: frame_flag::some_dirty and some_used as they apply.
    /// The owner, state and flags of its frames are already those of free frames.
    void put(Frame& first, unsigned order, u8 some);
    /// Takes out a block that holds used frames, at most max_used_order large. Null: none.
    Frame* take_used();
    /// Takes out a block that holds dirty frames, split down to at most `order`. Null: none.
    Frame* take_dirty(unsigned order);

    [[nodiscard]] u64 free_frames() const { return free_; }
    [[nodiscard]] u64 free_in_zone(unsigned zone) const { return free_in_zone_[zone]; }
    /// Zone of a frame number: its bit width.
    [[nodiscard]] static unsigned zone_of(u64 mfn);

  private:
    static constexpr u32 end = 0x7fffffff;
    struct Ends {
        u32 head = end, tail = end;
    };

    void link(Frame& first, unsigned order, u8 some);
    void unlink(Frame& first);
    Frame* split_to(Frame& first, unsigned order);
    [[nodiscard]] Frame* find(u8 some);

    Ends list_[zones][orders];
    u32 orders_present_[zones] = {}; ///< bit per order with a block
    u64 zones_present_ = 0;          ///< bit per zone with a block
    u64 free_ = 0;
    u64 free_in_zone_[zones] = {};
    u64 used_blocks_ = 0;  ///< blocks with some_used
    u64 dirty_blocks_ = 0; ///< blocks with some_dirty
};

} // namespace px::heap
