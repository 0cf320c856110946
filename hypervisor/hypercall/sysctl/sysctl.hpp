// SPDX-License-Identifier: Apache-2.0
// The commands of sysctl, one file for each group. All are called by a privileged domain, one at a time.
#pragma once

#include "abi/sysctl.hpp"
#include "base/result.hpp"

namespace px::hypercall::sysctl_command {

// sysctl/console.cpp
Result<> read_console(abi::SysctlReadconsole& op);
Result<> debug_keys(const abi::SysctlDebugKeys& op);
// sysctl/host.cpp
Result<> physical_information(abi::SysctlPhysinfo& op);
Result<> cpu_topology(abi::SysctlCputopoinfo& op);
Result<> numa_information(abi::SysctlNumainfo& op);
Result<> pci_topology(abi::SysctlPcitopoinfo& op);
Result<> cpu_information(abi::SysctlGetCpuinfo& op);
Result<> available_heap(abi::SysctlAvailheap& op);
Result<> page_offline(const abi::SysctlPageOfflineOp& op);
// sysctl/domain.cpp
Result<> domain_list(abi::SysctlGetDomainInfoList& op);
Result<> cpu_pool(abi::SysctlCpupoolOp& op);
Result<> scheduler(abi::SysctlSchedulerOp& op);

} // namespace px::hypercall::sysctl_command
