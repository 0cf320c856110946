// SPDX-License-Identifier: Apache-2.0
// Two vCPUs that work against each other.
#pragma once

#include "lib/micro.hpp"
#include "lib/second.hpp"

namespace micro {

/// The other vCPU's work goes on until this is set.
inline volatile bool second_ends;

/// Runs the other vCPU's work beside `mine`, repeatedly, and waits for its end. Nothing on a machine with one CPU.
template <class F> void race(void (*other)(), F mine, unsigned rounds = 400) {
    second_ends = false;
    if (!start_second(other)) return;
    for (unsigned i = 0; i < rounds; ++i) mine();
    second_ends = true;
    CHECK(second_is_down());
}

} // namespace micro
