// SPDX-License-Identifier: Apache-2.0
// Creation of a domain: what is different for PVH guests.
#include "domain/create.hpp"

#include "xen/hvm.hpp"
#include "xen/version.hpp"

#include <fmt/format.h>

namespace domain {

Result<void> Creation::check_hardware(const abi::SysctlPhysinfo& host) const {
    if (!(host.capabilities & abi::physcap_hvm))
        return fail("this host cannot run guests of type pvh: its hypervisor offers no hardware-assisted machines "
                    "(virt_caps without hvm)",
                    "use type=\"pv\"; otherwise switch VT-x or AMD-V on in the firmware, or boot a hypervisor that has "
                    "them (xl info virt_caps)");
    if (config_.hardware.hap && !(host.capabilities & abi::physcap_hap))
        return fail("this host has no hardware-assisted paging (virt_caps without hap)",
                    host.capabilities & abi::physcap_shadow ? "set hap=0" : "use type=\"pv\"");
    if (!config_.hardware.hap && !(host.capabilities & abi::physcap_shadow))
        return fail("this hypervisor has no shadow page tables (virt_caps without shadow)", "leave hap=0 away");
    if (config_.max_vcpus > abi::hvm_max_vcpus)
        return fail(fmt::format("a guest of type pvh has at most {} virtual CPUs", abi::hvm_max_vcpus),
                    "lower vcpus= or maxvcpus=");
    if (!config_.hardware.acpi && config_.max_vcpus > 1)
        return fail("without ACPI tables a guest finds only one virtual CPU", "leave acpi=0 away, or set vcpus=1");
    return {};
}

image::PvhRequest Creation::pvh_request(std::uint64_t pages) const {
    image::PvhRequest request;
    request.domain = id_;
    request.pages = pages;
    request.vcpus = config_.vcpus;
    request.max_vcpus = config_.max_vcpus;
    request.command_line = command_line_;
    request.store_port = store_port_;
    request.console_port = console_port_;
    request.acpi = config_.hardware.acpi;
    // A guest that never leaves this host, or whose counter is emulated wherever it goes.
    request.stable_tsc = config_.no_migrate || config_.tsc_mode == config::TscMode::always_emulate;
    return request;
}

std::uint64_t Creation::paging_kib() const {
    // As libxl: 1 MiB for each vCPU, a page for each MiB of the physical map, and one more to shadow what is in use.
    auto by_memory = config_.max_memory_kib / 1024 * (config_.hardware.hap ? 1 : 2);
    return config_.hardware.paging_memory_kib.value_or(4 * (256 * std::uint64_t{config_.max_vcpus} + by_memory));
}

Result<void> Creation::set_paging(xen::Control& control) {
    return or_fail(xen::set_paging_memory(control, id_, paging_kib() << 10),
                   fmt::format("cannot set {} KiB aside for its page tables", paging_kib()));
}

} // namespace domain
