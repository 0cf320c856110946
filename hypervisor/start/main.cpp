// SPDX-License-Identifier: Apache-2.0
// The order in which the parts come up.
#include "boot/boot_info.hpp"
#include "boot/options.hpp"
#include "boot/start.hpp"
#include "domain/create.hpp"
#include "domain/domain_list.hpp"
#include "domain/kind.hpp"
#include "domain/run/idle.hpp"
#include "domain/run/schedule.hpp"
#include "hypercall/build_information.hpp"
#include "schedule/softirq.hpp"
#include "x86/guest/init.hpp"
#include "x86/instructions.hpp"
#include "x86/machine/clock/clock.hpp"
#include "x86/machine/console/console.hpp"
#include "x86/machine/console/console_keys.hpp"
#include "x86/machine/cpu/cpu.hpp"
#include "x86/machine/cpu/cpu_features.hpp"
#include "x86/machine/cpu/cpuid_faulting.hpp"
#include "x86/machine/cpu/speculation.hpp"
#include "x86/machine/firmware/acpi.hpp"
#include "x86/machine/firmware/efi_space.hpp"
#include "x86/machine/interrupt/interrupts.hpp"
#include "x86/machine/mca/machine_check.hpp"
#include "x86/machine/paging/paging_boot.hpp"
#include "x86/machine/pci/iommu.hpp"
#include "x86/pv/dom0/builder.hpp"
#include "x86/pv/pv_domain.hpp"

namespace px::start {
namespace {

extern "C" void (*const px_constructors_start[])();
extern "C" void (*const px_constructors_end[])();

void run_constructors() {
    for (auto f = px_constructors_start; f != px_constructors_end; ++f) (*f)();
}

/// The kinds of guests that this hypervisor has.
constexpr const GuestKind* guest_kinds_here[] = {&pv::guest_kind};

void say_hello() {
    console::banner(" Proxenos 4.17, a hypervisor for guests of Xen");
    const auto& b = build_information;
    console::banner("Xen version 4.17{} ({}@{}) ({})", b.extra_version, b.by, b.domain, b.compiler);
    console::banner("Latest ChangeSet: {}", b.changeset);
    console::banner("Bootloader: {}", boot_info.loader);
    console::banner("Command line: {}", boot_info.command_line);
    const auto& f = x86::cpu_features;
    console::banner("CPU Vendor: {}, Family {} ({:#x}), Model {} ({:#x}), Stepping {}",
                    static_cast<const char*>(f.vendor_name), f.family, f.family, f.model, f.model, f.stepping);
    console::banner("CPU features in use:{}{}{}{}{}", x86::host_cr4.has(x86::cr4::smep) ? " SMEP" : "",
                    x86::host_cr4.has(x86::cr4::smap) ? " SMAP" : "",
                    x86::host_cr4.has(x86::cr4::fsgsbase) ? " FSGSBASE" : "",
                    x86::host_cr4.has(x86::cr4::osxsave) ? " XSAVE" : "", f.has_tsc_aux() ? " TSC_AUX" : "");
}

} // namespace

void run() {
    run_constructors();
    x86::init_boot_cpu();
    options::parse_command_line(boot_info.command_line);
    x86::use_cpu_features();
    console::init();
    say_hello();
    x86::speculation::init();
    x86::cpuid_faulting::init_cpu();
    x86::init_memory();
    console::init_ring();
    x86::check_iommu();
    x86::init_acpi();
    x86::init_efi();
    x86::init_interrupts();
    x86::init_clocks();
    console::clock_is_ready();
    init_domains();
    schedule::init();
    schedule::init_cpu(CpuId(0));
    set_guest_kinds(guest_kinds_here);
    guest::init();
    x86::mca::init();
    x86::mca::init_cpu();
    x86::enable_interrupts();
    x86::init_other_cpus();
    console::init_input();
    console::init_keys();
    pv::build_dom0(boot_info);
    x86::check_clocks(); // behind dom0's building, which handles no timers for as long as it takes
    console::end_boot(); // the last word before dom0's first
    hardware_domain()->unpause();
    softirq::raise(SoftIrq::Schedule);
    schedule::idle_loop();
}

void fail_early(const char* reason) {
    console::init();
    console::banner("{}", reason);
    for (;;) x86::hlt();
}

} // namespace px::start
