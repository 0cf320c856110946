// SPDX-License-Identifier: Apache-2.0
// The frame table: 16 bytes for each 4 KiB frame of memory: owner, type and reference counts in one atomic word.
#pragma once

#include "base/number.hpp"

#include <atomic>

namespace px {

/// What a frame may be used for while its type count is not zero. A frame has one type at a time; it changes only when
/// no typed reference is left. The page-table types are given and checked by the guest kind.
enum class FrameType : u8 {
    None = 0,
    Writable = 1,
    PageTable1 = 2,
    PageTable2 = 3,
    PageTable3 = 4,
    PageTable4 = 5,
    Descriptors = 6, ///< GDT or LDT
};

/// The state word. Two counts: typed references (each PTE that maps writable, each use as a page table) and plain
/// references (read-only mappings, grants, operations under way). A frame is free for the heap when both are zero and
/// `allocated` is clear; `allocated` is the owner's own hold on it.
struct FrameState {
    static constexpr u64 type_count_one = u64{1} << 0; // 27 bits
    static constexpr u64 type_count_mask = (u64{1} << 27) - 1;
    static constexpr u64 count_one = u64{1} << 27; // 27 bits
    static constexpr u64 count_mask = ((u64{1} << 27) - 1) << 27;
    static constexpr unsigned type_shift = 54; // 3 bits
    static constexpr u64 type_mask = u64{7} << type_shift;
    static constexpr u64 validated = u64{1} << 57; ///< contents checked for the type
    static constexpr u64 partial = u64{1} << 58;   ///< check or teardown was interrupted: Frame::aux tells where
    static constexpr u64 pinned = u64{1} << 59;    ///< one typed reference is held by a pin
    static constexpr u64 allocated = u64{1} << 60; ///< belongs to its owner
    static constexpr u64 hypervisor = u64{1}
                                      << 61; ///< hypervisor's own page that a domain may map (shared info, grant table)
    /// A Writable reference came beside others since the last look of who drops them: see release_writable.
    static constexpr u64 joined = u64{1} << 62;
    static constexpr u64 referenced_mask = type_count_mask | count_mask | allocated;
    /// In the heap. The rest of the word is then the heap's: links of the free list. No word in use has this bit, so a
    /// compare-and-swap of somebody who saw the frame in use can never succeed on a free frame.
    static constexpr u64 free = u64{1} << 63;

    u64 word = 0;
    [[nodiscard]] constexpr u64 type_count() const { return word & type_count_mask; }
    [[nodiscard]] constexpr u64 count() const { return (word & count_mask) / count_one; }
    [[nodiscard]] constexpr FrameType type() const { return static_cast<FrameType>((word & type_mask) >> type_shift); }
    [[nodiscard]] constexpr bool has(u64 flag) const { return (word & flag) != 0; }
    /// Somebody holds it: more references may be taken.
    [[nodiscard]] constexpr bool is_referenced() const { return (word & referenced_mask) != 0 && (word & free) == 0; }
};

/// A byte that one CPU may look at while another changes it (the heap looks at the neighbours of a block).
class RelaxedByte {
  public:
    operator u8() const { return value_.load(std::memory_order_relaxed); }
    RelaxedByte& operator=(u8 v) {
        value_.store(v, std::memory_order_relaxed);
        return *this;
    }
    /// Change some bits; others may change others at the same time.
    void set(u8 bits) { value_.fetch_or(bits, std::memory_order_relaxed); }
    void clear(u8 bits) { value_.fetch_and(static_cast<u8>(~bits), std::memory_order_relaxed); }

  private:
    std::atomic<u8> value_{0};
};

/// One frame of machine memory.
struct Frame {
    std::atomic<u64> state; ///< FrameState; while free: FrameState::free and the heap's links (heap lock)
    std::atomic<u16> owner; ///< DomId; heap: owner_free; hypervisor: domid_xen; not RAM (device memory): domid_io
    RelaxedByte order;      ///< heap: order of the free block, or of the allocation, that starts here
    RelaxedByte flags;      ///< heap: see frame_flag
    std::atomic<u32> aux;   ///< free, or without type: TLB clock (memory/tlb.hpp); page table being checked: next entry

