// SPDX-License-Identifier: Apache-2.0
// Per-CPU data, control registers and descriptor tables.
#include "x86/machine/cpu/cpu.hpp"

#include "base/lock.hpp"
#include "boot/options.hpp"
#include "memory/heap.hpp"
#include "x86/instructions.hpp"
#include "x86/layout.hpp"
#include "x86/machine/boot/image.hpp"
#include "x86/machine/cpu/cpuid_faulting.hpp"
#include "x86/machine/cpu/exceptions.hpp"
#include "x86/machine/cpu/speculation.hpp"
#include "x86/machine/paging/paging.hpp"

namespace px {

bool interrupts_are_off() { return !x86::interrupts_enabled(); }

u64 irq_save() {
    const x86::Rflags flags = x86::read_flags();
    x86::disable_interrupts();
    return flags.raw();
}

void irq_restore(u64 flags) {
    if (x86::Rflags(flags).has(x86::rflags::interrupts)) x86::enable_interrupts();
}

constinit u64 percpu_offsets[max_cpus] = {};

namespace x86 {

extern "C" char px_boot_stack[];
constinit Cr4 host_cr4{};

namespace {

alignas(page_size) constinit DescriptorPage boot_descriptors = {};
constinit DescriptorPage* descriptors[max_cpus] = {&boot_descriptors};
constinit char* stacks[max_cpus] = {px_boot_stack};

/// In a page of its own: guests' page tables show it where they are isolated.
struct alignas(page_size) TaskPage {
    TaskState task;
};
PX_PER_CPU PerCpu<TaskPage> task_states;
PX_PER_CPU PerCpu<u32> loaded_tsc_aux;

constinit bool wants_smep = true, wants_smap = true, wants_xsave = true;
bool parse_into(std::string_view value, bool& flag) {
    const auto on = options::boolean(value);
    flag = on.value_or(true);
    return on.has_value();
}
/// "hvm": for such guests only, not for the hypervisor.
bool parse_protection(std::string_view value, bool& flag) {
    if (value != "hvm") return parse_into(value, flag);
    flag = false;
    return true;
}
PX_OPTION(smep, "smep", [](std::string_view v) { return parse_protection(v, wants_smep); });
PX_OPTION(smap, "smap", [](std::string_view v) { return parse_protection(v, wants_smap); });
PX_OPTION(xsave, "xsave", [](std::string_view v) { return parse_into(v, wants_xsave); });

void fill_descriptors(DescriptorPage& page, u64 task_state) {
    using namespace descriptor;
    const auto at = [&page](Selector s) -> Descriptor* {
        return page.entry + selector::Index::of(s) % DescriptorPage::entries;
    };
    constexpr auto code64 = code | is_64bit, code32 = code | is_32bit, data = is_32bit;
    for (const auto [where, kind] : {std::pair{selector::hypervisor_code, code64},
                                     {selector::hypervisor_data, data},
                                     {selector::ring1, code32},
                                     {selector::guest_code32, code32},
                                     {selector::guest_data, data},
                                     {selector::guest_code64, code64}})
        *at(where) = flat(kind, selector::Privilege::of(where));
    const auto task = SystemDescriptor::of(SystemType::TaskState, task_state, sizeof(TaskState) - 1);
    at(selector::task_state)[0] = task.low;
    at(selector::task_state)[1] = task.high;
}

/// Where the stacks of a block begin (they grow down), in bytes from its bottom. The page after
/// them is not mapped, so that the main stack cannot grow into them. Each may interrupt the others: none shares a page.
constexpr u64 nmi_stack = 1 * page_size, double_fault_stack = 2 * page_size, machine_check_stack = 3 * page_size,
              debug_stack = 4 * page_size, guard_page = interrupt_stacks_bytes;

void protect_stack(const char* stack) {
    const u64 address = reinterpret_cast<u64>(stack) + guard_page;
    if (PageSlot* const slot = small_entry(address)) slot->store({});
    invlpg(address);
}

/// The main stack's first frame lies right below CpuInfo.
void fill_task_state(TaskState& t, const char* stack) {
    const u64 base = reinterpret_cast<u64>(stack);
    t.rsp0 = base + cpu_stack_size - sizeof(CpuInfo);
    t.ist[exceptions::ist_nmi - 1] = base + nmi_stack;
    t.ist[exceptions::ist_double_fault - 1] = base + double_fault_stack;
    t.ist[exceptions::ist_machine_check - 1] = base + machine_check_stack;
    t.ist[exceptions::ist_debug - 1] = base + debug_stack;
    t.io_map_base = sizeof(TaskState); // beyond the limit: no ports for ring 3
}

void set_control_registers() {
    if (host_cr4 == Cr4{}) {
        const CpuFeatures& f = cpu_features;
        host_cr4 = cr4::pae | cr4::de | cr4::mce | cr4::osfxsr | cr4::osxmmexcpt;
        if (f.pge) host_cr4 |= cr4::pge;
        if (f.fsgsbase) host_cr4 |= cr4::fsgsbase;
        if (f.xcr0 && wants_xsave) host_cr4 |= cr4::osxsave;
        if (f.smep && wants_smep) host_cr4 |= cr4::smep;
        // QEMU before 9.1 reads the stack of a far return in ring 3 as supervisor: with SMAP no guest could live.
        if (f.smap && wants_smap && !f.is_tcg) host_cr4 |= cr4::smap;
    }
    write_cr4(host_cr4);
    write_cr0(cr0::paging | cr0::alignment | cr0::write_protect | cr0::numeric | cr0::extension | cr0::monitor |
              cr0::protection);
    if (host_cr4.has(cr4::osxsave)) xsetbv(0, cpu_features.xcr0);
    Efer modes = Efer(rdmsr(Msr::Efer)) | efer::syscall;
    if (cpu_features.nx) modes |= efer::no_execute;
    wrmsr(Msr::Efer, modes.raw());
    // Page attribute table as the PV ABI has it: WB, WT, UC-, UC, WC, WP, UC, UC.
    if (cpu_features.has_tsc_aux()) wrmsr(Msr::TscAux, 0);
    if (cpu_features.pat) wrmsr(Msr::Pat, 0x0000050100070406);
}

void load_tables() {
    const CpuId cpu = this_cpu();
    TaskState& t = task_states.here().task;
    fill_task_state(t, stacks[cpu.raw()]);
    fill_descriptors(*descriptors[cpu.raw()], reinterpret_cast<u64>(&t));
    load_own_gdt();
    asm volatile("pushq %0; leaq 1f(%%rip), %%rax; pushq %%rax; lretq; 1:" ::"i"(selector::hypervisor_code.raw())
                 : "rax", "memory");
    write_ss(selector::hypervisor_data);
    for (const auto load : {write_ds, write_es, write_fs, write_gs}) load({});
    lldt({});
    ltr(selector::task_state);
    exceptions::load_table();
}

} // namespace

Mfn descriptor_frame(CpuId cpu) {
    if (cpu.raw() == 0) return mfn_of(image::physical(&boot_descriptors));
    return mfn_of(to_physical(descriptors[cpu.raw()]));
}

void load_own_gdt() {
    // Selectors below page 14 would read what lies in front of the page; nobody loads one.
    const u64 base = reinterpret_cast<u64>(descriptors[this_cpu().raw()]) - selector::first_reserved_page * page_size;
    lgdt({static_cast<u16>((selector::first_reserved_page + 1) * page_size - 1), base});
}

void load_tsc_aux(u32 value) {
    u32& loaded = loaded_tsc_aux.here();
    if (loaded == value) return; // writing it takes long, and vCPU 0 of most guests has the same
    loaded = value;
    wrmsr(Msr::TscAux, value);
}

CpuInfo& cpu_info_of(CpuId cpu) {
    return *reinterpret_cast<CpuInfo*>(stacks[cpu.raw()] + cpu_stack_size - sizeof(CpuInfo));
}

const TaskState& task_state_of(CpuId cpu) { return task_states.on(cpu).task; }

bool allocate_cpu(CpuId cpu) {
    constexpr unsigned stack_order = std::countr_zero(cpu_stack_size / page_size);
    using image::px_percpu_end, image::px_percpu_start;
    const auto bytes = static_cast<u64>(px_percpu_end - px_percpu_start);
    unsigned order = 0;
    while ((page_size << order) < bytes) ++order;
    Frame* data = heap::allocate({.order = order});
    Frame* stack = heap::allocate({.order = stack_order});
    void* page = heap::allocate_page();
    if (!data || !stack || !page) return false; // boot only: what was allocated is lost with a CPU that cannot start
    percpu_offsets[cpu.raw()] = reinterpret_cast<u64>(to_virtual(*data)) - reinterpret_cast<u64>(px_percpu_start);
    stacks[cpu.raw()] = to_virtual<char>(*stack);
    protect_stack(stacks[cpu.raw()]);
    descriptors[cpu.raw()] = static_cast<DescriptorPage*>(page);
    CpuInfo& info = cpu_info_of(cpu);
    info = CpuInfo{};
    info.cpu = cpu.raw();
    info.percpu_offset = percpu_offsets[cpu.raw()];
    return true;
}

void protect_boot_stack() { protect_stack(px_boot_stack); }

void init_this_cpu() {
    set_control_registers();
    speculation::init_cpu();
    cpuid_faulting::init_cpu();
    load_tables();
}

void init_boot_cpu() {
    detect_cpu_features();
    exceptions::init_table();
    load_tables();
}

void use_cpu_features() { set_control_registers(); }

} // namespace x86
} // namespace px
