// SPDX-License-Identifier: Apache-2.0
// CPUID leaves that the hypervisor shows to guests (public/arch-x86/cpuid.h).
#pragma once

#include <cstdint>

namespace abi {

/// Base of the leaves; 0x40000100 when the viridian leaves occupy the first base.
inline constexpr std::uint32_t cpuid_first_leaf = 0x40000000;
inline constexpr std::uint32_t cpuid_first_leaf_viridian = 0x40000100;
constexpr std::uint32_t cpuid_hypervisor_leaf(std::uint32_t i) { return cpuid_first_leaf + i; }
inline constexpr std::uint32_t cpuid_max_num_leaves = 5;

/// Leaf +0: "XenVMMXenVMM" in ebx, ecx, edx.
inline constexpr std::uint32_t cpuid_signature_ebx = 0x566e6558;
inline constexpr std::uint32_t cpuid_signature_ecx = 0x65584d4d;
inline constexpr std::uint32_t cpuid_signature_edx = 0x4d4d566e;

/// Leaf +2, ecx.
inline constexpr std::uint32_t cpuid_feat1_mmu_pt_update_preserve_ad = 1u << 0;
/// Leaf +2, ebx: MSR that installs the hypercall page.
inline constexpr std::uint32_t msr_hypercall_page = 0x40000000;
inline constexpr std::uint32_t msr_hypercall_page_viridian = 0x40000200;

/// Leaf +3.0, eax.
inline constexpr std::uint32_t cpuid_tsc_emulated = 1u << 0;
inline constexpr std::uint32_t cpuid_tsc_host_reliable = 1u << 1;
inline constexpr std::uint32_t cpuid_tsc_rdtscp = 1u << 2;

/// Leaf +4 (HVM), eax; ebx is the vCPU id and ecx the domain id where present.
inline constexpr std::uint32_t cpuid_hvm_apic_access_virt = 1u << 0;
inline constexpr std::uint32_t cpuid_hvm_x2apic_virt = 1u << 1;
inline constexpr std::uint32_t cpuid_hvm_iommu_mappings = 1u << 2;
inline constexpr std::uint32_t cpuid_hvm_vcpu_id_present = 1u << 3;
inline constexpr std::uint32_t cpuid_hvm_domid_present = 1u << 4;
inline constexpr std::uint32_t cpuid_hvm_ext_dest_id = 1u << 5;
inline constexpr std::uint32_t cpuid_hvm_upcall_vector = 1u << 6;

/// Leaf +5 (PV), eax: bits of a machine address.
inline constexpr std::uint32_t cpuid_machine_address_width_mask = 0xff;

} // namespace abi
