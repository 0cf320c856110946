// SPDX-License-Identifier: Apache-2.0
// Builds dom0 from the boot modules: kernel, initrd, start info, page tables, first vCPU.
#include "x86/pv/dom0/builder.hpp"

#include "abi/hypercall.hpp"
#include "abi/shared_info.hpp"
#include "base/log.hpp"
#include "base/panic.hpp"
#include "boot/options.hpp"
#include "domain/domain_list.hpp"
#include "domain/grant/limits.hpp"
#include "domain/run/schedule.hpp"
#include "machine/machine.hpp"
#include "memory/heap.hpp"
#include "schedule/softirq.hpp"
#include "x86/arch/flags.hpp"
#include "x86/guest/load/guest_memory.hpp"
#include "x86/guest/load/memory_option.hpp"
#include "x86/guest/load/unpack.hpp"
#include "x86/pv/dom0/rights.hpp"
#include "x86/pv/dom0/tables.hpp"
#include "x86/pv/hypercall_page.hpp"
#include "x86/pv/paging/pagetable.hpp"

#include <algorithm>
#include <cstring>

namespace px::pv {

namespace dom0 {
namespace {

constinit MemoryOption memory_option;
constinit u32 fewest_vcpus = 1, most_vcpus = max_vcpus_per_domain;
constinit bool pins_vcpus = false;
constinit bool wants_pvh = false;

PX_OPTION(dom0_mem, "dom0_mem", [](std::string_view v) { return parse_memory_option(v, memory_option); });
PX_OPTION(dom0_max_vcpus, "dom0_max_vcpus", [](std::string_view v) {
    // "N", "MIN-MAX", "MIN-", "-MAX": as many as there are CPUs, but not less and not more than that.
    const auto dash = v.find('-');
    const auto bound = [](std::string_view text, u32 without) -> std::optional<u32> {
        if (text.empty()) return without;
        const auto n = options::number(text);
        if (!n || *n == 0) return std::nullopt;
        return static_cast<u32>(std::min<u64>(*n, max_vcpus_per_domain));
    };
    const auto least = bound(v.substr(0, dash), 1);
    const auto most = dash == std::string_view::npos ? least : bound(v.substr(dash + 1), max_vcpus_per_domain);
    if (v.empty() || !least || !most || *most < *least) return false;
    fewest_vcpus = *least;
    most_vcpus = *most;
    return true;
});
PX_OPTION(dom0, "dom0", [](std::string_view v) {
    return options::list(v, [](std::string_view word) {
        const auto flag = options::flag(word);
        if (flag.value && (flag.name == "pv" || flag.name == "pvh")) wants_pvh = (flag.name == "pvh") == *flag.value;
        else log::warning("parameter \"dom0\": \"{}\" has no effect", word);
        return true;
    });
});
PX_OPTION(dom0_vcpus_pin, "dom0_vcpus_pin", [](std::string_view v) {
    const auto on = options::boolean(v);
    pins_vcpus = on.value_or(false);
    return on.has_value();
});

using Bytes = std::span<const u8>;

Bytes bytes_of(const BootModule& module) { return {to_virtual<u8>(module.start), module.bytes}; }

void load_kernel(const GuestMemory& memory, const Kernel& kernel, Bytes file) {
    for (std::size_t i = 0; i < kernel.segment_count; ++i) {
        const Segment& s = kernel.segments[i];
        memory.write(s.address, file.subspan(s.file_offset, s.file_bytes)); // the rest of the segment is zero already
    }
    if (kernel.hypercall_page == GuestVaddr(0)) return;
    const u64 frame = (kernel.hypercall_page - kernel.virt_base) >> page_shift;
    if (frame >= kernel.start >> page_shift && frame < pages_for(kernel.end)) fill_hypercall_page(memory.page(frame));
}

void fill_p2m(const GuestMemory& memory, const Layout& layout) {
    constexpr u64 entries_per_page = page_size / sizeof(u64);
    for (u64 pfn = 0; pfn < layout.total; ++pfn) {
        const Mfn mfn = memory.mfn(pfn);
        memory.page<u64>(layout.p2m.first + pfn / entries_per_page)[pfn % entries_per_page] = mfn.raw();
        set_m2p(mfn, pfn);
    }
}

/// dom0's line is its module's, then what the hypervisor's own line has behind " -- ".
void copy_command_line(abi::StartInfo& info, std::string_view line, std::string_view more) {
    std::size_t used = 0;
    const auto append = [&](std::string_view text) {
        const std::size_t length = std::min(text.size(), sizeof(info.cmd_line) - 1 - used);
        std::memcpy(info.cmd_line + used, text.data(), length);
        used += length;
    };
    append(line);
    if (more.empty()) return;
    append(" ");
    append(more);
}

void fill_start_info(const PvDomain& domain, const GuestMemory& memory, const Kernel& kernel, const Layout& layout,
                     const BootInfo& boot) {
    auto& info = *memory.page<abi::StartInfo>(layout.start_info.first);
    std::memcpy(info.magic, abi::start_info_magic, sizeof(abi::start_info_magic));
    info.nr_pages = layout.total;
    info.shared_info = to_physical(domain.shared_info).raw();
    info.flags = abi::sif_privileged | abi::sif_initdomain;
    info.pt_base = layout.address(layout.tables.first).raw();
    info.nr_pt_frames = layout.tables.count;
    info.mfn_list = layout.p2m_address.raw();
    if (layout.p2m_tables.count != 0) {
        info.first_p2m_pfn = layout.p2m_tables.first;
        info.nr_p2m_frames = layout.p2m_tables.count + layout.p2m.count;
    }
    if (layout.initrd.count != 0) {
        info.mod_start = layout.initrd.first;
        info.mod_len = boot.modules[1].bytes;
        info.flags |= abi::sif_mod_start_pfn;
    }
    (void)kernel;
    info.console.dom0.info_off = sizeof(abi::StartInfo);
    info.console.dom0.info_size = sizeof(abi::Dom0VgaConsoleInfo);
    auto& vga =
        *reinterpret_cast<abi::Dom0VgaConsoleInfo*>(memory.page(layout.start_info.first) + sizeof(abi::StartInfo));
    vga.video_type = static_cast<u8>(abi::VgaType::TextMode3);
    vga.u.text_mode_3 = {.font_height = 16, .cursor_x = 0, .cursor_y = 24, .rows = 25, .columns = 80};
    copy_command_line(info, boot.modules[0].command_line, options::split_command_line(boot.command_line).for_dom0);
}

void say_layout(const Kernel& kernel, const Layout& l, u64 initrd_bytes) {
    const auto range = [&l](const char* name, const FrameRange& r) {
        log::info(" {} {:016x}->{:016x}", name, l.address(r.first), l.address(r.end()));
    };
    log::info(" Dom0 kernel: 64-bit, PAE, lsb, paddr {:#x} -> {:#x}", kernel.start, kernel.end);
    log::info("PHYSICAL MEMORY ARRANGEMENT:");
    log::info(" Dom0 alloc.:   {} pages", l.total);
    if (initrd_bytes)
        log::info(" Init. ramdisk: frames {:#x}->{:#x}, {} bytes", l.initrd.first, l.initrd.end(), initrd_bytes);
    log::info("VIRTUAL MEMORY ARRANGEMENT:");
    range("Loaded kernel:", l.kernel);
    log::info(" Phys-Mach map: {:016x}->{:016x}", l.p2m_address, l.p2m_address + l.total * sizeof(u64));
    range("Start info:   ", l.start_info);
    range("Page tables:  ", l.tables);
    range("Boot stack:   ", l.stack);
    range("TOTAL:        ", {0, l.mapped});
    log::info(" ENTRY ADDRESS: {:016x}", kernel.entry);
}

PvDomain& make_domain() {
    abi::DomctlCreateDomain config{};
    config.max_vcpus = std::clamp(machine::cpu_count(), fewest_vcpus, most_vcpus);
    config.max_evtchn_port = ~0u;
    config.max_grant_frames = config.max_maptrack_frames = -1;
    config.grant_opts = grant::limits().max_version;
    const auto domain = create_domain(0, config, true);
    if (!domain) panic("Dom0 cannot be made: error {}", domain.error());
    log::info("Dom0 has maximum {} VCPUs", config.max_vcpus);
    PvDomain* const made = as_pv(**domain);
    if (!made) panic("Dom0 is of another kind");
    return *made;
}

void make_vcpus(PvDomain& domain) {
    for (u32 i = 0; i < domain.max_vcpus; ++i) {
        const auto vcpu = create_vcpu(domain, VcpuId(i));
        if (!vcpu) panic("Dom0's vCPU {} cannot be made: error {}", i, vcpu.error());
        domain.shared_info->vcpu_info[std::min(i, abi::legacy_max_vcpus - 1)].evtchn_upcall_mask = 1;
        if (!pins_vcpus) continue;
        CpuMask mask;
        mask.set(i % machine::cpu_count());
        (void)schedule::set_affinity(**vcpu, mask, mask);
    }
}

/// The kernel expects its first top-level table pinned: it unpins it.
void pin_top_table(PvDomain& domain, Mfn l4) {
    TableHold hold;
    Guard guard(domain.page_table_lock);
    if (!pin_table(frame_of(l4), domain, 4, hold)) panic("Dom0's top-level page table cannot be pinned");
}

/// Starts vCPU 0 at the kernel's entry: rsi has the start info, rsp the stack, events are masked.
void set_first_vcpu(PvDomain& domain, const Kernel& kernel, const Layout& layout, Mfn l4) {
    auto* const c = static_cast<abi::VcpuGuestContext*>(heap::allocate_bytes(sizeof(abi::VcpuGuestContext)));
    if (!c) panic("Dom0: no memory for the first context");
    c->flags = abi::vgcf_in_kernel | abi::vgcf_online;
    // As Xen does: observed by a guest that never asked for it.
    c->vm_assist = u64{1} << static_cast<u32>(abi::VmAssistType::PaeExtendedCr3);
    c->user_regs.rip = kernel.entry.raw();
    c->user_regs.rsp = layout.address(layout.stack.end()).raw();
    c->user_regs.rsi = layout.address(layout.start_info.first).raw();
    c->user_regs.rflags = x86::rflags::interrupts.raw();
    c->user_regs.cs = abi::flat_ring3_cs64;
    c->user_regs.ss = abi::flat_ring3_ss64;
    c->kernel_ss = abi::flat_ring3_ss64;
    c->kernel_sp = c->user_regs.rsp;
    c->ctrlreg[3] = paddr_of(l4).raw();
    Vcpu& vcpu = *domain.vcpu(VcpuId(0));
    for (;;) {
        const Result<> set = vcpu.set_context(c, false);
        if (set) break;
        if (set.error() != Error::Restart) panic("Dom0's page tables were refused: error {}", set.error());
        softirq::process();
    }
    heap::free_bytes(c);
    pin_top_table(domain, l4);
}

/// The boot loader's copies of the modules are of no more use.
void give_back_modules(const BootInfo& boot) {
    u64 frames = 0;
    for (std::size_t i = 0; i < boot.module_count; ++i) {
        const BootModule& m = boot.modules[i];
        const Mfn start(pages_for(m.start.raw()));
        const Mfn end((m.start.raw() + m.bytes) >> page_shift);
        constexpr Mfn low_end(0x100); // the first MiB is no heap
        if (start >= end || start < low_end) continue;
        heap::add_region(start, end);
        frames += end - start;
    }
    log::info("Freed {}kB of boot modules", frames << (page_shift - 10));
}

/// Static: too large for the stack, and needed once.
constinit GuestMemory guest_memory;

} // namespace
} // namespace dom0

void build_dom0(const BootInfo& boot) {
    using namespace dom0;
    if (wants_pvh) panic("dom0=pvh: there are no PVH guests here; without dom0= it is a paravirtual one");
    if (boot.module_count == 0) panic("No kernel for dom0: the boot loader brought no module");
    log::info("*** Building a PV Dom0 ***");
    const UnpackedKernel unpacked = unpack_kernel(bytes_of(boot.modules[0]));
    const auto kernel = parse_kernel(unpacked.file);
    if (!kernel) panic("Dom0's kernel is no 64-bit ELF file for paravirtual guests");
    log::info(" Xen  kernel: 64-bit, lsb");
    PvDomain& domain = make_domain();
    const u64 initrd_bytes = boot.module_count > 1 ? boot.modules[1].bytes : 0;
    const MemorySize size = memory_size(memory_option, heap::free_frames());
    domain.max_pages = size.max_frames;
    guest_memory.allocate(domain, size.frames);
    const auto layout = make_layout(*kernel, guest_memory.frames(), initrd_bytes);
    if (!layout)
        panic("Dom0's kernel and initrd do not fit into {} pages, or at the addresses that the kernel wants",
              guest_memory.frames());
    say_layout(*kernel, *layout, initrd_bytes);
    load_kernel(guest_memory, *kernel, unpacked.file);
    if (unpacked.memory) heap::free(*unpacked.memory, unpacked.order, false);
    if (initrd_bytes) guest_memory.write(layout->initrd.first << page_shift, bytes_of(boot.modules[1]));
    fill_p2m(guest_memory, *layout);
    fill_start_info(domain, guest_memory, *kernel, *layout, boot);
    const Mfn l4 = build_tables(guest_memory, *layout);
    if (!grant_rights(domain)) panic("Dom0: no memory for its rights");
    make_vcpus(domain);
    set_first_vcpu(domain, *kernel, *layout, l4);
    give_back_modules(boot);
    Vcpu& first = *domain.vcpu(VcpuId(0));
    first.flags.fetch_and(~vcpu_flag::down);
    domain.controller_paused = false; // the pause count still holds it: see start/main.cpp
}

} // namespace px::pv
