// SPDX-License-Identifier: Apache-2.0
// CPU pools: their names, which are in xenstore alone, and the cpupool-* commands.
#pragma once

#include "xl/command.hpp"

#include "xen/sysctl.hpp"

namespace xl {

/// The name of a pool; "Pool-ID" where none is stored.
std::string pool_name(Context& context, std::uint32_t pool);

/// All pools, with their CPUs.
Result<std::vector<xen::CpuPool>> pools(Context& context);

/// The pool with a name or, where none has that name, an id.
Result<xen::CpuPool> find_pool(Context& context, std::string_view name);

Result<int> run_cpupool_list(Context&, const Words&);
Result<int> run_cpupool_create(Context&, const Words&);
Result<int> run_cpupool_destroy(Context&, const Words&);
Result<int> run_cpupool_rename(Context&, const Words&);
Result<int> run_cpupool_cpu_add(Context&, const Words&);
Result<int> run_cpupool_cpu_remove(Context&, const Words&);
Result<int> run_cpupool_migrate(Context&, const Words&);

} // namespace xl