    [[nodiscard]] FrameState load() const { return {state.load(std::memory_order_acquire)}; }
};
static_assert(sizeof(Frame) == 16);

/// Bits of Frame::flags.
namespace frame_flag {
inline constexpr u8 free = 1;  ///< head of a free block in the heap
inline constexpr u8 dirty = 2; ///< contents unknown: scrub before it is given out
inline constexpr u8 used = 4;  ///< (with dirty) a guest had it: aux says when stale translations may last be made
inline constexpr unsigned contents_shift = 3; ///< head of a free block: heap::Contents, two bits
inline constexpr u8 contents_mask = 3 << contents_shift;
inline constexpr u8 slab = 32; ///< page of small allocations
/// Of a domain's frame: another domain has mapped it since the last flush of all CPUs for it. Set by who holds a
/// reference, before the entry is made.
inline constexpr u8 shared = 64;
/// Of a domain's frame: it has been, or is about to be, mapped with another memory type than write-back. Set like
/// `shared`; stays until the frame, free again, is scrubbed (memory/cache.hpp).
inline constexpr u8 uncached = 128;
} // namespace frame_flag

/// Value of Frame::owner for frames that nobody owns: in the heap.
inline constexpr u16 owner_free = 0xffff;

#ifdef PROXENOS_HYPERVISOR
/// Fixed addresses (x86/layout.hpp has the whole map).
inline constexpr u64 frame_table_start = 0xffff82e000000000;
inline constexpr u64 direct_map_start = 0xffff830000000000;
#else
extern u64 frame_table_start; ///< host tests: a fake table and fake memory
extern u64 direct_map_start;
#endif
/// One past the highest frame that has an entry in the frame table.
extern Mfn max_frame;

/// Frame numbers have so many bits: more memory has no place in the direct map.
inline constexpr unsigned frame_number_bits = 31;
/// The number as an index. A guest chose many a number that comes by here, and a CPU may guess the outcome of the
/// check: so under speculation, too, an access stays in the table, in the direct map, or behind that in the guest's own
/// half.
constexpr u64 frame_index(Mfn m) { return m.raw() & ((u64{1} << frame_number_bits) - 1); }

/// True if the frame table has an entry for it (memory, or a hole in it). Does not say that it is RAM.
inline bool is_valid(Mfn m) { return m.raw() < max_frame.raw(); }
/// Entry of a frame. m must be valid.
inline Frame& frame_of(Mfn m) { return reinterpret_cast<Frame*>(frame_table_start)[frame_index(m)]; }
inline Mfn mfn_of(const Frame& f) {
    return Mfn(static_cast<u64>(&f - reinterpret_cast<const Frame*>(frame_table_start)));
}
/// Hypervisor address of physical memory, by the direct map.
template <class T = void> T* to_virtual(Paddr a) { return reinterpret_cast<T*>(direct_map_start + a.raw()); }
template <class T = void> T* to_virtual(Mfn m) {
    return reinterpret_cast<T*>(direct_map_start + frame_index(m) * page_size);
}
template <class T = void> T* to_virtual(const Frame& f) { return to_virtual<T>(mfn_of(f)); }
/// Physical address of something in the direct map (not of the image).
inline Paddr to_physical(const void* p) { return Paddr(reinterpret_cast<u64>(p) - direct_map_start); }
inline Frame& frame_of_virtual(const void* p) { return frame_of(mfn_of(to_physical(p))); }

/// Takes a plain reference if the frame is in use and belongs to `owner`. False otherwise, also on counter overflow.
[[nodiscard]] bool acquire_frame(Frame& frame, DomId owner);
/// Takes a plain reference on a frame in use, whoever owns it. False if it is free or the counter is full.
[[nodiscard]] bool acquire_frame(Frame& frame);
/// Drops a plain reference; the last one of a frame that is no longer allocated gives it back to the heap.
void release_frame(Frame& frame);
/// Ends what a frame was used for before it is used as another type: flushes where translations of it may be left, then
/// what caches may hold that memory has not. The caller has the first reference of the new type, nobody may rely on
/// that type yet, and aux still has the stamp of the end of the old one. Interrupts on.
void end_former_use(Frame& frame);
/// Takes a Writable typed reference (data pages only: no contents check is needed). Fails with false when the frame is
/// in use as another type, is not owned by owner, or the counter is full.
/// Interrupts on: a former page table is flushed from TLBs here, or that is waited for.
[[nodiscard]] bool acquire_writable(Frame& frame, DomId owner);
/// Drops a Writable typed reference; the last one of a frame that nothing else holds gives it back to the heap. Also
/// the last step for other types, once their contents are released.
void release_writable(Frame& frame);
/// Clears `allocated` (true if it was set): the owner gives the frame up; it is freed with its last reference.
/// Refuses (false) the hypervisor's own pages that a domain may map: see unshare_frame.
bool give_up_frame(Frame& frame);
/// Clears `allocated` of a frame that belongs to `owner`. True if nothing else held it: then it is the caller's, who
/// gives it to the heap (free_run) and counts it (Domain::frames_left). Leaves the hypervisor's own pages alone.
[[nodiscard]] bool take_back_frame(Frame& frame, DomId owner);
/// Takes away a frame of `owner` that nothing else holds: nobody can take a reference any more, until
/// Domain::return_frame. It still counts as the domain's. False if it is somebody else's, or held.
[[nodiscard]] bool steal_frame(Frame& frame, DomId owner);
/// Lets a domain map a page of the hypervisor (shared info, grant table): owner, `hypervisor` and `allocated` are set.
void share_frame(Frame& frame, DomId owner);
/// The hypervisor's hold on such a page ends, and no domain owns it any more (it is domid_xen's); it goes back to the
/// heap with the last mapping.
void unshare_frame(Frame& frame);
/// Ends the hypervisor's hold only if nothing else holds the page: true, and no reference can be taken until it is
/// shared again. It does not go back to the heap by itself.
[[nodiscard]] bool withdraw_frame(Frame& frame);

} // namespace px
