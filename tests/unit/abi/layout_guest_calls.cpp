// SPDX-License-Identifier: Apache-2.0
// Common guest calls: layouts compared with the public headers.
#include "abi/errno.hpp"
#include "abi/event_channel.hpp"
#include "abi/hypercall.hpp"
#include "abi/memory.hpp"
#include "abi/physdev.hpp"
#include "abi/sched.hpp"
#include "abi/types.hpp"
#include "abi/version.hpp"

#include "tests/unit/abi/compare.hpp"

TEST(AbiLayout, GuestCalls) {
    LAYOUT(abi::EvtchnAllocUnbound, struct evtchn_alloc_unbound, dom, remote_dom, port);
    LAYOUT(abi::EvtchnBindInterdomain, struct evtchn_bind_interdomain, remote_dom, remote_port, local_port);
    LAYOUT(abi::EvtchnBindVirq, struct evtchn_bind_virq, virq, vcpu, port);
    LAYOUT(abi::EvtchnBindPirq, struct evtchn_bind_pirq, pirq, flags, port);
    LAYOUT(abi::EvtchnBindIpi, struct evtchn_bind_ipi, vcpu, port);
    LAYOUT(abi::EvtchnClose, struct evtchn_close, port);
    LAYOUT(abi::EvtchnSend, struct evtchn_send, port);
    LAYOUT(abi::EvtchnStatus, struct evtchn_status, dom, port, status, vcpu, u, u.unbound, u.unbound.dom, u.interdomain,
           u.interdomain.dom, u.interdomain.port, u.pirq, u.virq);
    LAYOUT(abi::EvtchnBindVcpu, struct evtchn_bind_vcpu, port, vcpu);
    LAYOUT(abi::EvtchnUnmask, struct evtchn_unmask, port);
    LAYOUT(abi::EvtchnReset, struct evtchn_reset, dom);
    LAYOUT(abi::EvtchnInitControl, struct evtchn_init_control, control_gfn, offset, vcpu, link_bits, _pad);
    LAYOUT(abi::EvtchnExpandArray, struct evtchn_expand_array, array_gfn);
    LAYOUT(abi::EvtchnSetPriority, struct evtchn_set_priority, port, priority);
    LAYOUT(abi::EvtchnOp, struct evtchn_op, cmd, u, u.alloc_unbound, u.bind_interdomain, u.bind_virq, u.bind_pirq,
           u.bind_ipi, u.close, u.send, u.status, u.bind_vcpu, u.unmask);
    LAYOUT(abi::EvtchnFifoControlBlock, struct evtchn_fifo_control_block, ready, _rsvd, head);
    LAYOUT(abi::MulticallEntry, struct multicall_entry, op, result, args);
    LAYOUT(abi::MemoryReservation, struct xen_memory_reservation, extent_start, nr_extents, extent_order, mem_flags,
           domid);
    LAYOUT(abi::MemoryExchange, struct xen_memory_exchange, in, out, nr_exchanged);
    LAYOUT(abi::MemoryDomain, struct xen_memory_domain, domid);
    LAYOUT(abi::MachphysMfnList, struct xen_machphys_mfn_list, max_extents, extent_start, nr_extents);
    LAYOUT(abi::MachphysMapping, struct xen_machphys_mapping, v_start, v_end, max_mfn);
    LAYOUT(abi::AddToPhysmap, struct xen_add_to_physmap, domid, size, space, idx, gpfn);
    LAYOUT(abi::AddToPhysmapBatch, struct xen_add_to_physmap_batch, domid, space, size, u, u.foreign_domid, u.res0,
           idxs, gpfns, errs);
    LAYOUT(abi::RemoveFromPhysmap, struct xen_remove_from_physmap, domid, gpfn);
    LAYOUT(abi::MemoryMap, struct xen_memory_map, nr_entries, buffer);
    LAYOUT(abi::ForeignMemoryMap, struct xen_foreign_memory_map, domid, map);
    LAYOUT(abi::PodTarget, struct xen_pod_target, target_pages, tot_pages, pod_cache_pages, pod_entries, domid);
    LAYOUT(abi::MemPagingOp, struct xen_mem_paging_op, op, domain, buffer, gfn);
    LAYOUT(abi::MemAccessOp, struct xen_mem_access_op, op, access, domid, nr, pfn, pfn_list, access_list);
    LAYOUT(abi::ReservedDeviceMemory, struct xen_reserved_device_memory, start_pfn, nr_pages);
    LAYOUT(abi::ReservedDeviceMemoryMap, struct xen_reserved_device_memory_map, flags, nr_entries, buffer, dev,
           dev.pci);
    LAYOUT(abi::MemAcquireResource, struct xen_mem_acquire_resource, domid, type, id, nr_frames, pad, frame,
           frame_list);
    LAYOUT(abi::Vmemrange, struct xen_vmemrange, start, end, flags, nid);
    LAYOUT(abi::VnumaTopologyInfo, struct xen_vnuma_topology_info, domid, pad, nr_vnodes, nr_vcpus, nr_vmemranges,
           vdistance, vcpu_to_vnode, vmemrange);
    LAYOUT(abi::PhysdevEoi, struct physdev_eoi, irq);
    LAYOUT(abi::PhysdevPirqEoiGmfn, struct physdev_pirq_eoi_gmfn, gmfn);
    LAYOUT(abi::PhysdevIrqStatusQuery, struct physdev_irq_status_query, irq, flags);
    LAYOUT(abi::PhysdevSetIopl, struct physdev_set_iopl, iopl);
    LAYOUT(abi::PhysdevSetIobitmap, struct physdev_set_iobitmap, bitmap, nr_ports);
    LAYOUT(abi::PhysdevApic, struct physdev_apic, apic_physbase, reg, value);
    LAYOUT(abi::PhysdevIrq, struct physdev_irq, irq, vector);
    LAYOUT(abi::PhysdevMapPirq, struct physdev_map_pirq, domid, type, index, pirq, bus, devfn, entry_nr, table_base);
    LAYOUT(abi::PhysdevUnmapPirq, struct physdev_unmap_pirq, domid, pirq);
    LAYOUT(abi::PhysdevManagePci, struct physdev_manage_pci, bus, devfn);
    LAYOUT(abi::PhysdevRestoreMsi, struct physdev_restore_msi, bus, devfn);
    LAYOUT(abi::PhysdevManagePciExt, struct physdev_manage_pci_ext, bus, devfn, is_extfn, is_virtfn, physfn, physfn.bus,
           physfn.devfn);
    LAYOUT(abi::PhysdevOpCompat, struct physdev_op, cmd, u, u.irq_status_query, u.set_iopl, u.set_iobitmap, u.apic_op,
           u.irq_op);
    LAYOUT(abi::PhysdevSetupGsi, struct physdev_setup_gsi, gsi, triggering, polarity);
    LAYOUT(abi::PhysdevGetFreePirq, struct physdev_get_free_pirq, type, pirq);
    LAYOUT(abi::PhysdevPciMmcfgReserved, struct physdev_pci_mmcfg_reserved, address, segment, start_bus, end_bus,
           flags);
    LAYOUT(abi::PhysdevPciDeviceAdd, struct physdev_pci_device_add, seg, bus, devfn, flags, physfn, physfn.bus,
           physfn.devfn);
    LAYOUT(abi::PhysdevPciDevice, struct physdev_pci_device, seg, bus, devfn);
    LAYOUT(abi::PhysdevDbgpOp, struct physdev_dbgp_op, op, bus, u, u.pci);
    LAYOUT(abi::SchedShutdown, struct sched_shutdown, reason);
    LAYOUT(abi::SchedPoll, struct sched_poll, ports, nr_ports, timeout);
    LAYOUT(abi::SchedRemoteShutdown, struct sched_remote_shutdown, domain_id, reason);
    LAYOUT(abi::SchedWatchdog, struct sched_watchdog, id, timeout);
    LAYOUT(abi::SchedPinOverride, struct sched_pin_override, pcpu);
    LAYOUT(abi::ControlBitmap, struct xenctl_bitmap, bitmap, nr_bits);
    LAYOUT(abi::CompileInfo, struct xen_compile_info, compiler, compile_by, compile_domain, compile_date);
    LAYOUT(abi::PlatformParameters, struct xen_platform_parameters, virt_start);
    LAYOUT(abi::FeatureInfo, struct xen_feature_info, submap_idx, submap);
    LAYOUT(abi::BuildId, struct xen_build_id, len);
}
