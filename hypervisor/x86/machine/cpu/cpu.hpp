// SPDX-License-Identifier: Apache-2.0
// Each CPU's control registers, descriptor tables and stack block.
#pragma once

#include "base/number.hpp"
#include "base/percpu.hpp"
#include "x86/arch/control.hpp"
#include "x86/arch/descriptor.hpp"
#include "x86/machine/cpu/cpu_features.hpp"

namespace px::x86 {

/// CR4 as the hypervisor runs with it; guests' bits are added at a context switch.
extern Cr4 host_cr4;

/// The CPU's own page of descriptors (page 14 of every GDT on it).
[[nodiscard]] Mfn descriptor_frame(CpuId cpu);
/// Loads the CPU's own GDT, which holds that page only (idle vCPUs; what a vCPU without GDT needs).
void load_own_gdt();

/// TSC_AUX of this CPU. The host must have it (CpuFeatures::has_tsc_aux).
void load_tsc_aux(u32 value);

/// Top of a CPU's stack block: address of its CpuInfo.
[[nodiscard]] CpuInfo& cpu_info_of(CpuId cpu);

/// A CPU's task state; nothing else is in its page.
[[nodiscard]] const TaskState& task_state_of(CpuId cpu);
/// Interrupt stacks at the bottom of each stack block.
inline constexpr u64 interrupt_stacks_bytes = 4 * page_size;

/// Is it the first of its core's threads, or the only one? By the shape of this CPU's APIC ids.
[[nodiscard]] bool is_first_thread(u32 apic_id);

/// Boot CPU, first of all: features, descriptor tables, exceptions, its stack block. There is no heap yet.
void init_boot_cpu();
/// Boot CPU, after the options: control registers and MSRs as the command line wants them.
void use_cpu_features();
/// Starts all CPUs of the MADT; each goes through init_secondary().
void init_other_cpus();
/// On each other CPU, on its own stack: makes it one of the host's.
void init_secondary(CpuId cpu);

/// Gives a CPU its per-CPU data, stack block and descriptor page; false without memory. The boot CPU has its own.
[[nodiscard]] bool allocate_cpu(CpuId cpu);
/// Puts the guard page under the boot CPU's main stack; once the image is mapped by small pages.
void protect_boot_stack();
/// On a new CPU: control registers, tables, MSRs that do not belong to others.
void init_this_cpu();

} // namespace px::x86
