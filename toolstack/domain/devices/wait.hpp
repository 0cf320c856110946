// SPDX-License-Identifier: Apache-2.0
// Waiting for the states that the ends of devices write to xenstore.
#pragma once

#include "domain/device.hpp"

#include <functional>
#include <vector>

namespace domain {

inline constexpr long wait_ms = 10000; ///< libxl's patience with a back end

enum class End { front, back };

struct Wait {
    End end = End::back;      ///< whose state it is about
    long limit_ms = wait_ms;  ///< how long
    long period_ms = wait_ms; ///< how often all are asked anew, at least, although nothing changed
};

/// Waits for a change of what is watched, or for `most_ms`, or for a part of them: the caller looks and waits again.
/// Fails when the user asked to stop (StopSignals).
Result<void> wait_for_change(store::Client&, long most_ms);

/// Waits until `good(state)` holds for the state node of every device, or `bad(device, state)` for one that is not
/// good. A node that is absent is BusState::unknown. Gives the first device that did not get there in time, or null.
/// Fails when the user asked to stop.
Result<const Device*> wait_for(store::Client&, const std::vector<Device>&, Wait,
                               const std::function<bool(BusState)>& good,
                               const std::function<bool(const Device&, BusState)>& bad);

} // namespace domain
