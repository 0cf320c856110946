// SPDX-License-Identifier: Apache-2.0
// Rings, xenstore, rarer calls and Linux's devices: layouts compared with the public headers.
#include "abi/console.hpp"
#include "abi/extra/hypfs.hpp"
#include "abi/extra/kexec.hpp"
#include "abi/extra/mca.hpp"
#include "abi/extra/pmu.hpp"
#include "abi/io/blkif.hpp"
#include "abi/io/netif.hpp"
#include "abi/io/ring.hpp"
#include "abi/linux/devices.hpp"
#include "abi/xenstore.hpp"

#include "tests/unit/abi/compare.hpp"

TEST(AbiLayout, Devices) {
    LAYOUT(abi::ConsoleInterface, struct xencons_interface, in, out, in_cons, in_prod, out_cons, out_prod);
    LAYOUT(abi::HypfsDirentry, struct xen_hypfs_direntry, type, encoding, pad, content_len, max_write_len);
    LAYOUT(abi::HypfsDirlistentry, struct xen_hypfs_dirlistentry, e, off_next);
    LAYOUT(abi::KexecRange, struct xen_kexec_range, range, nr, size, start);
    LAYOUT(abi::KexecSegment, struct xen_kexec_segment, buf, buf_size, dest_maddr, dest_size);
    LAYOUT(abi::KexecLoad, struct xen_kexec_load, type, _pad, arch, nr_segments, segments, entry_maddr);
    LAYOUT(abi::McinfoMsr, struct mcinfo_msr, reg, value);
    LAYOUT(abi::McinfoCommon, struct mcinfo_common, type, size);
    LAYOUT(abi::McinfoGlobal, struct mcinfo_global, common, mc_domid, mc_vcpuid, mc_socketid, mc_coreid,
           mc_core_threadid, mc_apicid, mc_flags, mc_gstatus);
    LAYOUT(abi::McinfoBank, struct mcinfo_bank, common, mc_bank, mc_domid, mc_status, mc_addr, mc_misc, mc_ctrl2,
           mc_tsc);
    LAYOUT(abi::McInfo, struct mc_info, mi_nentries, flags, mi_data);
    LAYOUT(abi::McinfoLogicalCpu, struct mcinfo_logical_cpu, mc_cpunr, mc_chipid, mc_coreid, mc_threadid, mc_apicid,
           mc_clusterid, mc_ncores, mc_ncores_active, mc_nthreads, mc_cpuid_level, mc_family, mc_vendor, mc_model,
           mc_step, mc_vendorid, mc_brandid, mc_cpu_caps, mc_cache_size, mc_cache_alignment, mc_nmsrvals, mc_msrvalues);
    LAYOUT(abi::McFetch, struct xen_mc_fetch, flags, _pad0, fetch_id, data);
    LAYOUT(abi::McPhyscpuinfo, struct xen_mc_physcpuinfo, ncpus, _pad0, info);
    LAYOUT(abi::McRequest, struct xen_mc, cmd, interface_version, u, u.mc_fetch, u.mc_physcpuinfo);
    LAYOUT(abi::PmuParams, struct xen_pmu_params, version, version.maj, version.min, val, vcpu, pad);
    LAYOUT(abi::BlkifRequestSegment, struct blkif_request_segment, gref, first_sect, last_sect);
    LAYOUT(abi::BlkifRequest, struct blkif_request, operation, nr_segments, handle, id, sector_number, seg);
    LAYOUT(abi::BlkifRequestDiscard, struct blkif_request_discard, operation, flag, handle, id, sector_number,
           nr_sectors);
    LAYOUT(abi::BlkifRequestIndirect, struct blkif_request_indirect, operation, indirect_op, nr_segments, id,
           sector_number, handle, indirect_grefs);
    LAYOUT(abi::BlkifResponse, struct blkif_response, id, operation, status);
    LAYOUT(abi::NetifTxRequest, struct netif_tx_request, gref, offset, flags, id, size);
    LAYOUT(abi::NetifExtraInfo, struct netif_extra_info, type, flags, u, u.gso, u.gso.size, u.gso.type, u.gso.pad,
           u.gso.features, u.mcast, u.mcast.addr, u.hash, u.hash.type, u.hash.algorithm, u.hash.value, u.pad);
    LAYOUT(abi::NetifTxResponse, struct netif_tx_response, id, status);
    LAYOUT(abi::NetifRxRequest, struct netif_rx_request, id, pad, gref);
    LAYOUT(abi::NetifRxResponse, struct netif_rx_response, id, offset, flags, status);
    LAYOUT(abi::device::PrivcmdHypercall, struct privcmd_hypercall, op, arg);
    LAYOUT(abi::device::PrivcmdMmapbatchV2, struct privcmd_mmapbatch_v2, num, dom, addr, arr, err);
    LAYOUT(abi::device::PrivcmdDmOpBuf, struct privcmd_dm_op_buf, uptr, size);
    LAYOUT(abi::device::PrivcmdDmOp, struct privcmd_dm_op, dom, num, ubufs);
    LAYOUT(abi::device::PrivcmdMmapResource, struct privcmd_mmap_resource, dom, type, id, idx, num, addr);
    LAYOUT(abi::device::EvtchnBindVirq, struct ioctl_evtchn_bind_virq, virq);
    LAYOUT(abi::device::EvtchnBindInterdomain, struct ioctl_evtchn_bind_interdomain, remote_domain, remote_port);
    LAYOUT(abi::device::EvtchnBindUnboundPort, struct ioctl_evtchn_bind_unbound_port, remote_domain);
    LAYOUT(abi::device::EvtchnUnbind, struct ioctl_evtchn_unbind, port);
    LAYOUT(abi::device::EvtchnNotify, struct ioctl_evtchn_notify, port);
    LAYOUT(abi::device::GntdevGrantRef, struct ioctl_gntdev_grant_ref, domid, ref);
    LAYOUT(abi::device::GntdevMapGrantRef, struct ioctl_gntdev_map_grant_ref, count, pad, index, refs);
    LAYOUT(abi::device::GntdevUnmapGrantRef, struct ioctl_gntdev_unmap_grant_ref, index, count, pad);
    LAYOUT(abi::device::GntdevGetOffsetForVaddr, struct ioctl_gntdev_get_offset_for_vaddr, vaddr, offset, count, pad);
    LAYOUT(abi::device::GntdevSetMaxGrants, struct ioctl_gntdev_set_max_grants, count);
    LAYOUT(abi::device::GntdevUnmapNotify, struct ioctl_gntdev_unmap_notify, index, action, event_channel_port);
    LAYOUT(abi::device::GntallocAllocGref, struct ioctl_gntalloc_alloc_gref, domid, flags, count, index, gref_ids);
    LAYOUT(abi::device::GntallocDeallocGref, struct ioctl_gntalloc_dealloc_gref, index, count);
    LAYOUT(abi::XsdSockmsg, struct xsd_sockmsg, type, req_id, tx_id, len);
    LAYOUT(abi::XenstoreDomainInterface, struct xenstore_domain_interface, req, rsp, req_cons, req_prod, rsp_cons,
           rsp_prod, server_features, connection, error);
}
