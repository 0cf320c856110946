// SPDX-License-Identifier: Apache-2.0
// Free lists of the frame heap: blocks by contents, order and address width. Pure; the heap's lock guards an object.
#pragma once

#include "memory/frame.hpp"
#include "memory/heap.hpp"

namespace px::heap {

/// What the frames of a free block hold, from the best to the worst to be given out.
enum class Contents : u8 {
    Clean, ///< zeros, all of them
    Boot,  ///< some hold what was there at boot
    Freed, ///< some hold what somebody left there, and may have stale translations (frame_flag::used)
};

/// 2^order free frames, naturally aligned.
struct FreeBlock {
    Frame* first = nullptr; ///< null: no block
    unsigned order = 0;
    Contents contents = Contents::Clean;
    /// Frames before this one of the block are clean; of the others frame_flag::dirty tells. 2^order if all are clean.
    u64 dirty_from = 0;

    [[nodiscard]] u64 size() const { return u64{1} << order; }
    /// Says that frames before `from` are clean.
    void clean_up_to(u64 from) {
        dirty_from = from;
        if (from >= size()) contents = Contents::Clean;
    }
};

/// Buddies. The first frame of a free block carries its order, contents and links. A zone holds the blocks whose frame
/// numbers have one bit width: a block never crosses zones, so an address limit only chooses zones.
///
/// A clean block and one that is not merge only up to max_mixed_order: what one dirty frame makes impure stays small.
/// Whoever scrubs takes a block that is not clean, clears some frames from dirty_from on, and gives it back with a
/// later dirty_from: each time there are fewer dirty frames, or fewer blocks that are not clean, so that it comes to an
/// end.
class Buddies {
  public:
    static constexpr unsigned zones = 41;
    static constexpr unsigned orders = max_order + 1;
    /// Also the largest block that is lent for scrubbing.
    static constexpr unsigned max_mixed_order = 10;
    /// Zones of memory below 4 GiB, which devices may need: given out last, even if it is clean and the rest is not.
    static constexpr unsigned low_zones = 32 - page_shift + 1;

    /// Takes a block out, at addresses below 2^address_bits: a clean one if there is one, from as high a zone as there
    /// is.
    FreeBlock take(unsigned order, unsigned address_bits);
    /// Puts a block in, merging it with free neighbours. The owner, state and flags of its frames are already those of
    /// free frames.
    void put(FreeBlock block);
    /// Takes out a block that holds dirty frames, at most max_mixed_order large; it still counts as free.
    /// boot: also one that nobody has used since boot.
    FreeBlock lend_dirty(bool boot);
    /// Puts back what lend_dirty() gave.
    void take_back(const FreeBlock& block);

    [[nodiscard]] u64 free_frames() const { return free_; }
    [[nodiscard]] u64 free_in_zone(unsigned zone) const { return free_in_zone_[zone]; }
    /// Some of the free frames are lent: take() may find more when they are back.
    [[nodiscard]] bool any_lent() const { return lent_ != 0; }
    /// Zone of a frame number: its bit width.
    [[nodiscard]] static unsigned zone_of(u64 mfn);

  private:
    static constexpr u32 end = 0x7fffffff;
    struct Kind {
        u32 head[zones][orders]; ///< first block of each list, or `end`; what it holds counts only with orders_present
        u32 orders_present[zones]; ///< bit per order with a block
        u64 zones_present;         ///< bit per zone with a block
    };

    void link(const FreeBlock& block);
    FreeBlock unlink(Frame& first);
    [[nodiscard]] Frame* find(Contents contents, u64 zone_mask, unsigned order);
    FreeBlock split_to(FreeBlock block, unsigned order);
    void count(const FreeBlock& block, u64 frames);

    Kind kinds_[3] = {}; ///< by Contents
    u64 free_ = 0;
    u64 free_in_zone_[zones] = {};
    u64 lent_ = 0; ///< blocks
};

} // namespace px::heap
