// SPDX-License-Identifier: Apache-2.0
// Devices on their way up and down.
#include "domain/device.hpp"

#include "base/text.hpp"
#include "domain/hotplug.hpp"

#include <cstdlib>
#include <ctime>
#include <fmt/format.h>

namespace domain {

using store::Transaction;

std::string Device::front_path() const {
    if (kind == "console" && id == 0) return path_of(front) + "/console";
    return fmt::format("{}/device/{}/{}", path_of(front), kind, id);
}

std::string Device::back_path() const { return fmt::format("{}/backend/{}/{}/{}", path_of(back), kind, front.value, id); }

std::string Device::libxl_path() const { return fmt::format("/libxl/{}/device/{}/{}", front.value, kind, id); }

namespace {

constexpr int wait_ms = 10000; ///< libxl's patience with a back end

long now_ms() {
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

std::string permissions(DomId owner, DomId reader) { return fmt::format("n{}{}r{}{}", owner.value, '\0', reader.value, '\0'); }

/// Waits until `good` holds for the state node of every device, or for those that have none any more. Gives the first
/// device that did not get there in time.
template <class Good> Result<const Device*> wait_for(store::Client& client, const std::vector<Device>& devices, Good good) {
    std::vector<std::string> paths;
    for (auto& device : devices) paths.push_back(device.back_path() + "/state");
    auto deadline = now_ms() + wait_ms;
    const Device* late = nullptr;
    bool watching = false;
    for (;;) {
        auto values = TRY(or_fail(client.get_all(paths), "cannot read the devices' states"));
        late = nullptr;
        for (std::size_t i = 0; i < devices.size(); ++i) {
            auto state = values[i] ? static_cast<BusState>(std::atoi(values[i]->c_str())) : BusState::unknown;
            if (!good(state)) late = &devices[i];
        }
        if (!late) break;
        if (!watching) {
            for (auto& path : paths) TRY(or_fail(client.watch(path, "wait"), "cannot watch a device"));
            watching = true;
            continue;
        }
        auto left = deadline - now_ms();
        if (left <= 0) break;
        TRY(or_fail(client.next_event(static_cast<int>(left)), "xenstore"));
    }
    if (watching) {
        for (auto& path : paths) (void)client.unwatch(path, "wait");
        while (auto event = client.next_event(0)) // events that came before the watches went
            if (!*event) break;
    }
    return late;
}

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

} // namespace

xen::Result<> post_nodes(store::Client& client, const Device& device, Transaction transaction) {
    auto front = device.front_path(), back = device.back_path(), libxl = device.libxl_path();
    auto nul = std::string_view("", 1);
    XEN_TRY(client.post(abi::XenstoreOp::Mkdir, {libxl, nul}, transaction));
    XEN_TRY(client.post_permissions(libxl, std::string("n0\0", 3), transaction));
    XEN_TRY(client.post_write(libxl + "/frontend", front, transaction));
    XEN_TRY(client.post_write(libxl + "/backend", back, transaction));
    XEN_TRY(client.post(abi::XenstoreOp::Mkdir, {front, nul}, transaction));
    bool console = device.kind == "console";
    if (!console) XEN_TRY(client.post_permissions(front, permissions(device.front, device.back), transaction));
    XEN_TRY(client.post_write(front + "/backend", back, transaction));
    XEN_TRY(client.post_write(front + "/backend-id", std::to_string(device.back.value), transaction));
    if (console) XEN_TRY(client.post_permissions(front + "/backend-id", permissions(device.front, device.back), transaction));
    if (!console) XEN_TRY(client.post_write(front + "/state", "1", transaction));
    for (auto& [key, value] : device.front_nodes) XEN_TRY(client.post_write(front + "/" + key, value, transaction));
    XEN_TRY(client.post(abi::XenstoreOp::Mkdir, {back, nul}, transaction));
    XEN_TRY(client.post_permissions(back, permissions(device.back, device.front), transaction));
    XEN_TRY(client.post_write(back + "/frontend", front, transaction));
    for (auto& [key, value] : device.back_nodes) {
        XEN_TRY(client.post_write(back + "/" + key, value, transaction));
        XEN_TRY(client.post_write(libxl + "/" + key, value, transaction));
    }
    return {};
}

Result<void> attach(Session& session, const std::vector<Device>& devices) {
    if (devices.empty()) return {};
    auto& client = *TRY(session.store());
    for (;;) {
        auto transaction = TRY(or_fail(client.begin(), "cannot write the devices to xenstore"));
        for (auto& device : devices) TRY(or_fail(post_nodes(client, device, transaction), "cannot write a device to xenstore"));
        TRY(or_fail(client.flush(), "cannot write the devices to xenstore"));
        auto done = client.commit(transaction);
        if (done) break;
        if (done.error().code != EAGAIN) return std::unexpected(explain("cannot write the devices to xenstore", done.error()));
    }
    auto late = TRY(wait_for(client, devices, [](BusState state) { return state >= BusState::init_wait && state < BusState::closing; }));
    if (late)
        return fail(fmt::format("{}: its back end does not answer", late->label),
                    fmt::format("check that domain {} runs and has the driver for '{}' (xl doctor)", late->back.value, late->kind));
    return run_scripts(session, devices, true);
}

Result<void> detach(Session& session, const std::vector<Device>& devices, bool force) {
    if (devices.empty()) return {};
    auto& client = *TRY(session.store());
    std::vector<Device> live; // those whose back end exists
    for (auto& device : devices) {
        auto state = client.get(device.back_path() + "/state");
        if (!state) continue;
        live.push_back(device);
        if (*state == "6") continue;
        (void)client.post_write(device.back_path() + "/online", "0", Transaction::none);
        (void)client.post_write(device.back_path() + "/state", "5", Transaction::none);
        if (force && device.kind != "console")
            (void)client.post(abi::XenstoreOp::Rm, {device.front_path(), std::string_view("", 1)}, Transaction::none);
    }
    (void)client.flush();
    std::vector<Device> driven; // consoles have no driver that would close them
    for (auto& device : live)
        if (device.kind != "console") driven.push_back(device);
    auto late = TRY(wait_for(client, driven, [](BusState state) { return state == BusState::closed || state == BusState::unknown; }));
    if (late && !force) {
        (void)client.write(late->back_path() + "/online", "1");
        return fail(fmt::format("{}: the guest does not let go of it", late->label), "unmount it in the guest, or use --force");
    }
    auto scripts = run_scripts(session, live, false);
    for (auto& device : devices) {
        remove_up(client, device.front_path(), 0);
        remove_up(client, device.back_path(), 1);
        remove_up(client, device.libxl_path(), 1);
    }
    return scripts;
}

Result<std::vector<Device>> devices_of(Session& session, DomId domain) {
    std::vector<Device> out;
    auto& client = *TRY(session.store());
    auto root = fmt::format("/libxl/{}/device", domain.value);
    auto kinds = client.list(root);
    if (!kinds) return out;
    for (auto& kind : *kinds) {
        auto ids = client.list(root + "/" + kind);
        if (!ids) continue;
        for (auto& id : *ids) {
            auto number = toolstack::to_unsigned(id);
            auto back = client.get(fmt::format("{}/{}/{}/backend", root, kind, id));
            if (!number || !back || !back->starts_with("/local/domain/")) continue;
            Device device;
            device.kind = kind;
            device.front = domain;
            device.id = static_cast<unsigned>(*number);
            device.back.value = static_cast<abi::domid_t>(std::atoi(back->c_str() + 14));
            device.label = fmt::format("{} {}", kind, id);
            if (device.back.value == 0) device.script = client.get(device.back_path() + "/script").value_or("");
            auto name = client.get(device.back_path() + "/vifname");
            device.script_environment = {{"vif", name ? *name : fmt::format("vif{}.{}", domain.value, id)},
                                         {"netdev", client.get(device.back_path() + "/gatewaydev").value_or("")}};
            out.push_back(std::move(device));
        }
    }
    return out;
}

} // namespace domain
