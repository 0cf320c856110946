// SPDX-License-Identifier: Apache-2.0
// Ctrl-C while something long runs.
#include "base/stop_signal.hpp"

namespace toolstack {
namespace {

volatile std::sig_atomic_t stop_asked = 0;
constexpr int signals[] = {SIGINT, SIGTERM, SIGHUP};
int depth = 0, shields = 0; // of the one thread that these objects belong to

void remember(int) { stop_asked = 1; }

} // namespace

StopSignals::StopSignals() {
    if (depth++ == 0) stop_asked = 0;
    struct sigaction action{};
    action.sa_handler = remember;
    sigemptyset(&action.sa_mask);
    action.sa_flags = SA_RESTART; // calls go on; the mark is looked at between steps, and by whoever waits in poll()
    for (int i = 0; i < 3; ++i) sigaction(signals[i], &action, &before_[i]);
}

StopSignals::~StopSignals() {
    --depth;
    for (int i = 0; i < 3; ++i) sigaction(signals[i], &before_[i], nullptr);
}

bool StopSignals::asked() { return depth > 0 && shields == 0 && stop_asked != 0; }

StopShield::StopShield() {
    ++shields;
    sigset_t blocked;
    sigemptyset(&blocked);
    for (int number : signals) sigaddset(&blocked, number);
    sigprocmask(SIG_BLOCK, &blocked, &before_);
}

StopShield::~StopShield() {
    --shields;
    sigprocmask(SIG_SETMASK, &before_, nullptr);
}

} // namespace toolstack
