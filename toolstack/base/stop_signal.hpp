// SPDX-License-Identifier: Apache-2.0
// Ctrl-C while something long runs: remembered, and acted upon between steps and inside waits.
#pragma once

#include <csignal>

namespace toolstack {

/// While one lives, SIGINT, SIGTERM and SIGHUP only set a mark; after the last they do what they did before. A mark
/// that came before an inner one was made stays.
class StopSignals {
  public:
    StopSignals();
    ~StopSignals();
    StopSignals(const StopSignals&) = delete;
    StopSignals& operator=(const StopSignals&) = delete;
    /// Whether one of them came since the outermost of these objects was made. Never while a StopShield lives, or none
    /// of these.
    static bool asked();

  private:
    struct sigaction before_[3];
};

/// While it lives those signals are held back: what undoes or finishes something is not to be stopped itself, however
/// often somebody presses Ctrl-C. Those that came are delivered at its end.
class StopShield {
  public:
    StopShield();
    ~StopShield();
    StopShield(const StopShield&) = delete;
    StopShield& operator=(const StopShield&) = delete;

  private:
    sigset_t before_;
};

} // namespace toolstack
