// SPDX-License-Identifier: Apache-2.0
// The order in which the parts come up.
#pragma once

namespace px::start {

/// Starts everything and becomes the idle loop of the boot CPU.
[[noreturn]] void run();
/// Nothing can be started: says so on the default consoles and stops.
[[noreturn]] void fail_early(const char* reason);

} // namespace px::start
