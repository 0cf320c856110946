// SPDX-License-Identifier: Apache-2.0
// The tables of each CPU, and the copies of guests' entries in them.
#include "x86/pv/xpti/xpti.hpp"

#include "base/panic.hpp"
#include "machine/machine.hpp"
#include "memory/heap.hpp"
#include "x86/machine/boot/image.hpp"
#include "x86/machine/cpu/cpu.hpp"
#include "x86/machine/cpu/exceptions.hpp"
#include "x86/machine/paging/paging.hpp"
#include "x86/pv/paging/tlb.hpp"
#include "x86/way_out.hpp"

#include <iterator>

namespace px::pv::xpti {

// entry.S has these as numbers.
static_assert(offsetof(CpuInfo, hypervisor_cr3) == 24 && offsetof(CpuInfo, guest_cr3) == 32);
static_assert(offsetof(CpuInfo, syscall_slot) == 40);

namespace {

namespace layout = x86::layout;
namespace image = x86::image;

/// A CPU's tables, by the mode of the guest: user, kernel. Touched by their CPU only, with interrupts off.
struct Tables {
    PageTable* l4[2];
    bool is_up_to_date[2];
};
PX_PER_CPU PerCpu<Tables> tables;

extern "C" char px_syscall_slots[];
constexpr u64 syscall_slot_bytes = 64;

/// Nothing is global: what the hypervisor maps must not stay in the TLB (CR4.PGE is off too).
constexpr auto code = x86::mapping::code.without(page::global), data = x86::mapping::data.without(page::global),
               read_only = x86::mapping::read_only.without(page::global);

/// Physical address of something of a CPU: in the image for the boot CPU, in the direct map for the others.
Paddr physical_of(u64 address) {
    const void* const p = reinterpret_cast<const void*>(address);
    return address >= layout::image_start && address < layout::image_end ? image::physical(p) : to_physical(p);
}

struct Part {
    u64 start, bytes;
    PageBits bits;
};

/// The ways in and out, in `l4`: code, and what the CPU and that code read and write before CR3 is loaded.
bool map_entry(PageTable& l4, CpuId cpu) {
    const auto address = [](const void* p) { return reinterpret_cast<u64>(p); };
    const u64 stack = address(&x86::cpu_info_of(cpu)) & ~(cpu_stack_size - 1);
    const u64 slot = address(px_syscall_slots) + cpu.raw() * syscall_slot_bytes;
    const Part parts[] = {
        {address(image::px_entry_start), static_cast<u64>(image::px_entry_end - image::px_entry_start), code},
        {address(x86::exceptions::table_address()), page_size, read_only},
        {address(&x86::task_state_of(cpu)) & page_mask, page_size, data},
        {slot & page_mask, page_size, data},
        {stack, x86::interrupt_stacks_bytes, data},
        {stack + cpu_stack_size - page_size, page_size, data}, // CpuInfo, and what is pushed on entry
    };
    for (const Part& p : parts)
        if (!x86::map_range_in(l4, p.start, physical_of(p.start), p.bytes, p.bits, page_size)) return false;
    return true;
}

void copy_entries(PageTable& to, Mfn l4) {
    const PageTable& from = *to_virtual<PageTable>(l4);
    const Mfn own_frame = mfn_of(to_physical(&to));
    const auto copy = [&](unsigned first, unsigned end) {
        for (unsigned i = first; i < end; ++i) to[i].store(isolated_entry(from[i].load(), i, l4, own_frame));
    };
    copy(0, layout::first_hypervisor_slot + 1);
    copy(layout::per_domain_slot, layout::per_domain_slot + 1);
    copy(layout::last_hypervisor_slot + 1, entries_per_table);
}

void forget_copies_here(void*) { forget_copies(); }

} // namespace

bool create_cpu(CpuId cpu) {
    Tables& t = tables.on(cpu);
    if (!x86::speculation::isolates_page_tables() || t.l4[0]) return true;
    for (auto& l4 : t.l4)
        if (!(l4 = static_cast<PageTable*>(heap::allocate_page()))) return false;
    if (!map_entry(*t.l4[0], cpu)) return false; // boot only: a CPU that cannot start takes its memory with it
    for (unsigned i = layout::first_hypervisor_slot; i <= layout::last_hypervisor_slot; ++i)
        (*t.l4[1])[i].store((*t.l4[0])[i].load());
    x86::cpu_info_of(cpu).syscall_slot = reinterpret_cast<u64*>(px_syscall_slots + cpu.raw() * syscall_slot_bytes);
    return true;
}

void forget_copies() {
    Tables& t = tables.here();
    t.is_up_to_date[0] = t.is_up_to_date[1] = false;
}

void entry_changed(const PvDomain& owner) {
    if (!owner.is_isolated) return;
    // A vCPU that comes to a CPU after this makes its copy after it, too.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    machine::call_on(dirty_cpus(owner), forget_copies_here, nullptr);
}

/// The last thing before a guest runs, interrupts off: the CR3 that it runs on, with its entries up to date. 0: its own
/// table, which is loaded.
extern "C" u64 px_xpti_enter_guest() {
    const PvVcpu& vcpu = current_pv();
    CpuInfo& info = cpu_info();
    const Mfn l4 = vcpu.active_l4();
    info.hypervisor_cr3 = paddr_of(l4).raw();
    info.guest_cr3 = 0;
    if (!vcpu.pv_domain().is_isolated) return 0;
    Tables& t = tables.here();
    const unsigned mode = vcpu.in_kernel_mode;
    if (!t.is_up_to_date[mode]) {
        t.is_up_to_date[mode] = true;
        copy_entries(*t.l4[mode], l4);
    }
    info.guest_cr3 = to_physical(t.l4[mode]).raw();
    return info.guest_cr3;
}

/// Debug builds, at the end of the way out (CHECK_WAY_OUT).
extern "C" void px_check_way_out() {
    x86::way_out::check_nothing_came_between();
    const PvVcpu& vcpu = current_pv();
    PX_ASSERT(x86::read_cr3() == paddr_of(vcpu.active_l4()).raw());
    PX_ASSERT(cpu_info().guest_cr3 == 0 ||
              (vcpu.pv_domain().is_isolated && tables.here().is_up_to_date[vcpu.in_kernel_mode]));
}

} // namespace px::pv::xpti
