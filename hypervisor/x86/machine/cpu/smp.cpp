// SPDX-License-Identifier: Apache-2.0
// Starts the other CPUs, one after the other: INIT, STARTUP, STARTUP (SDM volume 3, 9.4.4).
#include "base/log.hpp"
#include "boot/boot_info.hpp"
#include "boot/options.hpp"
#include "domain/run/idle.hpp"
#include "domain/run/schedule.hpp"
#include "machine/machine.hpp"
#include "memory/frame.hpp"
#include "schedule/softirq.hpp"
#include "x86/instructions.hpp"
#include "x86/machine/console/console.hpp"
#include "x86/machine/cpu/cpu.hpp"
#include "x86/machine/cpu/guest_hooks.hpp"
#include "x86/machine/cpu/memory_types.hpp"
#include "x86/machine/firmware/acpi.hpp"
#include "x86/machine/interrupt/apic.hpp"
#include "x86/machine/mca/machine_check.hpp"
#include "x86/machine/paging/paging.hpp"

#include <algorithm>
#include <atomic>

namespace px {
namespace {

/// The CPUs that run. The boot CPU is the only one that adds to it.
constinit CpuMask online = [] {
    CpuMask mask;
    mask.set(0);
    return mask;
}();
constinit unsigned online_count = 1;

constinit unsigned most_cpus = max_cpus;
PX_OPTION(maxcpus, "maxcpus", [](std::string_view v) {
    const auto n = options::number(v);
    if (!n) return false;
    most_cpus = static_cast<unsigned>(std::clamp<u64>(*n, 1, max_cpus));
    return true;
});
PX_OPTION(nosmp, "nosmp", [](std::string_view v) {
    const auto on = options::boolean(v);
    if (on.value_or(false)) most_cpus = 1;
    return on.has_value();
});

constinit bool uses_threads = true;
PX_OPTION(smt, "smt", [](std::string_view v) {
    const auto on = options::boolean(v);
    uses_threads = on.value_or(true);
    return on.has_value();
});

} // namespace

unsigned machine::cpu_count() { return online_count; }
const CpuMask& machine::online_cpus() { return online; }

namespace x86 {
namespace {

/// The words that trampoline.S leaves to be filled in.
struct [[gnu::packed]] TrampolineWords {
    u32 cr3, efer;
    u32 entry;
    u16 entry_selector;
    u16 gdt_limit;
    u32 gdt;
};

constinit std::atomic<u32> started{0}; ///< CpuId of the CPU that came up last
constinit u64 low_page = 0;

constexpr Nanoseconds millisecond = 1'000'000;

void wait(Nanoseconds time) {
    const Nanoseconds end = machine::now() + time;
    while (machine::now() < end) pause();
}

bool wait_until_started(u32 cpu, Nanoseconds time) {
    const Nanoseconds end = machine::now() + time;
    // Acquire pairs with the store in px_secondary_main.
    while (started.load(std::memory_order_acquire) != cpu) {
        if (machine::now() >= end) return false;
        pause();
    }
    return true;
}

bool holds_module(u64 page) {
    for (std::size_t i = 0; i < boot_info.module_count; ++i) {
        const BootModule& m = boot_info.modules[i];
        if (m.start.raw() < page + page_size && m.start.raw() + m.bytes > page) return true;
    }
    return false;
}

/// A page of RAM below 636 KiB, above what firmware keeps at the bottom. 0: there is none.
u64 find_low_page() {
    for (const auto& r : boot_info.memory_map()) {
        if (r.kind != MemoryRange::Kind::Ram) continue;
        const u64 start = std::max<u64>((r.start.raw() + page_size - 1) & page_mask, 0x8000);
        const u64 end = std::min<u64>(r.start.raw() + r.bytes, 0x9f000);
        for (u64 page = start; page + page_size <= end; page += page_size)
            if (!holds_module(page)) return page;
    }
    return 0;
}

extern "C" const char px_trampoline_start[], px_trampoline_end[], px_trampoline_words[];

void write_trampoline() {
    char* page = to_virtual<char>(Paddr(low_page));
    __builtin_memcpy(page, px_trampoline_start, static_cast<u64>(px_trampoline_end - px_trampoline_start));
    auto& words = *reinterpret_cast<TrampolineWords*>(page + (px_trampoline_words - px_trampoline_start));
    words.cr3 = static_cast<u32>(hypervisor_page_table().raw());
    words.efer =
        static_cast<u32>((efer::syscall | efer::long_mode | (cpu_features.nx ? efer::no_execute : Efer{})).raw());
    words.entry += static_cast<u32>(low_page);
    words.gdt += static_cast<u32>(low_page);
}

} // namespace

extern "C" {
extern u64 px_secondary_stack;
constinit u64 px_secondary_stack = 0;
}

namespace {

bool start_cpu(CpuId cpu, u32 apic_id) {
    if (!allocate_cpu(cpu) || !guest_hooks::make_cpu(cpu)) return false;
    apic::set_id_of(cpu, apic_id);
    schedule::init_cpu(cpu);
    CpuInfo& info = cpu_info_of(cpu);
    info.current = &schedule::idle_vcpu(cpu);
    px_secondary_stack = reinterpret_cast<u64>(&info);
    apic::send_init(apic_id);
    wait(10 * millisecond);
    const auto page = static_cast<u8>(low_page >> page_shift);
    apic::send_startup(apic_id, page);
    if (wait_until_started(cpu.raw(), millisecond)) return true;
    apic::send_startup(apic_id, page);
    return wait_until_started(cpu.raw(), 2000 * millisecond);
}

} // namespace

void init_other_cpus() {
    low_page = find_low_page();
    const auto cpus = acpi::cpus();
    memory_types::note();
    if (low_page != 0 && cpus.size() > 1 && most_cpus > 1) {
        set_identity_map(true);
        write_trampoline();
        unsigned left_out = 0;
        for (const auto& c : cpus.subspan(1)) {
            if (online_count >= most_cpus) break;
            if (!uses_threads && !is_first_thread(c.apic_id)) {
                ++left_out;
                continue;
            }
            const CpuId cpu(online_count);
            if (!start_cpu(cpu, c.apic_id)) {
                log::error("CPU with APIC id {:#x} does not start", c.apic_id);
                break; // it may still come up: nothing may use its stack or number again
            }
            online.set(cpu.raw());
            ++online_count;
        }
        set_identity_map(false);
        if (left_out) console::banner("{} CPUs are second threads of their cores and stay off (smt=off)", left_out);
    }
    if (const u32 differed = memory_types::differed())
        log::info("{} CPUs had other memory type ranges than the boot CPU: they have its now", differed);
    console::banner("Brought up {} CPUs", online_count);
}

/// First C++ on another CPU, interrupts off.
extern "C" [[noreturn]] void px_secondary_main() {
    const CpuId cpu = this_cpu();
    init_secondary(cpu);
    memory_types::take_over();
    started.store(cpu.raw(), std::memory_order_release); // pairs with wait_until_started
    enable_interrupts();
    softirq::raise(SoftIrq::Schedule); // the scheduler learns that this CPU has nothing to do
    schedule::idle_loop();
}

void init_secondary(CpuId cpu) {
    init_this_cpu();
    apic::init_cpu();
    guest_hooks::start_cpu(cpu);
    mca::init_cpu();
    write_cr3(read_cr3()); // the identity map that it started on is not used again
}

} // namespace x86
} // namespace px
