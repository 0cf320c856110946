// SPDX-License-Identifier: Apache-2.0
// Devices: where their nodes are, and what stands in them.
#include "domain/device.hpp"

#include "base/text.hpp"
#include "domain/devices/native_vif.hpp"

#include <cstdlib>
#include <fmt/format.h>

namespace domain {

using store::Transaction;

std::string Device::front_path() const {
    if (kind == "console" && id == 0) return path_of(front) + "/console";
    return fmt::format("{}/device/{}/{}", path_of(front), kind, id);
}

std::string Device::back_path() const {
    return fmt::format("{}/backend/{}/{}/{}", path_of(back), back_kind.empty() ? kind : back_kind, front.value, id);
}

std::string Device::error_path() const {
    auto base = path_of(back);
    return base + "/error" + back_path().substr(base.size());
}

std::string Device::libxl_path() const { return fmt::format("/libxl/{}/device/{}/{}", front.value, kind, id); }

namespace {

std::string permissions(DomId owner, DomId reader) {
    return fmt::format("n{}{}r{}{}", owner.value, '\0', reader.value, '\0');
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
    if (console)
        XEN_TRY(client.post_permissions(front + "/backend-id", permissions(device.front, device.back), transaction));
    if (!console) XEN_TRY(client.post_write(front + "/state", "1", transaction));
    for (auto& [key, value] : device.front_nodes) XEN_TRY(client.post_write(front + "/" + key, value, transaction));
    for (auto& [key, value] : device.front_fixed) {
        XEN_TRY(client.post_write(front + "/" + key, value, transaction));
        XEN_TRY(client.post_permissions(front + "/" + key, permissions(DomId{0}, device.front), transaction));
    }
    XEN_TRY(client.post(abi::XenstoreOp::Mkdir, {back, nul}, transaction));
    XEN_TRY(client.post_permissions(back, permissions(device.back, device.front), transaction));
    XEN_TRY(client.post_write(back + "/frontend", front, transaction));
    for (auto& [key, value] : device.back_nodes) {
        XEN_TRY(client.post_write(back + "/" + key, value, transaction));
        XEN_TRY(client.post_write(libxl + "/" + key, value, transaction));
    }
    // Who cleans up is the same as who set up; what stock tools make has no such node.
    constexpr std::string_view setups[] = {"none", "script", "native"};
    if (!console && device.setup != Setup::script)
        XEN_TRY(client.post_write(libxl + "/setup", setups[static_cast<std::size_t>(device.setup)], transaction));
    if (!device.owner.empty()) XEN_TRY(client.post_write(libxl + "/owner", device.owner, transaction));
    return {};
}

namespace {

/// How a device was set up, from what attach() wrote, or stock tools.
void read_setup(store::Client& client, Device& device) {
    auto node = [&](std::string_view key) {
        return client.get(fmt::format("{}/{}", device.libxl_path(), key)).value_or("");
    };
    if (device.back.value != 0 || device.kind == "console" || device.by_device_model()) return;
    auto script = node("script");
    device.script_environment = {{"vif", fmt::format("vif{}.{}", device.front.value, device.id)},
                                 {"netdev", node("gatewaydev")}};
    if (node("setup") == "native") {
        device.setup = Setup::native;
        if (device.kind == "vif")
            device.plan = VifPlan{
                .way =
                    native_way(std::string_view(script).substr(script.rfind('/') + 1)).value_or(VifPlan::Way::bridge),
                .name = node("vifname"),
                .bridge = node("bridge"),
                .gateway = node("gatewaydev"),
                .ip = node("ip")};
    } else if (node("setup").empty() && !script.empty()) {
        device.setup = Setup::script;
        device.script = script;
    }
}

} // namespace

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
            auto parts = toolstack::split(*back, '/'); // "", local, domain, ID, backend, KIND, ...
            if (parts.size() > 5 && parts[5] != kind) device.back_kind = parts[5];
            device.label = fmt::format("{} {}", kind, id);
            device.owner = client.get(device.libxl_path() + "/owner").value_or("");
            read_setup(client, device);
            out.push_back(std::move(device));
        }
    }
    return out;
}

} // namespace domain
