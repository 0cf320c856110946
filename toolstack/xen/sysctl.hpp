// SPDX-License-Identifier: Apache-2.0
// System control: facts and settings of the whole host (public/sysctl.h).
#pragma once

#include "abi/sysctl.hpp"
#include "xen/control.hpp"
#include "xen/domctl.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace xen {

[[nodiscard]] Result<abi::SysctlPhysinfo> physical_info(Control const&);
/// All domains with ids from `first` on, in order.
[[nodiscard]] Result<std::vector<DomainInfo>> list_domains(Control const&, DomId first = {});
[[nodiscard]] Result<abi::SchedulerId> scheduler(Control const&);
/// Sends debug keys.
[[nodiscard]] Result<> debug_keys(Control const&, std::string_view keys);
/// The console ring's text; `clear` empties it.
[[nodiscard]] Result<std::string> read_console(Control const&, bool clear);

/// A CPU pool.
struct CpuPool {
    std::uint32_t id = 0;
    abi::SchedulerId scheduler{};
    std::uint32_t domains = 0;
    Bitmap cpus;
};
/// All CPU pools; `cpus` is the number of CPU ids (max_cpu_id + 1).
[[nodiscard]] Result<std::vector<CpuPool>> cpu_pools(Control const&, unsigned cpus);
/// CPUs in no pool.
[[nodiscard]] Result<Bitmap> free_cpus(Control const&, unsigned cpus);
[[nodiscard]] Result<> move_to_pool(Control const&, DomId, std::uint32_t pool);
/// A new pool without CPUs; its id is the lowest that is free.
[[nodiscard]] Result<std::uint32_t> create_pool(Control const&, abi::SchedulerId);
/// Of a pool without CPUs and domains.
[[nodiscard]] Result<> destroy_pool(Control const&, std::uint32_t pool);
/// EBUSY: the CPU belongs to a pool already.
[[nodiscard]] Result<> add_to_pool(Control const&, std::uint32_t pool, unsigned cpu);
/// Waits up to five seconds for a CPU that the hypervisor is moving work away from. EBUSY: domains need it.
[[nodiscard]] Result<> remove_from_pool(Control const&, std::uint32_t pool, unsigned cpu);

/// Scheduler-wide parameters of a pool.
[[nodiscard]] Result<abi::SysctlCreditSchedule> credit_parameters(Control const&, std::uint32_t pool);
[[nodiscard]] Result<> set_credit_parameters(Control const&, std::uint32_t pool, abi::SysctlCreditSchedule);
[[nodiscard]] Result<abi::SysctlCredit2Schedule> credit2_parameters(Control const&, std::uint32_t pool);
[[nodiscard]] Result<> set_credit2_parameters(Control const&, std::uint32_t pool, abi::SysctlCredit2Schedule);

[[nodiscard]] Result<std::vector<abi::SysctlCputopo>> cpu_topology(Control const&, unsigned cpus);

/// Memory of NUMA nodes and the distances between them (row by row).
struct Numa {
    std::vector<abi::SysctlMeminfo> nodes;
    std::vector<std::uint32_t> distances;
};
[[nodiscard]] Result<Numa> numa(Control const&);

} // namespace xen
