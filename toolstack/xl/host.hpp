// SPDX-License-Identifier: Apache-2.0
// Commands about the host and the hypervisor.
#pragma once

#include "xl/command.hpp"

namespace xl {

Result<int> run_info(Context&, const Words&);
Result<int> run_dmesg(Context&, const Words&);
Result<int> run_debug_keys(Context&, const Words&);
Result<int> run_sched_credit(Context&, const Words&);
Result<int> run_sched_credit2(Context&, const Words&);

} // namespace xl
