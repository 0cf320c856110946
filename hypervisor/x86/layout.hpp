// SPDX-License-Identifier: Apache-2.0
// The hypervisor's virtual address space (fixed by the PV ABI: L4 slots 256 to 271 are ours) and its selectors.
#pragma once

#ifndef __ASSEMBLER__
#include "memory/frame.hpp"
#include "x86/arch/descriptor.hpp"

namespace px::x86::layout {

inline constexpr u64 hole_start = 0xffff800000000000; ///< first address a PV guest may not use
inline constexpr u64 hole_end = 0xffff880000000000;
inline constexpr u64 m2p_guest_start = 0xffff800000000000; ///< slot 256: M2P, read-only for PV guests
inline constexpr u64 m2p_guest_end = 0xffff804000000000;
inline constexpr u64 per_domain_start = 0xffff820000000000; ///< slot 260: differs by domain (GDT and LDT of its vCPUs)
inline constexpr u64 m2p_start = 0xffff828000000000;        ///< slot 261: M2P, writable by the hypervisor
inline constexpr u64 vmap_start = 0xffff82c000000000;       ///< I/O and other mappings made at run time, 64 GiB
inline constexpr u64 vmap_end = 0xffff82d000000000;
inline constexpr u64 image_start = 0xffff82d040000000; ///< the image, at most 1 GiB
inline constexpr u64 image_end = 0xffff82d080000000;
// frame_table_start 0xffff82e000000000 and direct_map_start 0xffff830000000000 (slots 262 to 271): memory/frame.hpp
inline constexpr u64 direct_map_end = hole_end;

inline constexpr unsigned first_hypervisor_slot = 256;
inline constexpr unsigned last_hypervisor_slot = 271;
inline constexpr unsigned per_domain_slot = 260;

/// In the per-domain slot each vCPU has 32 pages: 16 of GDT (the last 2 are the CPU's own), then 16 of LDT.
inline constexpr u64 vcpu_descriptor_bytes = 32 * page_size;
constexpr u64 gdt_address(VcpuId v) { return per_domain_start + v.raw() * vcpu_descriptor_bytes; }
constexpr u64 ldt_address(VcpuId v) { return gdt_address(v) + 16 * page_size; }

} // namespace px::x86::layout

namespace px::x86::selector {
// The CPU's own page of descriptors is page 14 of every GDT, so these are valid whichever GDT is loaded.
inline constexpr unsigned first_reserved_page = 14;
inline constexpr Selector hypervisor_code{0xe008}, hypervisor_data{0xe010};
inline constexpr Selector ring1{0xe019}; ///< code and data: part of the ABI, of no use in 64-bit mode
inline constexpr Selector guest_code32{0xe023}, guest_data{0xe02b}, guest_code64{0xe033}; ///< flat, ring 3
inline constexpr Selector task_state{0xe040}, ldt{0xe050};                                ///< 16 bytes each
} // namespace px::x86::selector
#endif
