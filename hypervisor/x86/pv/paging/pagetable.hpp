// SPDX-License-Identifier: Apache-2.0
// Updates of page tables under the page-type rules, walks, and the hypervisor's part of a guest's address space.
#pragma once

#include "x86/pv/paging/types.hpp"
#include "x86/pv/pv_vcpu.hpp"

namespace px::pv {

// -- updates (pagetable_update.cpp) --

/// How an update treats the accessed and dirty bits that the CPU may set at any time.
enum class AccessBits : u8 { Overwrite, Preserve };

/// Replaces a level 1 entry: takes the reference that `next` needs, writes it, drops the old one's.
/// @param table_owner  owner of the table, whose page_table_lock is held; frame_owner: of what next maps.
/// Errors: Invalid, Perm; then nothing changed.
Result<> update_l1_entry(PageSlot& slot, PageEntry next, PvDomain& table_owner, const Domain& frame_owner,
                         AccessBits bits) PX_REQUIRES(table_owner.page_table_lock);

/// Writes 8 bytes to machine memory of `owner`: to an entry if the frame is a page table, else to data. Preemptible
/// like acquire_table: what the hold has of something else is finished first.
/// @param address  machine address, 8-byte aligned.
/// Errors: Restart, Invalid, Perm (a slot of the hypervisor), those of acquire_mapping.
Result<> update_machine_word(Paddr address, u64 value, PvDomain& owner, const Domain& frame_owner, AccessBits bits,
                             TableHold& hold) PX_REQUIRES(owner.page_table_lock);

// -- walks (pagetable_update.cpp) --

/// Level 1 entry for a guest address in the tables under l4, which hold typed references. Null: not mapped that far,
/// or not an address of the guest.
[[nodiscard]] PageSlot* find_l1_entry(const PvDomain& owner, Mfn l4, GuestVaddr address)
    PX_REQUIRES(owner.page_table_lock);

// -- base pointers and pins (pagetable_base.cpp) --

/// Makes `l4` the vCPU's kernel table (for the current vCPU: loads it at once). Preemptible, with its table_hold.
Result<> set_kernel_table(PvVcpu& vcpu, Mfn l4) PX_REQUIRES(vcpu.pv_domain().page_table_lock);
/// Makes `l4` the vCPU's user table; Mfn(0): none.
Result<> set_user_table(PvVcpu& vcpu, Mfn l4) PX_REQUIRES(vcpu.pv_domain().page_table_lock);
/// Pins and unpins a table. Errors: Invalid (also double pins), Restart.
Result<> pin_table(Frame& frame, PvDomain& owner, unsigned level, TableHold& hold) PX_REQUIRES(owner.page_table_lock);
Result<> unpin_table(Frame& frame, PvDomain& owner, TableHold& hold) PX_REQUIRES(owner.page_table_lock);
/// Finishes the release of what the hold has, whose ever it is. No locks. Errors: Restart.
Result<> settle_all(TableHold& hold);
/// Finishes what the hold has of a domain other than `owner`, whose tables are to be worked on. No locks. Errors:
/// Restart.
Result<> settle_foreign_hold(TableHold& hold, const PvDomain& owner);
/// The domain's vCPUs lose their tables, every pin is taken away; afterwards no frame of it is a page table.
/// For relinquish(): no vCPU runs. Errors: Restart.
Result<> release_page_tables(PvDomain& domain);

// -- the hypervisor's slots (pagetable_domain.cpp) --

/// Slots 256 to 271 of an L4 of a guest: ours, and the domain's own area in slot 260.
void fill_hypervisor_slots(Frame& l4, const PvDomain& owner);
void clear_hypervisor_slots(Frame& l4);
/// Frame numbers that the CPU's physical address width allows end here.
[[nodiscard]] u64 physical_frame_limit();
/// Makes the per-domain L3, for a new domain. Errors: NoMemory.
Result<> create_per_domain_area(PvDomain& domain);
void destroy_per_domain_area(PvDomain& domain);
/// Makes a vCPU's GDT and LDT window in it (empty, pages of zero). Errors: NoMemory.
Result<> create_descriptor_window(PvVcpu& vcpu);
/// The window's 32 level 1 entries: 16 of GDT, 16 of LDT; and what those have that map descriptors.
inline constexpr auto descriptor_bits =
    page::present | page::writable | page::accessed | page::dirty | page::no_execute;
[[nodiscard]] PageSlot* descriptor_window(const PvVcpu& vcpu);
/// Maps the CPU's own page of descriptors where every GDT has it (page 14). At a context switch, before the GDT is
/// loaded.
void map_cpu_descriptors(PvVcpu& vcpu, Mfn page);

// -- device memory (pagetable_mapping.cpp) --

/// True if the domain may have use for memory types and may write caches back: it has I/O memory or ports.
[[nodiscard]] bool has_devices(const Domain& domain);

/// Frames of device memory that guests may only read, whatever they ask for: writes to them are ignored. Boot only.
Result<> make_device_frames_read_only(u64 first, u64 last);
[[nodiscard]] bool is_read_only_device_frame(Mfn mfn);

// -- machine to physical table (m2p.cpp) --

[[nodiscard]] u64 get_m2p(Mfn mfn);
void set_m2p(Mfn mfn, u64 pfn);

} // namespace px::pv
