// SPDX-License-Identifier: Apache-2.0
// System control, platform operations and CPU policies: layouts compared with the public headers.
#include "abi/cpu_policy.hpp"
#include "abi/platform.hpp"
#include "abi/platform/efi.hpp"
#include "abi/platform/power.hpp"
#include "abi/sysctl.hpp"
#include "abi/sysctl/power.hpp"

#include "tests/unit/abi/compare.hpp"

TEST(AbiLayout, SysctlPlatform) {
    LAYOUT(abi::CpuidLeaf, struct xen_cpuid_leaf, leaf, subleaf, a, b, c, d);
    LAYOUT(abi::MsrEntry, struct xen_msr_entry, idx, flags, val);
    LAYOUT(abi::PlatformSettime32, struct xenpf_settime32, secs, nsecs, system_time);
    LAYOUT(abi::PlatformSettime64, struct xenpf_settime64, secs, nsecs, mbz, system_time);
    LAYOUT(abi::PlatformAddMemtype, struct xenpf_add_memtype, mfn, nr_mfns, type, handle, reg);
    LAYOUT(abi::PlatformDelMemtype, struct xenpf_del_memtype, handle, reg);
    LAYOUT(abi::PlatformReadMemtype, struct xenpf_read_memtype, reg, mfn, nr_mfns, type);
    LAYOUT(abi::PlatformMicrocodeUpdate, struct xenpf_microcode_update, data, length);
    LAYOUT(abi::PlatformQuirk, struct xenpf_platform_quirk, quirk_id);
    LAYOUT(abi::PlatformEnterAcpiSleep, struct xenpf_enter_acpi_sleep, val_a, val_b, sleep_state, flags);
    LAYOUT(abi::PlatformChangeFreq, struct xenpf_change_freq, flags, cpu, freq);
    LAYOUT(abi::PlatformGetidletime, struct xenpf_getidletime, cpumap_bitmap, cpumap_nr_cpus, idletime, now);
    LAYOUT(abi::PlatformPcpuinfo, struct xenpf_pcpuinfo, xen_cpuid, max_present, flags, apic_id, acpi_id);
    LAYOUT(abi::PlatformPcpuVersion, struct xenpf_pcpu_version, xen_cpuid, max_present, vendor_id, family, model,
           stepping);
    LAYOUT(abi::PlatformCpuOl, struct xenpf_cpu_ol, cpuid);
    LAYOUT(abi::PlatformCpuHotadd, struct xenpf_cpu_hotadd, apic_id, acpi_id, pxm);
    LAYOUT(abi::PlatformMemHotadd, struct xenpf_mem_hotadd, spfn, epfn, pxm, flags);
    LAYOUT(abi::PlatformCoreParking, struct xenpf_core_parking, type, idle_nums);
    LAYOUT(abi::PlatformResourceEntry, struct xenpf_resource_entry, u, u.cmd, u.ret, rsvd, idx, val);
    LAYOUT(abi::PlatformResourceOp, struct xenpf_resource_op, nr_entries, cpu, entries);
    LAYOUT(abi::PlatformSymdata, struct xenpf_symdata, namelen, symnum, name, address, type);
    LAYOUT(abi::PlatformRequest, struct xen_platform_op, cmd, interface_version, u, u.settime32, u.settime64,
           u.add_memtype, u.del_memtype, u.read_memtype, u.microcode, u.platform_quirk, u.efi_runtime_call,
           u.firmware_info, u.enter_acpi_sleep, u.change_freq, u.getidletime, u.set_pminfo, u.pcpu_info, u.pcpu_version,
           u.cpu_ol, u.cpu_add, u.mem_add, u.core_parking, u.resource_op, u.symdata, u.pad);
    LAYOUT(abi::PlatformEfiTime, struct xenpf_efi_time, year, month, day, hour, min, sec, ns, tz, daylight);
    LAYOUT(abi::PlatformEfiGuid, struct xenpf_efi_guid, data1, data2, data3, data4);
    LAYOUT(abi::PlatformEfiRuntimeCall, struct xenpf_efi_runtime_call, function, misc, status, u, u.get_time,
           u.get_time.time, u.get_time.resolution, u.get_time.accuracy, u.set_time, u.get_wakeup_time,
           u.set_wakeup_time, u.get_variable, u.set_variable, u.get_next_variable_name, u.get_next_variable_name.size,
           u.get_next_variable_name.name, u.get_next_variable_name.vendor_guid, u.query_variable_info,
           u.query_variable_info.attr, u.query_variable_info.max_store_size, u.query_variable_info.remain_store_size,
           u.query_variable_info.max_size, u.query_capsule_capabilities,
           u.query_capsule_capabilities.capsule_header_array, u.query_capsule_capabilities.capsule_count,
           u.query_capsule_capabilities.max_capsule_size, u.query_capsule_capabilities.reset_type, u.update_capsule,
           u.update_capsule.capsule_header_array, u.update_capsule.capsule_count, u.update_capsule.sg_list);
    LAYOUT(abi::PlatformEfiInfo, decltype(xenpf_firmware_info{}.u.efi_info), version, cfg, cfg.addr, cfg.nent, vendor,
           vendor.revision, vendor.bufsz, vendor.name, mem, mem.addr, mem.size, mem.attr, mem.type, pci_rom,
           pci_rom.segment, pci_rom.bus, pci_rom.devfn, pci_rom.vendor, pci_rom.devid, pci_rom.address, pci_rom.size,
           apple_properties, apple_properties.address, apple_properties.size);
    LAYOUT(abi::PlatformFirmwareInfo, struct xenpf_firmware_info, type, index, u, u.disk_info, u.disk_info.device,
           u.disk_info.version, u.disk_info.interface_support, u.disk_info.legacy_max_cylinder,
           u.disk_info.legacy_max_head, u.disk_info.legacy_sectors_per_track, u.disk_info.edd_params,
           u.disk_mbr_signature, u.disk_mbr_signature.device, u.disk_mbr_signature.mbr_signature, u.vbeddc_info,
           u.vbeddc_info.capabilities, u.vbeddc_info.edid_transfer_time, u.vbeddc_info.edid, u.efi_info,
           u.kbd_shift_flags);
    LAYOUT(abi::PowerRegister, struct xen_power_register, space_id, bit_width, bit_offset, access_size, address);
    LAYOUT(abi::ProcessorCsd, struct xen_processor_csd, domain, coord_type, num);
    LAYOUT(abi::ProcessorCx, struct xen_processor_cx, reg, type, latency, power, dpcnt, dp);
    SAME(sizeof(abi::ProcessorFlags), sizeof(struct xen_processor_flags));
    LAYOUT(abi::ProcessorPower, struct xen_processor_power, count, flags, states);
    LAYOUT(abi::PctRegister, struct xen_pct_register, descriptor, length, space_id, bit_width, bit_offset, reserved,
           address);
    LAYOUT(abi::ProcessorPx, struct xen_processor_px, core_frequency, power, transition_latency, bus_master_latency,
           control, status);
    LAYOUT(abi::PsdPackage, struct xen_psd_package, num_entries, revision, domain, coord_type, num_processors);
    LAYOUT(abi::ProcessorPerformance, struct xen_processor_performance, flags, platform_limit, control_register,
           status_register, state_count, states, domain_info, shared_type);
    LAYOUT(abi::PlatformSetProcessorPminfo, struct xenpf_set_processor_pminfo, id, type, u, u.power, u.perf, u.pdc);
    LAYOUT(abi::SysctlReadconsole, struct xen_sysctl_readconsole, clear, incremental, pad0, pad1, index, buffer, count);
    LAYOUT(abi::SysctlTbufOp, struct xen_sysctl_tbuf_op, cmd, cpu_mask, evt_mask, buffer_mfn, size);
    LAYOUT(abi::SysctlPhysinfo, struct xen_sysctl_physinfo, threads_per_core, cores_per_socket, nr_cpus, max_cpu_id,
           nr_nodes, max_node_id, cpu_khz, capabilities, arch_capabilities, pad, total_pages, free_pages, scrub_pages,
           outstanding_pages, max_mfn, hw_cap);
    LAYOUT(abi::SysctlSchedId, struct xen_sysctl_sched_id, sched_id);
    LAYOUT(abi::SysctlPerfcDesc, struct xen_sysctl_perfc_desc, name, nr_vals);
    LAYOUT(abi::SysctlPerfcOp, struct xen_sysctl_perfc_op, cmd, nr_counters, nr_vals, desc, val);
    LAYOUT(abi::SysctlGetDomainInfoList, struct xen_sysctl_getdomaininfolist, first_domain, max_domains, buffer,
           num_domains);
    LAYOUT(abi::SysctlDebugKeys, struct xen_sysctl_debug_keys, keys, nr_keys);
    LAYOUT(abi::SysctlCpuinfo, struct xen_sysctl_cpuinfo, idletime);
    LAYOUT(abi::SysctlGetCpuinfo, struct xen_sysctl_getcpuinfo, max_cpus, info, nr_cpus);
    LAYOUT(abi::SysctlAvailheap, struct xen_sysctl_availheap, min_bitwidth, max_bitwidth, node, avail_bytes);
    LAYOUT(abi::SysctlCpuHotplug, struct xen_sysctl_cpu_hotplug, cpu, op);
    LAYOUT(abi::SysctlPageOfflineOp, struct xen_sysctl_page_offline_op, cmd, start, end, status);
    LAYOUT(abi::SysctlLockprofData, struct xen_sysctl_lockprof_data, name, type, idx, lock_cnt, block_cnt, lock_time,
           block_time);
    LAYOUT(abi::SysctlLockprofOp, struct xen_sysctl_lockprof_op, cmd, max_elem, nr_elem, time, data);
    LAYOUT(abi::SysctlCputopo, struct xen_sysctl_cputopo, core, socket, node);
    LAYOUT(abi::SysctlCputopoinfo, struct xen_sysctl_cputopoinfo, num_cpus, cputopo);
    LAYOUT(abi::SysctlMeminfo, struct xen_sysctl_meminfo, memsize, memfree);
    LAYOUT(abi::SysctlNumainfo, struct xen_sysctl_numainfo, num_nodes, meminfo, distance);
    LAYOUT(abi::SysctlPcitopoinfo, struct xen_sysctl_pcitopoinfo, num_devs, devs, nodes);
    LAYOUT(abi::SysctlCpupoolOp, struct xen_sysctl_cpupool_op, op, cpupool_id, sched_id, domid, cpu, n_dom, cpumap);
    LAYOUT(abi::SysctlCreditSchedule, struct xen_sysctl_credit_schedule, tslice_ms, ratelimit_us, vcpu_migr_delay_us);
    LAYOUT(abi::SysctlCredit2Schedule, struct xen_sysctl_credit2_schedule, ratelimit_us);
    LAYOUT(abi::SysctlSchedulerOp, struct xen_sysctl_scheduler_op, cpupool_id, sched_id, cmd, u, u.sched_arinc653,
           u.sched_arinc653.schedule, u.sched_credit, u.sched_credit2);
    LAYOUT(abi::SysctlCoverageOp, struct xen_sysctl_coverage_op, cmd, size, buffer);
    LAYOUT(abi::SysctlPsrCmtOp, struct xen_sysctl_psr_cmt_op, cmd, flags, u, u.data, u.l3_cache, u.l3_cache.cpu,
           u.l3_cache.rsvd);
    LAYOUT(abi::SysctlPsrAlloc, struct xen_sysctl_psr_alloc, cmd, target, u, u.cat_info, u.cat_info.cbm_len,
           u.cat_info.cos_max, u.cat_info.flags, u.mba_info, u.mba_info.thrtl_max, u.mba_info.cos_max,
           u.mba_info.flags);
    LAYOUT(abi::SysctlCpuLevellingCaps, struct xen_sysctl_cpu_levelling_caps, caps);
    LAYOUT(abi::SysctlCpuFeatureset, struct xen_sysctl_cpu_featureset, index, nr_features, features);
    LAYOUT(abi::SysctlCpuPolicy, struct xen_sysctl_cpu_policy, index, nr_leaves, nr_msrs, _rsvd, leaves, msrs);
    LAYOUT(abi::Sysctl, struct xen_sysctl, cmd, interface_version, u, u.readconsole, u.tbuf_op, u.physinfo,
           u.cputopoinfo, u.pcitopoinfo, u.numainfo, u.sched_id, u.perfc_op, u.getdomaininfolist, u.debug_keys,
           u.getcpuinfo, u.availheap, u.get_pmstat, u.cpu_hotplug, u.pm_op, u.page_offline, u.lockprof_op, u.cpupool_op,
           u.scheduler_op, u.coverage_op, u.psr_cmt_op, u.psr_alloc, u.cpu_levelling_caps, u.cpu_featureset,
           u.cpu_policy, u.pad);
    LAYOUT(abi::PmPxVal, struct pm_px_val, freq, residency, count);
    LAYOUT(abi::PmPxStat, struct pm_px_stat, total, usable, last, cur, trans_pt, pt);
    LAYOUT(abi::PmCxStat, struct pm_cx_stat, nr, last, idle_time, triggers, residencies, nr_pc, nr_cc, pc, cc);
    LAYOUT(abi::SysctlGetPmstat, struct xen_sysctl_get_pmstat, type, cpuid, u, u.getpx, u.getcx);
    LAYOUT(abi::CpufreqUserspace, struct xen_userspace, scaling_setspeed);
    LAYOUT(abi::CpufreqOndemand, struct xen_ondemand, sampling_rate_max, sampling_rate_min, sampling_rate,
           up_threshold);
    LAYOUT(abi::GetCpufreqPara, struct xen_get_cpufreq_para, cpu_num, freq_num, gov_num, affected_cpus,
           scaling_available_frequencies, scaling_available_governors, scaling_driver, cpuinfo_cur_freq,
           cpuinfo_max_freq, cpuinfo_min_freq, scaling_cur_freq, scaling_governor, scaling_max_freq, scaling_min_freq,
           u, u.userspace, u.ondemand, turbo_enabled);
    LAYOUT(abi::SetCpufreqGov, struct xen_set_cpufreq_gov, scaling_governor);
    LAYOUT(abi::SetCpufreqPara, struct xen_set_cpufreq_para, ctrl_type, ctrl_value);
    LAYOUT(abi::SysctlPmOp, struct xen_sysctl_pm_op, cmd, cpuid, u, u.get_para, u.set_gov, u.set_para, u.get_avgfreq,
           u.set_sched_opt_smt, u.get_max_cstate, u.set_max_cstate);
}
