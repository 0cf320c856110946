// SPDX-License-Identifier: Apache-2.0
// Ctrl-C while something long runs: remembered, and acted upon between steps.
#pragma once

#include <csignal>

namespace toolstack {

/// While it lives, SIGINT, SIGTERM and SIGHUP only set a mark; afterwards they do what they did before.
class StopSignals {
  public:
    StopSignals();
    ~StopSignals();
    StopSignals(const StopSignals&) = delete;
    StopSignals& operator=(const StopSignals&) = delete;
    /// Whether one of them came since the newest of these objects was made.
    static bool asked();

  private:
    struct sigaction before_[3];
};

} // namespace toolstack
