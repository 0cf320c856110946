// SPDX-License-Identifier: Apache-2.0
// Builds a PV guest: everything that the kernel expects at its entry (public/xen.h; arch-x86/xen.h).
#include "image/pv_build.hpp"

#include "abi/pv.hpp"
#include "abi/shared_info.hpp"
#include "base/timing.hpp"
#include "image/place.hpp"
#include "image/pv_memory.hpp"
#include "xen/domctl.hpp"

#include <cstring>
#include <fmt/format.h>
#include <sys/mman.h>

namespace image {

using toolstack::fail;
using toolstack::Result;

namespace {

// Page-table entry bits (SDM vol. 3, 4.5). Xen makes every PV entry a user one.
constexpr std::uint64_t present = 1 << 0, writable = 1 << 1, user = 1 << 2, accessed = 1 << 5, dirty = 1 << 6;
constexpr std::uint64_t leaf = present | user | accessed, upper = present | writable | user | accessed | dirty;

void place_bytes(Window& window, Frames frames, View bytes) {
    auto area = window.from(frames.first).first(frames.count << page_shift);
    std::memcpy(area.data(), bytes.data(), bytes.size());
    clear(area.subspan(bytes.size()));
}

/// Fills the tables of the first address space.
void place_tables(Window& window, const PvLayout& layout, const PvMemory& memory) {
    clear(window.from(layout.tables.first).first(layout.tables.count << page_shift));
    auto find = [&](unsigned level, std::uint64_t address) -> const Table* {
        auto shift = page_shift + 9 * level;
        for (auto& table : layout.page_tables)
            if (table.level == level && (level == 4 || table.covers >> shift == address >> shift)) return &table;
        return nullptr;
    };
    auto entries = [&](const Table& table) {
        return reinterpret_cast<std::uint64_t*>(window.from(table.frame).data());
    };
    for (auto& table : layout.page_tables) {
        if (table.level == 4) continue;
        auto parent = find(table.level + 1, table.covers);
        auto slot = table.covers >> (page_shift + 9 * table.level) & 511;
        entries(*parent)[slot] = memory.machine(table.frame).value << page_shift | upper;
    }
    for (auto& range : layout.ranges) {
        std::uint64_t* row = nullptr;
        for (std::uint64_t page = 0; page < range.frames.count; ++page) {
            auto address = range.address + (page << page_shift);
            auto slot = address >> page_shift & 511;
            if (!row || slot == 0) row = entries(*find(1, address));
            auto frame = range.frames.first + page;
            if (frame >= layout.pages) continue; // the padding of a small guest ends before its mapping does
            bool table = frame >= layout.tables.first && frame < layout.tables.end();
            row[slot] = memory.machine(frame).value << page_shift | leaf | (table ? 0 : writable | dirty);
        }
    }
}

void place_start_info(Window& window, const PvLayout& layout, const PvMemory& memory, const PvRequest& request,
                      std::uint64_t shared_info_frame, std::size_t ramdisk_size) {
    abi::StartInfo info{};
    std::memcpy(info.magic, abi::start_info_magic, sizeof abi::start_info_magic);
    info.nr_pages = layout.pages;
    info.shared_info = shared_info_frame << page_shift;
    info.store_mfn = memory.machine(layout.xenstore.first).value;
    info.store_evtchn = request.store_port.value;
    info.console.domU = {memory.machine(layout.console.first).value, request.console_port.value};
    info.pt_base = layout.address_of(layout.tables.first);
    info.nr_pt_frames = layout.tables.count;
    info.mfn_list = layout.p2m_address;
    if (ramdisk_size) {
        info.mod_start = layout.ramdisk_by_frame ? layout.ramdisk.first : layout.address_of(layout.ramdisk.first);
        info.mod_len = ramdisk_size;
        if (layout.ramdisk_by_frame) info.flags |= abi::sif_mod_start_pfn;
    }
    auto length = std::min(request.command_line.size(), abi::max_guest_cmdline - 1);
    std::memcpy(info.cmd_line, request.command_line.data(), length);
    info.first_p2m_pfn = layout.p2m.first;
    info.nr_p2m_frames = layout.p2m.count;
    auto page = window.from(layout.start_info.first);
    clear(page.first(3 * page_bytes)); // with the xenstore and console pages behind it
    std::memcpy(page.data(), &info, sizeof info);
}

/// Events stay masked on every vCPU until the kernel has its handlers.
Result<void> prepare_shared_info(const xen::Control& control, xen::DomId domain, xen::Frame frame) {
    auto mapping = TRY(low(control.privcmd().map_foreign(domain, {&frame, 1}, PROT_READ | PROT_WRITE)));
    auto shared = mapping.as<abi::SharedInfo>();
    for (auto& vcpu : shared->vcpu_info) vcpu.evtchn_upcall_mask = 1;
    return {};
}

Result<void> start_vcpu(const xen::Control& control, const PvLayout& layout, const PvMemory& memory,
                        xen::DomId domain) {
    constexpr std::uint64_t interrupts_on = 1 << 9;
    abi::VcpuGuestContext context{};
    auto& registers = context.user_regs;
    registers.rip = layout.entry;
    registers.rsp = layout.address_of(layout.stack.first) + page_bytes;
    registers.rsi = layout.address_of(layout.start_info.first);
    registers.rflags = interrupts_on;
    registers.cs = abi::flat_ring3_cs64;
    registers.ss = abi::flat_ring3_ss64;
    registers.ds = registers.es = registers.fs = registers.gs = abi::flat_ring3_ds64;
    context.kernel_ss = registers.ss;
    context.kernel_sp = registers.rsp;
    context.flags = abi::vgcf_in_kernel | abi::vgcf_online;
    context.ctrlreg[3] = memory.machine(layout.tables.first).value << page_shift;
    return low(xen::set_vcpu_context(control, domain, 0, context));
}

} // namespace

Result<PvBuilt> build_pv(const xen::Control& control, const Kernel& kernel, const File* ramdisk_file,
                         const PvRequest& request) {
    auto ramdisk = ramdisk_file ? ramdisk_file->view() : View{};
    auto layout = TRY(layout_pv(kernel.elf(), ramdisk.size(), request.pages));
    TRY(low(xen::set_address_size(control, request.domain, 64)));
    auto memory = TRY(PvMemory::populate(control, request.domain, request.pages));
    auto info = TRY(low(xen::domain_info(control, request.domain)));
    toolstack::mark_time("  populate its memory");
    PvBuilt built{memory.machine(layout.xenstore.first), memory.machine(layout.console.first), {}};
    auto open = [&](Frames frames) -> Result<Window*> {
        return &built.windows.emplace_back(TRY(memory.window(frames)));
    };
    // From the kernel to the tables all lies side by side, so that one window shows it.
    auto window = TRY(open({layout.kernel.first, layout.tables.first - layout.kernel.first}));
    toolstack::mark_time("  map it");
    TRY(place_kernel(*window, kernel, layout.kernel,
                     [&](const Segment& segment) { return segment_offset(kernel.elf(), segment); }));
    toolstack::mark_time("  copy the kernel");
    place_start_info(*window, layout, memory, request, info.shared_info_frame, ramdisk.size());
    if (kernel.elf().notes.init_p2m) window = TRY(open(layout.p2m));
    place_bytes(*window, layout.p2m,
                {reinterpret_cast<const std::uint8_t*>(memory.frames().data()), request.pages * 8});
    if (!ramdisk.empty()) {
        if (layout.ramdisk_by_frame) window = TRY(open(layout.ramdisk));
        TRY(place_file(*window, layout.ramdisk, *ramdisk_file));
    }
    toolstack::mark_time("  copy the rest");
    {
        // No writable mapping of a table may be left when it is pinned: this window is closed.
        auto tables = TRY(memory.window(layout.tables));
        place_tables(tables, layout, memory);
    }
    TRY(low(xen::pin_top_level(control, request.domain, memory.machine(layout.tables.first))));
    toolstack::mark_time("  page tables");
    if (layout.hypercall_page >= layout.virtual_base) {
        auto frame = (layout.hypercall_page - layout.virtual_base) >> page_shift;
        if (frame < layout.kernel.end())
            TRY(low(xen::init_hypercall_page(control, request.domain, memory.machine(frame))));
    }
    TRY(seed_grants(control, request.domain, {request.console_domain, built.console_ring},
                    {request.store_domain, built.store_ring}));
    TRY(prepare_shared_info(control, request.domain, {info.shared_info_frame}));
    TRY(start_vcpu(control, layout, memory, request.domain));
    return built;
}

} // namespace image
