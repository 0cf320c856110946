// SPDX-License-Identifier: Apache-2.0
// Ctrl-C while something long runs.
#include "base/stop_signal.hpp"

namespace toolstack {
namespace {

volatile std::sig_atomic_t stop_asked = 0;
constexpr int signals[] = {SIGINT, SIGTERM, SIGHUP};

void remember(int) { stop_asked = 1; }

} // namespace

StopSignals::StopSignals() {
    stop_asked = 0;
    struct sigaction action{};
    action.sa_handler = remember;
    sigemptyset(&action.sa_mask);
    action.sa_flags = SA_RESTART; // calls go on; the mark is looked at between steps
    for (int i = 0; i < 3; ++i) sigaction(signals[i], &action, &before_[i]);
}

StopSignals::~StopSignals() {
    for (int i = 0; i < 3; ++i) sigaction(signals[i], &before_[i], nullptr);
}

bool StopSignals::asked() { return stop_asked != 0; }

} // namespace toolstack
