// SPDX-License-Identifier: Apache-2.0
// The source of a table in docs/boot.md: python3 -m lab.options writes it.
#include "boot/absent_options.hpp"

namespace px::options {
namespace {

using enum AbsentOption::Agrees;

constexpr std::string_view no_hvm = "there are no guests that need VT-x or AMD-V";
constexpr std::string_view no_iommu = "there is no driver of an IOMMU";
constexpr std::string_view no_power = "processors' frequencies and sleep states are left to the firmware";
constexpr std::string_view no_numa = "memory is one node";
constexpr std::string_view no_crash = "there is no kexec, so no kernel for crashes";
constexpr std::string_view no_masking = "CPUID is hidden from guests by their own configuration only";
constexpr std::string_view no_masks = "CPUID's masking registers are not used";
constexpr std::string_view own_scheduler = "the scheduler has no such parameter";
constexpr std::string_view no_watchdog = "there is no NMI watchdog: a CPU that hangs in the hypervisor is not noticed";
constexpr std::string_view always_apic = "the local and I/O APICs are always used";
constexpr std::string_view waits_by_hlt = "CPUs wait by HLT alone, in which their timers go on";
constexpr std::string_view no_tracing = "there are no trace buffers";
constexpr std::string_view no_monitoring = "cache monitoring and allocation are not used";
constexpr std::string_view firmware_events = "machine checks are handled in one way only";
constexpr std::string_view no_flask = "there is no FLASK; the rules are those of a build without it";
constexpr std::string_view no_debugger = "there is no debugger stub; QEMU's works";
constexpr std::string_view not_limited = "the tables are as large as the machine needs";
constexpr std::string_view not_needed = "the hypervisor does not need it";
constexpr std::string_view no_shim = "the image does not run as a shim";
constexpr std::string_view own_scrub = "free memory is scrubbed by idle CPUs, in pieces of its own size";

constexpr AbsentOption table[] = {
    {"acpi", "ACPI's tables are always used", WithOn},
    {"acpi_apic_instance", "the first MADT is used"},
    {"acpi_pstate_strict", no_power},
    {"acpi_skip_timer_override", "the MADT is followed"},
    {"acpi_sleep", "hosts do not sleep"},
    {"allow_unsafe", "no CPU is refused", WithOn},
    {"altp2m", no_hvm, WithOff},
    {"apic", always_apic},
    {"apic_verbosity", "there is one level of messages about them"},
    {"apicv", no_hvm, WithOff},
    {"arat", waits_by_hlt, WithOn},
    {"argo", "there is no Argo", WithOff},
    {"asid", no_hvm, WithOff},
    {"async-show-all", "debug keys print what they know at once"},
    {"ats", no_iommu, WithOff},
    {"availmem", "use mem="},
    {"bootscrub_chunk", own_scrub},
    {"cet", "control-flow enforcement is not used", WithOff},
    {"cmci-threshold", firmware_events},
    {"cmos-rtc-probe", "the clock of the PC is always used"},
    {"core_parking", no_power},
    {"cpu_type", "there is no profiling", WithOff},
    {"cpufreq", no_power},
    {"cpuid", no_masking},
    {"cpuid_mask_cpu", no_masks},
    {"cpuid_mask_ecx", no_masks},
    {"cpuid_mask_edx", no_masks},
    {"cpuid_mask_ext_ecx", no_masks},
    {"cpuid_mask_ext_edx", no_masks},
    {"cpuid_mask_l7s0_eax", no_masks},
    {"cpuid_mask_l7s0_ebx", no_masks},
    {"cpuid_mask_thermal_ecx", no_masks},
    {"cpuid_mask_xsave_eax", no_masks},
    {"cpuidle", no_power, WithOff},
    {"cpuinfo", "the first CPU is always described", WithOn},
    {"crash-debug-debugkey", no_crash},
    {"crash-debug-hwdom", no_crash},
    {"crash-debug-kexeccmd", no_crash},
    {"crash-debug-panic", no_crash},
    {"crash-debug-watchdog", no_crash},
    {"crashinfo_maxaddr", no_crash},
    {"crashkernel", no_crash},
    {"credit2_balance_over", own_scheduler},
    {"credit2_balance_under", own_scheduler},
    {"credit2_load_precision_shift", own_scheduler},
    {"credit2_load_window_shift", own_scheduler},
    {"credit2_runqueue", own_scheduler},
    {"dbgp", "there is no console on USB"},
    {"debugtrace", no_tracing},
    {"dit", "data-independent timing is not switched"},
    {"dma_bits", "memory below 4 GiB is used last in any case"},
    {"dom0-cpuid", no_masking},
    {"dom0-iommu", no_iommu},
    {"dom0_nodes", no_numa},
    {"e820-mtrr-clip", "the firmware's map is believed", WithOff},
    {"e820-verbose", "the map is always printed"},
    {"edd", "disks' BIOS data are not read", WithOff},
    {"edid", "the screen's data are not read", WithOff},
    {"ept", no_hvm, WithOff},
    {"extra_guest_irqs", not_limited},
    {"flask", no_flask, WithOff},
    {"font", "the screen has the PC's text mode only"},
    {"force-ept", no_hvm, WithOff},
    {"gdb", no_debugger, WithOff},
    {"global-pages", "no entries of guests are global", WithOff},
    {"hap", no_hvm, WithOff},
    {"hap_1gb", no_hvm, WithOff},
    {"hap_2mb", no_hvm, WithOff},
    {"hardware_dom", "dom0 has the hardware"},
    {"hest_disable", firmware_events},
    {"highmem-start", "all memory is mapped", WithOff},
    {"hpet", "the HPET is a source of clocksource= and nothing else"},
    {"hpetbroadcast", waits_by_hlt, WithOff},
    {"hvm_debug", no_hvm, WithOff},
    {"hvm_fep", no_hvm, WithOff},
    {"hvm_port80", no_hvm, WithOff},
    {"idle_latency_factor", no_power},
    {"invpcid", "PCIDs are not used", WithOff},
    {"ioapic_ack", "level interrupts are acknowledged when the guest says so"},
    {"iommu_dev_iotlb_timeout", no_iommu},
    {"iommu_inclusive_mapping", no_iommu, WithOff},
    {"irq-max-guests", "an interrupt is shared by at most eight domains"},
    {"irq_vector_map", not_limited},
    {"ivmd", no_iommu},
    {"ivrs_hpet", no_iommu},
    {"ivrs_ioapic", no_iommu},
    {"lapic", always_apic},
    {"lapic_timer_c2_ok", no_power},
    {"ler", "the last branch is not recorded", WithOff},
    {"low_crashinfo", no_crash},
    {"low_mem_virq_limit", "dom0 is not told that memory is low"},
    {"max_cstate", no_power},
    {"max_gsi_irqs", not_limited},
    {"mce", firmware_events},
    {"mce_fb", firmware_events},
    {"mce_verbosity", firmware_events},
    {"memop-max-order", "the limits of extents are fixed"},
    {"mmcfg", "the hypervisor itself reaches configuration space by ports"},
    {"mmio-relax", no_hvm, WithOff},
    {"mtrr.show", "MTRRs are not printed", WithOff},
    {"mwait-idle", no_power, WithOff},
    {"nmi", "an NMI for memory or I/O checks stops the host, others are logged"},
    {"no-real-mode", "the BIOS is not called", WithOn},
    {"noapic", always_apic, WithOff},
    {"noirqbalance", "interrupts stay where they are bound", WithOn},
    {"nolapic", always_apic, WithOff},
    {"nr_irqs", not_limited},
    {"numa", no_numa, WithOff},
    {"pci", "the devices' SERR and PERR are left alone"},
    {"pci-phantom", no_iommu},
    {"pcid", "PCIDs are not used", WithOff},
    {"pku", no_hvm, WithOff},
    {"ple_gap", no_hvm},
    {"ple_window", no_hvm},
    {"preferred-cstates", no_power},
    {"psr", no_monitoring, WithOff},
    {"pv", "paravirtual guests are 64-bit", WithOn},
    {"pv-linear-pt", "linear page tables are allowed", WithOn},
    {"pv-shim", no_shim, WithOff},
    {"rcu-idle-timer-period-ms", not_needed},
    {"rmrr", no_iommu},
    {"ro-hpet", "dom0 reads the HPET and never writes it", WithOn},
    {"sched-gran", own_scheduler},
    {"sched_credit2_max_cpus_runqueue", own_scheduler},
    {"sched_credit2_migrate_resist", own_scheduler},
    {"sched_credit_tslice_ms", "there is no such scheduler"},
    {"sched_smt_power_savings", own_scheduler, WithOff},
    {"scrub-domheap", "what a dead domain leaves is always scrubbed", WithOn},
    {"shim_mem", no_shim},
    {"snb_igd_quirk", no_iommu, WithOff},
    {"tboot", "the image is not started by tboot"},
    {"tbuf_size", no_tracing},
    {"tdt", "the deadline timer is used where there is one", WithOn},
    {"tevt_mask", no_tracing},
    {"tickle_one_idle_cpu", own_scheduler},
    {"timer_slop", "timers fire when they are due"},
    {"tsc", "the clock finds out by itself whether the TSC can be trusted"},
    {"tsx", "TSX stays as the firmware left it"},
    {"ucode", "microcode is the firmware's; dom0's kernel cannot load it either"},
    {"unrestricted_guest", no_hvm, WithOff},
    {"vcpu_migration_delay", own_scheduler},
    {"vesa-ram", "the screen has the PC's text mode only"},
    {"viridian-spinlock-retry-count", no_hvm},
    {"viridian-version", no_hvm},
    {"vm-notify-window", no_hvm},
    {"vpid", no_hvm, WithOff},
    {"vpmu", "guests have no performance counters", WithOff},
    {"watchdog", no_watchdog, WithOff},
    {"watchdog_timeout", no_watchdog},
    {"x2apic-mode", "x2APIC identifiers are physical"},
    {"x2apic_phys", "x2APIC identifiers are physical", WithOn},
    {"xsm", no_flask},
};

} // namespace

std::span<const AbsentOption> absent() { return table; }

} // namespace px::options
