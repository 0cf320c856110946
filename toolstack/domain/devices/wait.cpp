// SPDX-License-Identifier: Apache-2.0
// Waiting for the states of devices.
#include "domain/devices/wait.hpp"

#include "base/stop_signal.hpp"
#include "host/process.hpp"
#include "store/watching.hpp"

#include <algorithm>
#include <cstdlib>

namespace domain {
namespace {

constexpr long slice_ms = 200; ///< so soon a wish to stop is heard, and a watch that got lost is made up for

} // namespace

Result<void> wait_for_change(store::Client& client, long most_ms) {
    auto event = client.next_event(static_cast<int>(std::min(most_ms, slice_ms)));
    if (toolstack::StopSignals::asked()) return fail("interrupted", "nothing is left behind");
    if (!event) return std::unexpected(explain("xenstore", event.error()));
    return {};
}

Result<const Device*> wait_for(store::Client& client, const std::vector<Device>& devices, Wait wait,
                               const std::function<bool(BusState)>& good,
                               const std::function<bool(const Device&, BusState)>& bad) {
    std::vector<std::string> paths;
    for (auto& device : devices)
        paths.push_back((wait.end == End::front ? device.front_path() : device.back_path()) + "/state");
    auto deadline = host::now_ms() + wait.limit_ms;
    std::optional<store::Watching> watches;
    for (;;) {
        auto values = TRY(or_fail(client.get_all(paths), "cannot read the devices' states"));
        const Device* late = nullptr;
        bool hopeless = false;
        for (std::size_t i = 0; i < devices.size(); ++i) {
            auto state = values[i] ? static_cast<BusState>(std::atoi(values[i]->c_str())) : BusState::unknown;
            if (good(state) || hopeless) continue;
            late = &devices[i];
            hopeless = bad(devices[i], state);
        }
        auto left = deadline - host::now_ms();
        if (!late || hopeless || (watches && left <= 0)) return late;
        if (!watches) {
            watches.emplace(TRY(or_fail(store::Watching::start(client, paths), "cannot watch the devices")));
            continue;
        }
        TRY(wait_for_change(client, std::min(left, wait.period_ms)));
    }
}

} // namespace domain
