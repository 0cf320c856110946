// SPDX-License-Identifier: Apache-2.0
// The start functions of the parts, in the order in which start/main.cpp calls them.
#pragma once

#include "base/percpu.hpp"
#include "boot/boot_info.hpp"

namespace px {
class Domain;

// x86/machine: boot CPU, before there is a heap
namespace console {
void init(); ///< after the options were parsed
}
namespace x86 {
void init_boot_cpu();           ///< features, descriptor tables, exceptions, this CPU's stack block
void use_cpu_features();        ///< control registers and MSRs, as the command line wants them
void init_memory();             ///< reads boot_info's map: direct map, frame table, M2P; gives RAM to the heap; W^X
void init_acpi();               ///< tables: MADT, HPET, FADT, MCFG
void check_iommu();             ///< panics where the command line demands one
void init_efi();                ///< EFI's runtime services, where the host was started by EFI
void init_interrupts();         ///< local APIC, I/O APICs, vectors
void init_clocks();             ///< calibrates; from here machine::now() runs
void init_other_cpus();         ///< starts all CPUs of the MADT; each runs init_secondary and then the idle loop
void init_secondary(CpuId cpu); ///< on each other CPU
} // namespace x86

// schedule/
namespace softirq {
void init();
}
namespace schedule {
void init();              ///< boot CPU: handlers, timers, run queue
void init_cpu(CpuId cpu); ///< before the CPU runs; makes its idle vCPU
/// The idle loop of this CPU; never returns. Runs soft interrupts, scrubs free frames, halts.
[[noreturn]] void idle_loop();
} // namespace schedule

// domain/
void init_domains(); ///< idle domain, DOMID_XEN and DOMID_IO owners, domain list

// x86/pv
namespace pv {
void init();              ///< domain_factory, entry points of this CPU (STAR, LSTAR...), fixups
void init_cpu(CpuId cpu); ///< on each CPU: SYSCALL/SYSENTER MSRs and stubs
/// Makes dom0 from the boot modules; it runs when it is unpaused once. Panics with a clear message when it cannot.
void build_dom0(const BootInfo& boot);
} // namespace pv

} // namespace px
