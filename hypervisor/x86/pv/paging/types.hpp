// SPDX-License-Identifier: Apache-2.0
// Page-type rules: a frame is a page table, or descriptors, only while all its contents obey the rules of the type.
#pragma once

#include "memory/frame.hpp"
#include "x86/pv/paging/page_entry.hpp"
#include "x86/pv/paging/table_hold.hpp"
#include "x86/pv/pv_domain.hpp"

namespace px::pv {

// How it works. A typed reference on a page table is held by each entry of the next level that points to it, by a pin,
// by a vCPU's base pointers. The first one checks every entry and takes references on what they map ("validated"), the
// last one drops them. Both can be interrupted: then the frame is `partial`: Frame::aux says how many of its first
// entries hold references, and whether the entry after them holds a reference on a table that is partial itself.
// Somebody always owns the count of a partial frame: its partial parent, or the TableHold of a vCPU. Whoever takes a
// further reference finishes the check. All of this happens under the page_table_lock of the frame's owner; references
// of data pages (Writable, plain) come and go without it.

/// Level 1 to 4 as a frame type.
constexpr FrameType table_type(unsigned level) {
    return static_cast<FrameType>(static_cast<unsigned>(FrameType::PageTable1) + level - 1);
}
/// 1 to 4 for page tables, else 0.
constexpr unsigned table_level(FrameType type) {
    return type >= FrameType::PageTable1 && type <= FrameType::PageTable4
               ? static_cast<unsigned>(type) - static_cast<unsigned>(FrameType::PageTable1) + 1
               : 0;
}

/// True if the frame is a checked page table of this level (0: any); its entries are then what the rules say.
[[nodiscard]] bool is_table(const Frame& frame, unsigned level = 0);

/// Takes a typed reference as a page table of `level` of domain `owner`, checking the contents when it is the first.
/// If `hold` already has this frame and level, its reference is used; with anything else it is settled first.
/// Errors: Restart: preempted; what was begun is in `hold`; call again the same way. Invalid: contents or use as
/// another type; leftovers may be in `hold`. What is in the hold must be of the same owner.
Result<> acquire_table(Frame& frame, PvDomain& owner, unsigned level, TableHold& hold)
    PX_REQUIRES(owner.page_table_lock);

/// Drops a typed reference; the last one drops what the entries hold. What could not be finished now is put in
/// `hold` (empty on entry), for settle(). Frees the frame if nothing else holds it.
void release_table(Frame& frame, PvDomain& owner, unsigned level, TableHold& hold) PX_REQUIRES(owner.page_table_lock);

/// Finishes the release of what is in the hold, whose owner is `owner`. Errors: Restart.
Result<> settle(PvDomain& owner, TableHold& hold) PX_REQUIRES(owner.page_table_lock);

/// Takes a Descriptors reference (GDT and LDT pages), checking all descriptors when it is the first. Errors: Invalid.
Result<> acquire_descriptors(Frame& frame, PvDomain& owner) PX_REQUIRES(owner.page_table_lock);
void release_descriptors(Frame& frame);

/// Whether an entry of a table of this level, above 1, may point to the table itself: for reading only, and in a
/// top-level table for the hardware domain only. Through such an entry the hypervisor's own slots are seen a level
/// down; a guest faults there, but the hypervisor, which copies for it as supervisor, would not.
[[nodiscard]] bool may_be_linear(PageEntry entry, const Domain& owner, unsigned level);

/// Takes the reference that a level 1 entry of domain `table_owner` needs for mapping a frame of `frame_owner` (itself,
/// or a domain it may map the memory of; domid_io, domid_xen). May clear the writable bit where only reading is
/// allowed. Errors, as Xen's: Busy: another's frame, or in use as what cannot be mapped so; Invalid: a memory type
/// without devices; Access: one for the hypervisor's pages; of device memory Invalid and Perm.
Result<> acquire_mapping(PageEntry& entry, PvDomain& table_owner, const Domain& frame_owner);
/// Notes on a frame, on which a reference is held, that this entry of a domain's tables is about to map it; makes its
/// memory what the caches have if the entry goes past them for the first time.
void note_mapping(Frame& frame, PageEntry entry, const Domain& table_owner);
/// Drops it.
void release_mapping(PageEntry entry, PvDomain& table_owner);

} // namespace px::pv
