// SPDX-License-Identifier: Apache-2.0
#include "domain/devices/pace.hpp"

#include "base/text.hpp"
#include "domain/devices/wait.hpp"
#include "host/process.hpp"
#include "store/transact.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace domain {
namespace {

std::string gone_path(const Device& device) {
    return fmt::format("/libxl/{}/gone/{}/{}", device.front.value, device.kind, device.id);
}

} // namespace

Result<void> await_connected(store::Client& client, const std::vector<Device>& devices) {
    std::vector<Device> expected; // those whose front end has something to connect to
    for (auto& device : devices) {
        if (device.kind == "console") continue;
        auto state = client.get(device.back_path() + "/state");
        if (state && (*state == "2" || *state == "3" || *state == "4")) expected.push_back(device);
    }
    auto never = [](auto&, BusState) { return false; };
    auto begun = [](BusState state) { return state != BusState::initialising && state != BusState::init_wait; };
    TRY(wait_for(client, expected, {.end = End::front, .limit_ms = connect_ms}, begun, never));
    auto arrived = [](BusState state) { return state != BusState::initialised; };
    TRY(wait_for(client, expected, {.end = End::front}, arrived, never));
    return {};
}

void note_gone(store::Client& client, const std::vector<Device>& devices) {
    if (devices.empty()) return;
    auto root = fmt::format("/libxl/{}", devices.front().front.value);
    // Without a note the next device of this number comes sooner, no more.
    (void)store::transact(client, [&](store::Transaction transaction) -> xen::Result<> {
        if (!client.list(root, transaction)) return {}; // a note of a domain that ends would be left for ever
        for (auto& device : devices)
            if (device.kind != "console")
                XEN_TRY(client.write(gone_path(device), std::to_string(host::now_ms()), transaction));
        return {};
    });
}

Result<long> until_turn(store::Client& client, const std::vector<Device>& devices) {
    std::vector<std::string> paths;
    for (auto& device : devices) paths.push_back(gone_path(device));
    auto notes = TRY(or_fail(client.get_all(paths), "cannot read what devices are gone"));
    long now = host::now_ms(), left = 0;
    for (auto& note : notes) {
        auto then = note ? toolstack::to_unsigned(*note) : std::nullopt;
        if (!then || *then > static_cast<unsigned long>(now))
            continue; // nobody can have written that: no such time yet
        left = std::max(left, static_cast<long>(*then) + forget_ms - now);
    }
    return left;
}

Result<void> await_turn(store::Client& client, long milliseconds) {
    auto until = host::now_ms() + milliseconds;
    for (long left; (left = until - host::now_ms()) > 0;) TRY(wait_for_change(client, left));
    return {};
}

} // namespace domain
