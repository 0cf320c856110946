// SPDX-License-Identifier: Apache-2.0
// Commands that change a running domain's CPUs and memory, or poke it.
#pragma once

#include "xl/command.hpp"

namespace xl {

Result<int> run_vcpu_list(Context&, const Words&);
Result<int> run_vcpu_pin(Context&, const Words&);
Result<int> run_vcpu_set(Context&, const Words&);
Result<int> run_mem_set(Context&, const Words&);
Result<int> run_mem_max(Context&, const Words&);
Result<int> run_rename(Context&, const Words&);
Result<int> run_trigger(Context&, const Words&);
Result<int> run_button_press(Context&, const Words&);
Result<int> run_sysrq(Context&, const Words&);
Result<int> run_pause(Context&, const Words&);
Result<int> run_unpause(Context&, const Words&);

} // namespace xl
