// SPDX-License-Identifier: Apache-2.0
// Domain control: layouts compared with the public headers.
#include "abi/domctl.hpp"
#include "abi/domctl_device.hpp"
#include "abi/domctl_life.hpp"
#include "abi/domctl_state.hpp"

#include "tests/unit/abi/compare.hpp"

TEST(AbiLayout, Domctl) {
    LAYOUT(abi::Domctl, struct xen_domctl, cmd, interface_version, domain, _pad, u, u.createdomain, u.getdomaininfo,
           u.getpageframeinfo3, u.nodeaffinity, u.vcpuaffinity, u.shadow_op, u.max_mem, u.vcpucontext, u.getvcpuinfo,
           u.max_vcpus, u.scheduler_op, u.setdomainhandle, u.setdebugging, u.irq_permission, u.iomem_permission,
           u.ioport_permission, u.hypercall_init, u.settimeoffset, u.tsc_info, u.hvmcontext, u.hvmcontext_partial,
           u.address_size, u.sendtrigger, u.get_device_group, u.assign_device, u.bind_pt_irq, u.memory_mapping,
           u.ioport_mapping, u.ext_vcpucontext, u.set_target, u.subscribe, u.debug_op, u.vm_event_op, u.mem_sharing_op,
           u.cpu_policy, u.vcpuextstate, u.vcpu_msrs, u.access_required, u.audit_p2m, u.set_virq_handler,
           u.gdbsx_guest_memio, u.set_broken_page_p2m, u.cacheflush, u.gdbsx_pauseunp_vcpu, u.gdbsx_domstatus, u.vnuma,
           u.psr_cmt_op, u.monitor_op, u.psr_alloc, u.vmtrace_op, u.paging_mempool, u.pad);
    LAYOUT(abi::DomctlIrqPermission, struct xen_domctl_irq_permission, pirq, allow_access, pad);
    LAYOUT(abi::DomctlIomemPermission, struct xen_domctl_iomem_permission, first_mfn, nr_mfns, allow_access);
    LAYOUT(abi::DomctlIoportPermission, struct xen_domctl_ioport_permission, first_port, nr_ports, allow_access);
    LAYOUT(abi::DomctlAssignDevice, struct xen_domctl_assign_device, dev, flags, u, u.pci, u.pci.machine_sbdf, u.dt,
           u.dt.size, u.dt.path);
    LAYOUT(abi::DomctlGetDeviceGroup, struct xen_domctl_get_device_group, machine_sbdf, max_sdevs, num_sdevs,
           sdev_array);
    LAYOUT(abi::DomctlBindPtIrq, struct xen_domctl_bind_pt_irq, machine_irq, irq_type, u, u.isa, u.isa.isa_irq, u.pci,
           u.pci.bus, u.pci.device, u.pci.intx, u.msi, u.msi.gvec, u.msi.gflags, u.msi.gtable, u.spi, u.spi.spi);
    LAYOUT(abi::DomctlMemoryMapping, struct xen_domctl_memory_mapping, first_gfn, first_mfn, nr_mfns, add_mapping,
           padding);
    LAYOUT(abi::DomctlIoportMapping, struct xen_domctl_ioport_mapping, first_gport, first_mport, nr_ports, add_mapping);
    LAYOUT(abi::ArchDomainconfig, struct xen_arch_domainconfig, emulation_flags, misc_flags);
    LAYOUT(abi::DomctlCreateDomain, struct xen_domctl_createdomain, ssidref, handle, flags, iommu_opts, max_vcpus,
           max_evtchn_port, max_grant_frames, max_maptrack_frames, grant_opts, vmtrace_size, cpupool_id, arch);
    LAYOUT(abi::DomctlGetDomainInfo, struct xen_domctl_getdomaininfo, domain, pad1, flags, tot_pages, max_pages,
           outstanding_pages, shr_pages, paged_pages, shared_info_frame, cpu_time, nr_online_vcpus, max_vcpu_id,
           ssidref, handle, cpupool, gpaddr_bits, pad2, arch_config);
    LAYOUT(abi::DomctlGetPageFrameInfo3, struct xen_domctl_getpageframeinfo3, num, array);
    LAYOUT(abi::DomctlShadowOpStats, struct xen_domctl_shadow_op_stats, fault_count, dirty_count);
    LAYOUT(abi::DomctlShadowOp, struct xen_domctl_shadow_op, op, mode, mb, dirty_bitmap, pages, stats);
    LAYOUT(abi::DomctlMaxMem, struct xen_domctl_max_mem, max_memkb);
    LAYOUT(abi::DomctlVcpuContext, struct xen_domctl_vcpucontext, vcpu, ctxt);
    LAYOUT(abi::DomctlGetVcpuInfo, struct xen_domctl_getvcpuinfo, vcpu, online, blocked, running, cpu_time, cpu);
    LAYOUT(abi::DomctlNodeAffinity, struct xen_domctl_nodeaffinity, nodemap);
    LAYOUT(abi::DomctlVcpuAffinity, struct xen_domctl_vcpuaffinity, vcpu, flags, cpumap_hard, cpumap_soft);
    LAYOUT(abi::DomctlMaxVcpus, struct xen_domctl_max_vcpus, max);
    LAYOUT(abi::DomctlSchedCredit, struct xen_domctl_sched_credit, weight, cap);
    LAYOUT(abi::DomctlSchedCredit2, struct xen_domctl_sched_credit2, weight, cap);
    LAYOUT(abi::DomctlSchedRtds, struct xen_domctl_sched_rtds, period, budget, flags);
    LAYOUT(abi::DomctlSchedparamVcpu, struct xen_domctl_schedparam_vcpu, u, u.credit, u.credit2, u.rtds, vcpuid);
    LAYOUT(abi::DomctlSchedulerOp, struct xen_domctl_scheduler_op, sched_id, cmd, u, u.credit, u.credit2, u.rtds, u.v,
           u.v.vcpus, u.v.nr_vcpus, u.v.padding);
    LAYOUT(abi::DomctlSetDomainHandle, struct xen_domctl_setdomainhandle, handle);
    LAYOUT(abi::DomctlSetDebugging, struct xen_domctl_setdebugging, enable);
    LAYOUT(abi::DomctlHypercallInit, struct xen_domctl_hypercall_init, gmfn);
    LAYOUT(abi::DomctlSetTimeOffset, struct xen_domctl_settimeoffset, time_offset_seconds);
    LAYOUT(abi::DomctlAddressSize, struct xen_domctl_address_size, size);
    LAYOUT(abi::DomctlSendTrigger, struct xen_domctl_sendtrigger, trigger, vcpu);
    LAYOUT(abi::DomctlSetTarget, struct xen_domctl_set_target, target);
    LAYOUT(abi::DomctlSubscribe, struct xen_domctl_subscribe, port);
    LAYOUT(abi::DomctlSetVirqHandler, struct xen_domctl_set_virq_handler, virq);
    LAYOUT(abi::DomctlPagingMempool, struct xen_domctl_paging_mempool, size);
    LAYOUT(abi::DomctlHvmContext, struct xen_domctl_hvmcontext, size, buffer);
    LAYOUT(abi::DomctlHvmContextPartial, struct xen_domctl_hvmcontext_partial, type, instance, bufsz, buffer);
    LAYOUT(abi::DomctlExtVcpuContext, struct xen_domctl_ext_vcpucontext, vcpu, size, syscall32_callback_eip,
           sysenter_callback_eip, syscall32_callback_cs, sysenter_callback_cs, syscall32_disables_events,
           sysenter_disables_events, mcg_cap, vmce);
    LAYOUT(abi::DomctlCpuPolicy, struct xen_domctl_cpu_policy, nr_leaves, nr_msrs, leaves, msrs, err_leaf, err_subleaf,
           err_msr);
    LAYOUT(abi::DomctlTscInfo, struct xen_domctl_tsc_info, tsc_mode, gtsc_khz, incarnation, pad, elapsed_nsec);
    LAYOUT(abi::DomctlVcpuExtState, struct xen_domctl_vcpuextstate, vcpu, xfeature_mask, size, buffer);
    LAYOUT(abi::DomctlVcpuMsr, struct xen_domctl_vcpu_msr, index, reserved, value);
    LAYOUT(abi::DomctlVcpuMsrs, struct xen_domctl_vcpu_msrs, vcpu, msr_count, msrs);
    LAYOUT(abi::DomctlDebugOp, struct xen_domctl_debug_op, op, vcpu);
    LAYOUT(abi::DomctlGdbsxMemio, struct xen_domctl_gdbsx_memio, pgd3val, gva, uva, len, gwr, remain);
    LAYOUT(abi::DomctlGdbsxPauseunpVcpu, struct xen_domctl_gdbsx_pauseunp_vcpu, vcpu);
    LAYOUT(abi::DomctlGdbsxDomstatus, struct xen_domctl_gdbsx_domstatus, paused, vcpu_id, vcpu_ev);
    LAYOUT(abi::DomctlVmEventOp, struct xen_domctl_vm_event_op, op, mode, u, u.enable, u.enable.port, u.version);
    LAYOUT(abi::DomctlMemSharingOp, struct xen_domctl_mem_sharing_op, op, u, u.enable);
    LAYOUT(abi::DomctlAuditP2m, struct xen_domctl_audit_p2m, orphans, m2p_bad, p2m_bad);
    LAYOUT(abi::DomctlSetAccessRequired, struct xen_domctl_set_access_required, access_required);
    LAYOUT(abi::DomctlSetBrokenPageP2m, struct xen_domctl_set_broken_page_p2m, pfn);
    LAYOUT(abi::DomctlCacheflush, struct xen_domctl_cacheflush, start_pfn, nr_pfns);
    LAYOUT(abi::DomctlVnuma, struct xen_domctl_vnuma, nr_vnodes, nr_vmemranges, nr_vcpus, pad, vdistance, vcpu_to_vnode,
           vnode_to_pnode, vmemrange);
    LAYOUT(abi::DomctlPsrCmtOp, struct xen_domctl_psr_cmt_op, cmd, data);
    LAYOUT(abi::DomctlPsrAlloc, struct xen_domctl_psr_alloc, cmd, target, data);
    LAYOUT(abi::DomctlMonitorOp, struct xen_domctl_monitor_op, op, event, u, u.mov_to_cr, u.mov_to_cr.index,
           u.mov_to_cr.sync, u.mov_to_cr.onchangeonly, u.mov_to_cr.pad1, u.mov_to_cr.pad2, u.mov_to_cr.bitmask,
           u.mov_to_msr, u.mov_to_msr.msr, u.mov_to_msr.onchangeonly, u.guest_request, u.guest_request.sync,
           u.guest_request.allow_userspace, u.debug_exception, u.debug_exception.sync, u.vmexit, u.vmexit.sync);
    LAYOUT(abi::DomctlVmtraceOp, struct xen_domctl_vmtrace_op, cmd, vcpu, key, value);
}
