// SPDX-License-Identifier: Apache-2.0
// PV state, shared pages, vCPU calls and grants: layouts compared with the public headers.
#include "abi/elfnote.hpp"
#include "abi/grant_table.hpp"
#include "abi/pv.hpp"
#include "abi/shared_info.hpp"
#include "abi/vcpu.hpp"

#include "tests/unit/abi/compare.hpp"

TEST(AbiLayout, GuestState) {
    LAYOUT(abi::GrantEntryV1, struct grant_entry_v1, flags, domid, frame);
    LAYOUT(abi::GrantEntryHeader, struct grant_entry_header, flags, domid);
    LAYOUT(abi::GrantEntryV2, union grant_entry_v2, hdr, full_page, full_page.hdr, full_page.pad0, full_page.frame,
           sub_page, sub_page.hdr, sub_page.page_off, sub_page.length, sub_page.frame, transitive, transitive.hdr,
           transitive.trans_domid, transitive.pad0, transitive.gref);
    LAYOUT(abi::GnttabMapGrantRef, struct gnttab_map_grant_ref, host_addr, flags, ref, dom, status, handle,
           dev_bus_addr);
    LAYOUT(abi::GnttabUnmapGrantRef, struct gnttab_unmap_grant_ref, host_addr, dev_bus_addr, handle, status);
    LAYOUT(abi::GnttabSetupTable, struct gnttab_setup_table, dom, nr_frames, status, frame_list);
    LAYOUT(abi::GnttabDumpTable, struct gnttab_dump_table, dom, status);
    LAYOUT(abi::GnttabTransfer, struct gnttab_transfer, mfn, domid, ref, status);
    LAYOUT(abi::GnttabCopyPtr, gnttab_copy::gnttab_copy_ptr, u, u.ref, u.gmfn, domid, offset);
    LAYOUT(abi::GnttabCopy, struct gnttab_copy, source, dest, len, flags, status);
    LAYOUT(abi::GnttabQuerySize, struct gnttab_query_size, dom, nr_frames, max_nr_frames, status);
    LAYOUT(abi::GnttabUnmapAndReplace, struct gnttab_unmap_and_replace, host_addr, new_addr, handle, status);
    LAYOUT(abi::GnttabSetVersion, struct gnttab_set_version, version);
    LAYOUT(abi::GnttabGetStatusFrames, struct gnttab_get_status_frames, nr_frames, dom, status, frame_list);
    LAYOUT(abi::GnttabGetVersion, struct gnttab_get_version, dom, pad, version);
    LAYOUT(abi::GnttabSwapGrantRef, struct gnttab_swap_grant_ref, ref_a, ref_b, status);
    LAYOUT(abi::GnttabCacheFlush, struct gnttab_cache_flush, a, a.dev_bus_addr, a.ref, offset, length, op);
    LAYOUT(abi::MmuUpdate, struct mmu_update, ptr, val);
    LAYOUT(abi::MmuextOp, struct mmuext_op, cmd, arg1, arg1.mfn, arg1.linear_addr, arg2, arg2.nr_ents, arg2.vcpumask,
           arg2.src_mfn);
    LAYOUT(abi::TrapInfo, struct trap_info, vector, flags, cs, address);
    LAYOUT(abi::CallbackRegister, struct callback_register, type, flags, address);
    LAYOUT(abi::CallbackUnregister, struct callback_unregister, type, _unused);
    LAYOUT(abi::NmiCallback, struct xennmi_callback, handler_address, pad);
    LAYOUT(abi::CpuUserRegs, struct cpu_user_regs, r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi,
           rdi, error_code, entry_vector, rip, cs, _pad0, saved_upcall_mask, _pad1, rflags, rsp, ss, _pad2, es, _pad3,
           ds, _pad4, fs, _pad5, gs, _pad6);
    LAYOUT(abi::VcpuGuestContext, struct vcpu_guest_context, fpu_ctxt, fpu_ctxt.x, flags, user_regs, trap_ctxt,
           ldt_base, ldt_ents, gdt_frames, gdt_ents, kernel_ss, kernel_sp, ctrlreg, debugreg, event_callback_eip,
           failsafe_callback_eip, syscall_callback_eip, vm_assist, fs_base, gs_base_kernel, gs_base_user);
    LAYOUT(abi::IretContext, struct iret_context, rax, r11, rcx, flags, rip, cs, rflags, rsp, ss);
    LAYOUT(abi::VcpuTimeInfo, struct vcpu_time_info, version, pad0, tsc_timestamp, system_time, tsc_to_system_mul,
           tsc_shift, flags, pad1);
    LAYOUT(abi::ArchVcpuInfo, struct arch_vcpu_info, cr2, pad);
    LAYOUT(abi::VcpuInfo, struct vcpu_info, evtchn_upcall_pending, evtchn_upcall_mask, evtchn_pending_sel, arch, time);
    LAYOUT(abi::ArchSharedInfo, struct arch_shared_info, max_pfn, pfn_to_mfn_frame_list_list, nmi_reason, p2m_cr3,
           p2m_vaddr, p2m_generation);
    LAYOUT(abi::SharedInfo, struct shared_info, vcpu_info, evtchn_pending, evtchn_mask, wc_version, wc_sec, wc_nsec,
           wc_sec_hi, arch);
    LAYOUT(abi::StartInfo, struct start_info, magic, nr_pages, shared_info, flags, store_mfn, store_evtchn, console,
           console.domU, console.domU.mfn, console.domU.evtchn, console.dom0, console.dom0.info_off,
           console.dom0.info_size, pt_base, nr_pt_frames, mfn_list, mod_start, mod_len, cmd_line, first_p2m_pfn,
           nr_p2m_frames);
    LAYOUT(abi::MultibootModList, struct xen_multiboot_mod_list, mod_start, mod_end, cmdline, pad);
    LAYOUT(abi::Dom0VgaConsoleInfo, struct dom0_vga_console_info, video_type, u, u.text_mode_3,
           u.text_mode_3.font_height, u.text_mode_3.cursor_x, u.text_mode_3.cursor_y, u.text_mode_3.rows,
           u.text_mode_3.columns, u.vesa_lfb, u.vesa_lfb.width, u.vesa_lfb.height, u.vesa_lfb.bytes_per_line,
           u.vesa_lfb.bits_per_pixel, u.vesa_lfb.lfb_base, u.vesa_lfb.lfb_size, u.vesa_lfb.red_pos, u.vesa_lfb.red_size,
           u.vesa_lfb.green_pos, u.vesa_lfb.green_size, u.vesa_lfb.blue_pos, u.vesa_lfb.blue_size, u.vesa_lfb.rsvd_pos,
           u.vesa_lfb.rsvd_size, u.vesa_lfb.gbl_caps, u.vesa_lfb.mode_attrs, u.vesa_lfb.pad, u.vesa_lfb.ext_lfb_base);
    LAYOUT(abi::VcpuRunstateInfo, struct vcpu_runstate_info, state, state_entry_time, time);
    LAYOUT(abi::VcpuRegisterRunstateMemoryArea, struct vcpu_register_runstate_memory_area, addr, addr.h, addr.p);
    LAYOUT(abi::VcpuSetPeriodicTimer, struct vcpu_set_periodic_timer, period_ns);
    LAYOUT(abi::VcpuSetSingleshotTimer, struct vcpu_set_singleshot_timer, timeout_abs_ns, flags);
    LAYOUT(abi::VcpuRegisterVcpuInfo, struct vcpu_register_vcpu_info, mfn, offset, rsvd);
    LAYOUT(abi::VcpuGetPhysid, struct vcpu_get_physid, phys_id);
    LAYOUT(abi::VcpuRegisterTimeMemoryArea, struct vcpu_register_time_memory_area, addr, addr.h, addr.p);
    LAYOUT(abi::VcpuHvmX86_32, struct vcpu_hvm_x86_32, eax, ecx, edx, ebx, esp, ebp, esi, edi, eip, eflags, cr0, cr3,
           cr4, pad1, efer, cs_base, ds_base, ss_base, es_base, tr_base, cs_limit, ds_limit, ss_limit, es_limit,
           tr_limit, cs_ar, ds_ar, ss_ar, es_ar, tr_ar, pad2);
    LAYOUT(abi::VcpuHvmX86_64, struct vcpu_hvm_x86_64, rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, rip, rflags, cr0, cr3,
           cr4, efer);
    LAYOUT(abi::VcpuHvmContext, struct vcpu_hvm_context, mode, pad, cpu_regs, cpu_regs.x86_32, cpu_regs.x86_64);
}
