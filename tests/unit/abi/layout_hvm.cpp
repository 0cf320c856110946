// SPDX-License-Identifier: Apache-2.0
// HVM, device model and CPUID interfaces: layouts compared with the public headers.
#include "abi/cpuid.hpp"
#include "abi/dm_op.hpp"
#include "abi/hvm.hpp"
#include "abi/hvm_save.hpp"

#include "tests/unit/abi/compare.hpp"

TEST(AbiLayout, Hvm) {
    LAYOUT(abi::DmOpCreateIoreqServer, struct xen_dm_op_create_ioreq_server, handle_bufioreq, pad, id);
    LAYOUT(abi::DmOpGetIoreqServerInfo, struct xen_dm_op_get_ioreq_server_info, id, flags, bufioreq_port, ioreq_gfn,
           bufioreq_gfn);
    LAYOUT(abi::DmOpIoreqServerRange, struct xen_dm_op_ioreq_server_range, id, pad, type, start, end);
    LAYOUT(abi::DmOpSetIoreqServerState, struct xen_dm_op_set_ioreq_server_state, id, enabled, pad);
    LAYOUT(abi::DmOpDestroyIoreqServer, struct xen_dm_op_destroy_ioreq_server, id, pad);
    LAYOUT(abi::DmOpTrackDirtyVram, struct xen_dm_op_track_dirty_vram, nr, pad, first_pfn);
    LAYOUT(abi::DmOpSetPciIntxLevel, struct xen_dm_op_set_pci_intx_level, domain, bus, device, intx, level);
    LAYOUT(abi::DmOpSetIsaIrqLevel, struct xen_dm_op_set_isa_irq_level, isa_irq, level);
    LAYOUT(abi::DmOpSetPciLinkRoute, struct xen_dm_op_set_pci_link_route, link, isa_irq);
    LAYOUT(abi::DmOpModifiedMemory, struct xen_dm_op_modified_memory, nr_extents, opaque);
    LAYOUT(abi::DmOpModifiedMemoryExtent, struct xen_dm_op_modified_memory_extent, nr, pad, first_pfn);
    LAYOUT(abi::DmOpSetMemType, struct xen_dm_op_set_mem_type, nr, mem_type, pad, first_pfn);
    LAYOUT(abi::DmOpInjectEvent, struct xen_dm_op_inject_event, vcpuid, vector, type, insn_len, pad0, error_code, pad1,
           cr2);
    LAYOUT(abi::DmOpInjectMsi, struct xen_dm_op_inject_msi, data, pad, addr);
    LAYOUT(abi::DmOpMapMemTypeToIoreqServer, struct xen_dm_op_map_mem_type_to_ioreq_server, id, type, flags, opaque);
    LAYOUT(abi::DmOpRemoteShutdown, struct xen_dm_op_remote_shutdown, reason);
    LAYOUT(abi::DmOpRelocateMemory, struct xen_dm_op_relocate_memory, size, pad, src_gfn, dst_gfn);
    LAYOUT(abi::DmOpPinMemoryCacheattr, struct xen_dm_op_pin_memory_cacheattr, start, end, type, pad);
    LAYOUT(abi::DmOpSetIrqLevel, struct xen_dm_op_set_irq_level, irq, level, pad);
    LAYOUT(abi::DmOpNrVcpus, struct xen_dm_op_nr_vcpus, vcpus);
    LAYOUT(abi::DmOp, struct xen_dm_op, op, pad, u, u.create_ioreq_server, u.get_ioreq_server_info,
           u.map_io_range_to_ioreq_server, u.unmap_io_range_from_ioreq_server, u.set_ioreq_server_state,
           u.destroy_ioreq_server, u.track_dirty_vram, u.set_pci_intx_level, u.set_isa_irq_level, u.set_irq_level,
           u.set_pci_link_route, u.modified_memory, u.set_mem_type, u.inject_event, u.inject_msi,
           u.map_mem_type_to_ioreq_server, u.remote_shutdown, u.relocate_memory, u.pin_memory_cacheattr, u.nr_vcpus);
    LAYOUT(abi::DmOpBuf, struct xen_dm_op_buf, h, size);
    LAYOUT(abi::Ioreq, struct ioreq, addr, data, count, size, vp_eport, _pad0, type);
    LAYOUT(abi::BufIoreq, struct buf_ioreq, type, data);
    LAYOUT(abi::BufferedIopage, struct buffered_iopage, read_pointer, write_pointer, buf_ioreq);
    LAYOUT(abi::HvmStartInfo, struct hvm_start_info, magic, version, flags, nr_modules, modlist_paddr, cmdline_paddr,
           rsdp_paddr, memmap_paddr, memmap_entries, reserved);
    LAYOUT(abi::HvmModlistEntry, struct hvm_modlist_entry, paddr, size, cmdline_paddr, reserved);
    LAYOUT(abi::HvmMemmapTableEntry, struct hvm_memmap_table_entry, addr, size, type, reserved);
    LAYOUT(abi::HvmInfoTable, struct hvm_info_table, signature, length, checksum, apic_mode, nr_vcpus, low_mem_pgend,
           reserved_mem_pgstart, high_mem_pgend, vcpu_online);
    LAYOUT(abi::HvmParam, struct xen_hvm_param, domid, pad, index, value);
    LAYOUT(abi::HvmPagetableDying, struct xen_hvm_pagetable_dying, domid, pad, gpa);
    LAYOUT(abi::HvmGetTime, struct xen_hvm_get_time, now);
    LAYOUT(abi::HvmGetMemType, struct xen_hvm_get_mem_type, domid, mem_type, pad, pfn);
    LAYOUT(abi::HvmEvtchnUpcallVector, struct xen_hvm_evtchn_upcall_vector, vcpu, vector);
    LAYOUT(abi::HvmSaveDescriptor, struct hvm_save_descriptor, typecode, instance, length);
    LAYOUT(abi::HvmSaveHeader, struct hvm_save_header, magic, version, changeset, cpuid, gtsc_khz);
    LAYOUT(abi::HvmHwCpu, struct hvm_hw_cpu, fpu_regs, rax, rbx, rcx, rdx, rbp, rsi, rdi, rsp, r8, r9, r10, r11, r12,
           r13, r14, r15, rip, rflags, cr0, cr2, cr3, cr4, dr0, dr1, dr2, dr3, dr6, dr7, cs_sel, ds_sel, es_sel, fs_sel,
           gs_sel, ss_sel, tr_sel, ldtr_sel, cs_limit, ds_limit, es_limit, fs_limit, gs_limit, ss_limit, tr_limit,
           ldtr_limit, idtr_limit, gdtr_limit, cs_base, ds_base, es_base, fs_base, gs_base, ss_base, tr_base, ldtr_base,
           idtr_base, gdtr_base, cs_arbytes, ds_arbytes, es_arbytes, fs_arbytes, gs_arbytes, ss_arbytes, tr_arbytes,
           ldtr_arbytes, sysenter_cs, sysenter_esp, sysenter_eip, shadow_gs, msr_flags, msr_lstar, msr_star, msr_cstar,
           msr_syscall_mask, msr_efer, msr_tsc_aux, tsc, pending_event, error_code, flags, pad0);
    LAYOUT(abi::HvmHwVpic, struct hvm_hw_vpic, irr, imr, isr, irq_base, elcr, int_output);
    LAYOUT(abi::VioapicRedirEntry, union vioapic_redir_entry, bits, fields, fields.vector, fields.reserved,
           fields.dest_id);
    LAYOUT(abi::HvmHwVioapic, struct hvm_hw_vioapic, base_address, ioregsel, id, redirtbl);
    LAYOUT(abi::HvmHwLapic, struct hvm_hw_lapic, apic_base_msr, disabled, timer_divisor, tdt_msr);
    LAYOUT(abi::HvmHwLapicRegs, struct hvm_hw_lapic_regs, data);
    LAYOUT(abi::HvmHwPciIrqs, struct hvm_hw_pci_irqs, pad);
    LAYOUT(abi::HvmHwIsaIrqs, struct hvm_hw_isa_irqs, pad);
    LAYOUT(abi::HvmHwPciLink, struct hvm_hw_pci_link, route, pad0);
    LAYOUT(abi::HvmHwPitChannel, hvm_hw_pit::hvm_hw_pit_channel, count, latched_count, count_latched, status_latched,
           status, read_state, write_state, write_latch, rw_mode, mode, bcd, gate);
    LAYOUT(abi::HvmHwPit, struct hvm_hw_pit, channels, speaker_data_on, pad0);
    LAYOUT(abi::HvmHwRtc, struct hvm_hw_rtc, cmos_data, cmos_index, pad0, rtc_offset);
    LAYOUT(abi::HvmHwHpet, struct hvm_hw_hpet, capability, res0, config, res1, isr, res2, mc64, res3, timers, res5,
           period);
    LAYOUT(abi::HvmHwPmtimer, struct hvm_hw_pmtimer, tmr_val, pm1a_sts, pm1a_en);
    LAYOUT(abi::HvmHwMtrr, struct hvm_hw_mtrr, msr_pat_cr, msr_mtrr_var, msr_mtrr_fixed, msr_mtrr_cap,
           msr_mtrr_def_type);
    LAYOUT(abi::HvmHwCpuXsave, struct hvm_hw_cpu_xsave, xfeature_mask, xcr0, xcr0_accum, save_area, save_area.fpu_sse,
           save_area.fpu_sse.x, save_area.xsave_hdr, save_area.xsave_hdr.xstate_bv, save_area.xsave_hdr.xcomp_bv,
           save_area.xsave_hdr.reserved);
    LAYOUT(abi::HvmViridianDomainContext, struct hvm_viridian_domain_context, hypercall_gpa, guest_os_id,
           time_ref_count, reference_tsc);
    LAYOUT(abi::HvmViridianVcpuContext, struct hvm_viridian_vcpu_context, vp_assist_msr, apic_assist_pending, _pad,
           simp_msr, sint_msr, stimer_config_msr, stimer_count_msr);
    LAYOUT(abi::HvmVmceVcpu, struct hvm_vmce_vcpu, caps, mci_ctl2_bank0, mci_ctl2_bank1, mcg_ext_ctl);
    LAYOUT(abi::HvmTscAdjust, struct hvm_tsc_adjust, tsc_adjust);
    LAYOUT(abi::HvmOneMsr, hvm_msr::hvm_one_msr, index, _rsvd, val);
    LAYOUT(abi::HvmMsr, struct hvm_msr, count);
}
