// SPDX-License-Identifier: Apache-2.0
// Guests' descriptor tables: which descriptors they may have, and the windows through which the CPU reads them.
#pragma once

#include "x86/arch/descriptor.hpp"
#include "x86/pv/paging/types.hpp"
#include "x86/pv/pv_vcpu.hpp"

#include <span>

namespace px::pv {

/// Makes a descriptor harmless: code and data get privilege level 3 (guests' kernels run in ring 3). False if it cannot
/// be: gates and system segments, which would lead out of ring 3.
[[nodiscard]] constexpr bool sanitise(x86::Descriptor& d) {
    namespace descriptor = x86::descriptor;
    if (!d.has(descriptor::present)) return true;
    // Type 0 of the system ones is reserved: the CPU refuses it. It is also the upper half of a 16-byte descriptor.
    if (!d.has(descriptor::is_segment)) return descriptor::Type::of(d) == x86::SystemType::None;
    d |= descriptor::Privilege::mask;
    return true;
}

/// Checks all descriptors of a page that only the hypervisor can write to, correcting privilege levels in place.
[[nodiscard]] constexpr bool sanitise_page(x86::DescriptorPage& page) {
    for (x86::Descriptor& place : page.entry) {
        x86::Descriptor d = place;
        if (!sanitise(d)) return false;
        if (d != place) place = d;
    }
    return true;
}

// page_table_lock of the vCPU's domain is held for these:

/// Replaces the GDT by ceil(entries / 512) frames. Errors: Invalid; then nothing changed.
Result<> set_gdt(PvVcpu& vcpu, std::span<const u64> frames, u32 entries) PX_REQUIRES(vcpu.pv_domain().page_table_lock);
/// Replaces the LDT: guest virtual address (page aligned) and number of entries; its pages are mapped at first use.
/// Loads it if the vCPU is current. Errors: Invalid.
Result<> set_ldt(PvVcpu& vcpu, GuestVaddr base, u64 entries) PX_REQUIRES(vcpu.pv_domain().page_table_lock);
/// Drops GDT and LDT.
void release_descriptor_tables(PvVcpu& vcpu) PX_REQUIRES(vcpu.pv_domain().page_table_lock);

/// Loads the vCPU's LDT register, while its GDT is loaded on this CPU. For context switches.
void load_ldt(const PvVcpu& vcpu);

} // namespace px::pv
