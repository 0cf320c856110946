// SPDX-License-Identifier: Apache-2.0
// The end of a step of something that is undone when it does not succeed.
#pragma once

#include "base/failure.hpp"

namespace toolstack {

/// Where this file exists, which root makes, the variables below are obeyed; nowhere else.
inline constexpr auto test_switch = "/run/xen/proxenos-test-steps";

/// Says that a step is done. Fails when the user asked to stop (StopSignals), so that what was done is undone in order.
/// For tests, on hosts with `test_switch`: PROXENOS_FAIL_STEP=NAME makes this step fail, PROXENOS_STOP_STEP=NAME
/// delivers SIGINT behind it, PROXENOS_KILL_STEP=NAME kills the program there.
Result<void> checkpoint(std::string_view step);

} // namespace toolstack
