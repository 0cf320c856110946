// SPDX-License-Identifier: Apache-2.0
// Ends of steps.
#include "base/checkpoint.hpp"

#include "base/stop_signal.hpp"

#include <csignal>
#include <cstdlib>
#include <unistd.h>

namespace toolstack {

Result<void> checkpoint(std::string_view step) {
    auto named = [&](const char* variable) {
        auto value = std::getenv(variable);
        return value && step == value && access(test_switch, F_OK) == 0;
    };
    if (named("PROXENOS_STOP_STEP")) raise(SIGINT);
    if (named("PROXENOS_KILL_STEP")) raise(SIGKILL);
    if (named("PROXENOS_FAIL_STEP")) return fail("failure injected after '" + std::string(step) + "'");
    if (StopSignals::asked()) return fail("interrupted after '" + std::string(step) + "'", "nothing is left behind");
    return {};
}

} // namespace toolstack
