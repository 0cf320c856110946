// SPDX-License-Identifier: Apache-2.0
// Waiting for the states that the ends of devices write to xenstore.
#pragma once

#include "domain/device.hpp"
#include "host/process.hpp"

#include <algorithm>
#include <cstdlib>

namespace domain {

constexpr long wait_ms = 10000; ///< libxl's patience with a back end

enum class End { front, back };

struct Wait {
    End end = End::back;      ///< whose state it is about
    long limit_ms = wait_ms;  ///< how long
    long period_ms = wait_ms; ///< how often all are asked anew although nothing changed
};

/// Waits until `good(state)` holds for the state node of every device, or `bad(device, state)` for one that is not
/// good. A node that is absent is BusState::unknown. Gives the first device that did not get there in time, or none.
template <class Good, class Bad>
Result<const Device*> wait_for(store::Client& client, const std::vector<Device>& devices, Wait wait, Good good,
                               Bad bad) {
    std::vector<std::string> paths;
    for (auto& device : devices)
        paths.push_back((wait.end == End::front ? device.front_path() : device.back_path()) + "/state");
    auto deadline = host::now_ms() + wait.limit_ms;
    const Device* late = nullptr;
    bool watching = false;
    for (;;) {
        auto values = TRY(or_fail(client.get_all(paths), "cannot read the devices' states"));
        late = nullptr;
        bool hopeless = false;
        for (std::size_t i = 0; i < devices.size(); ++i) {
            auto state = values[i] ? static_cast<BusState>(std::atoi(values[i]->c_str())) : BusState::unknown;
            if (good(state) || hopeless) continue;
            late = &devices[i];
            hopeless = bad(devices[i], state);
        }
        if (!late || hopeless) break;
        if (!watching) {
            for (auto& path : paths) TRY(or_fail(client.watch(path, "wait"), "cannot watch a device"));
            watching = true;
            continue;
        }
        auto left = deadline - host::now_ms();
        if (left <= 0) break;
        TRY(or_fail(client.next_event(static_cast<int>(std::min(left, wait.period_ms))), "xenstore"));
    }
    if (watching) {
        for (auto& path : paths) (void)client.unwatch(path, "wait");
        while (auto event = client.next_event(0)) // events that came before the watches went
            if (!*event) break;
    }
    return late;
}

} // namespace domain
