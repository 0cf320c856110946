// SPDX-License-Identifier: Apache-2.0
// Devices on their way down.
#include "domain/devices/detach.hpp"

#include "domain/devices/attach.hpp"
#include "domain/devices/hotplug.hpp"
#include "domain/devices/native_disk.hpp"
#include "domain/devices/native_vif.hpp"
#include "domain/devices/wait.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace domain {

using store::Transaction;

namespace {

/// Removes a node and those above it that became empty, down to (not with) `/a/b/c` of its root.
void remove_up(store::Client& client, std::string path, int levels) {
    (void)client.remove(path);
    for (int i = 0; i < levels; ++i) {
        path.resize(path.rfind('/'));
        auto children = client.list(path);
        if (!children || !children->empty()) return;
        (void)client.remove(path);
    }
}

bool is_closed(BusState state) { return state == BusState::closed || state == BusState::unknown; }

} // namespace

std::vector<Device> ask_to_close(Session& session, store::Client& client, const std::vector<Device>& devices,
                                 bool force) {
    std::vector<Device> waited;
    for (auto& device : devices) {
        auto state = client.get(device.back_path() + "/state");
        if (!state) continue;
        // Consoles have no driver that would close them, nor has a disk whose QEMU is dead or could not open it.
        bool driven = device.kind != "console" && (!by_own_model(device) || device_model_runs(session, device.front));
        bool refused = *state == "1" && by_own_model(device) &&
                       !DeviceModelLog::whole(session, device.front).about(device).empty();
        if (driven && !refused) waited.push_back(device);
        if (*state == "6") continue;
        (void)client.post_write(device.back_path() + "/online", "0", Transaction::none);
        (void)client.post_write(device.back_path() + "/state", "5", Transaction::none);
        if (force && device.kind != "console")
            (void)client.post(abi::XenstoreOp::Rm, {device.front_path(), std::string_view("", 1)}, Transaction::none);
    }
    (void)client.flush();
    return waited;
}

Result<const Device*> await_closing(store::Client& client, const std::vector<Device>& devices) {
    // A back end that was on its way writes where it has come to over what it is asked for.
    auto ask_again = [&](auto& device, BusState state) {
        if (state < BusState::closing) (void)client.write(device.back_path() + "/state", "5");
        return false;
    };
    return wait_for(client, devices, {.end = End::back}, is_closed, ask_again);
}

void remove_nodes(store::Client& client, const Device& device) {
    remove_up(client, device.front_path(), 0);
    remove_up(client, device.back_path(), 1);
    remove_up(client, device.libxl_path(), 1);
    remove_up(client, device.error_path(), 1); // what a back end says that finds its guest gone
}

void release_host_side(Session& session, const std::vector<Device>& devices) {
    leave_network(session);
    release_device_model(session, devices);
    await_closed(devices);
}

Result<void> detach(Session& session, const std::vector<Device>& devices) {
    if (devices.empty()) return {};
    auto& client = *TRY(session.store());
    Result<void> result;
    auto waited = ask_to_close(session, client, devices, true);
    // Whatever goes wrong here, what comes below is done.
    if (auto late = await_closing(client, waited); !late) result = std::unexpected(std::move(late).error());
    std::vector<Device> live; // a script finds nothing where the back end is gone
    for (auto& device : devices)
        if (client.get(device.back_path() + "/state")) live.push_back(device);
    if (auto scripts = run_scripts(session, live, false); !scripts && result) result = std::move(scripts);
    for (auto& device : devices) remove_nodes(client, device);
    release_host_side(session, devices);
    return result;
}

} // namespace domain
