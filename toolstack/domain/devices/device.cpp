// SPDX-License-Identifier: Apache-2.0
// Devices on their way up and down.
#include "domain/device.hpp"

#include "base/checkpoint.hpp"
#include "base/text.hpp"
#include "domain/devices/device_model.hpp"
#include "domain/devices/hotplug.hpp"
#include "domain/devices/native_disk.hpp"
#include "domain/devices/native_vif.hpp"
#include "domain/devices/pace.hpp"
#include "domain/devices/wait.hpp"
#include "domain/transact.hpp"
#include "xen/domctl.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <set>

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

constexpr int log_period_ms = 50; ///< how often QEMU's log is read while it opens disks

std::string permissions(DomId owner, DomId reader) {
    return fmt::format("n{}{}r{}{}", owner.value, '\0', reader.value, '\0');
}

/// Whether a QEMU in domain 0 serves it; that of another domain is out of our sight.
bool by_own_model(const Device& device) { return device.by_device_model() && device.back.value == 0; }

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
    return {};
}

namespace {

/// Tells the front ends of a PV guest's disks how wide the words in their rings are, as libxl does.
Result<void> add_protocol(Session& session, std::vector<Device>& devices) {
    auto disk = [](auto& device) { return device.kind == "vbd"; };
    if (std::ranges::none_of(devices, disk)) return {};
    auto& control = *TRY(session.xen());
    auto guest = devices.front().front;
    auto info = TRY(or_fail(xen::domain_info(control, guest), "cannot look at the domain"));
    if (info.flags & abi::dominf_hvm_guest) return {};
    auto bits = TRY(or_fail(xen::address_size(control, guest), "cannot ask for the width of the domain's words"));
    for (auto& device : devices)
        if (disk(device)) device.front_nodes.push_back({"protocol", bits == 32 ? "x86_32-abi" : "x86_64-abi"});
    return {};
}

Result<void> write_nodes(store::Client& client, const std::vector<Device>& devices) {
    return transact(client, "cannot write the devices to xenstore", [&](Transaction transaction) -> xen::Result<> {
        for (auto& device : devices) XEN_TRY(post_nodes(client, device, transaction));
        return {};
    });
}

/// A device whose back end did not come up: what the back end says of it, or that it says nothing.
std::unexpected<Failure> no_answer(Session& session, store::Client& client, const Device& device,
                                   const DeviceModelLog& log) {
    auto words = by_own_model(device) ? log.about(device) : "";
    if (!words.empty()) {
        auto image = device.source ? fmt::format(" --backing-chain '{}'", device.source->path) : "";
        return fail(fmt::format("{}: QEMU says: {}", device.label, words),
                    fmt::format("check the image and what it is based on: qemu-img info{}; see {}", image, log.path()));
    }
    if (by_own_model(device) && !device_model_runs(session, device.front))
        return fail(fmt::format("{}: its QEMU has ended", device.label), "see " + log.path());
    auto said = client.get(device.error_path() + "/error");
    if (said)
        return fail(fmt::format("{}: its back end says: {}", device.label, *said),
                    "see dmesg in the back end's domain");
    return fail(fmt::format("{}: its back end does not answer", device.label),
                fmt::format("check that domain {} runs and has the driver for '{}' (xl doctor)", device.back.value,
                            device.kind));
}

Result<void> await_back_ends(Session& session, store::Client& client, const std::vector<Device>& devices,
                             const DeviceModelLog& log) {
    auto there = [](BusState state) { return state >= BusState::init_wait && state < BusState::closing; };
    // QEMU tells xenstore nothing of a disk that it cannot open: its log does.
    auto gone = [&](auto& device, BusState state) {
        if (state == BusState::closing || state == BusState::closed) return true;
        return by_own_model(device) && (!log.about(device).empty() || !device_model_runs(session, device.front));
    };
    bool by_model = std::ranges::any_of(devices, by_own_model);
    if (auto late = TRY(wait_for(client, devices, {.end = End::back, .period_ms = by_model ? log_period_ms : wait_ms},
                                 there, gone)))
        return no_answer(session, client, *late, log);
    return {};
}

} // namespace

Result<void> attach(Session& session, const std::vector<Device>& devices) {
    if (devices.empty()) return {};
    auto& client = *TRY(session.store());
    auto ready = devices;
    std::vector<host::Loop> held;   // until the back ends have them
    std::optional<host::Lock> lock; // two guests that are made at once must not both find a disk unused
    if (std::any_of(ready.begin(), ready.end(), [](auto& device) { return device.source.has_value(); }))
        lock = TRY(session.lock());
    DeviceModelLog log(session, ready.front().front);
    TRY(await_turn(client, ready));
    TRY(add_protocol(session, ready));
    TRY(check_sharing(session, ready));
    TRY(open_disks(ready, held));
    TRY(toolstack::checkpoint("open its disks"));
    TRY(write_nodes(client, ready));
    lock.reset();
    TRY(toolstack::checkpoint("write its devices' nodes"));
    TRY(ensure_device_model(session, ready));
    TRY(toolstack::checkpoint("start its device model"));
    TRY(await_back_ends(session, client, ready, log));
    TRY(toolstack::checkpoint("wait for its back ends"));
    TRY(join_network(session, ready));
    TRY(toolstack::checkpoint("join its networks"));
    TRY(run_scripts(session, ready, true));
    TRY(toolstack::checkpoint("run its hotplug scripts"));
    return await_opened(session, ready);
}

Result<void> detach(Session& session, const std::vector<Device>& devices, bool force) {
    if (devices.empty()) return {};
    auto& client = *TRY(session.store());
    if (!force) TRY(await_connected(client, devices));
    std::vector<Device> live;   // those whose back end exists
    std::set<unsigned> refused; // those that QEMU could not open: it will not close them
    for (auto& device : devices) {
        auto state = client.get(device.back_path() + "/state");
        if (!state) continue;
        live.push_back(device);
        if (*state == "6") continue;
        if (*state == "1" && by_own_model(device) &&
            !DeviceModelLog::whole(session, device.front).about(device).empty())
            refused.insert(device.id);
        (void)client.post_write(device.back_path() + "/online", "0", Transaction::none);
        (void)client.post_write(device.back_path() + "/state", "5", Transaction::none);
        if (force && device.kind != "console")
            (void)client.post(abi::XenstoreOp::Rm, {device.front_path(), std::string_view("", 1)}, Transaction::none);
    }
    (void)client.flush();
    std::vector<Device> driven; // consoles have no driver that would close them, nor has a disk whose QEMU is dead
    for (auto& device : live)
        if (device.kind != "console" && (!by_own_model(device) || device_model_runs(session, device.front)))
            driven.push_back(device);
    std::erase_if(driven, [&](auto& device) { return refused.contains(device.id) && by_own_model(device); });
    auto closed = [](BusState state) { return state == BusState::closed || state == BusState::unknown; };
    // A back end that was on its way writes where it has come to over what it is asked for.
    auto ask_again = [&](auto& device, BusState state) {
        if (state < BusState::closing) (void)client.write(device.back_path() + "/state", "5");
        return false;
    };
    auto late = TRY(wait_for(client, driven, {.end = End::back}, closed, ask_again));
    if (late && !force) {
        (void)client.write(late->back_path() + "/online", "1");
        return fail(fmt::format("{}: the guest does not let go of it", late->label),
                    "unmount it in the guest, or use --force");
    }
    auto scripts = run_scripts(session, live, false);
    for (auto& device : devices) {
        remove_up(client, device.front_path(), 0);
        remove_up(client, device.back_path(), 1);
        remove_up(client, device.libxl_path(), 1);
        remove_up(client, device.error_path(), 1); // what a back end says that finds its guest gone
    }
    note_gone(client, devices);
    leave_network(session);
    release_device_model(session, devices);
    await_closed(devices);
    return scripts;
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
            read_setup(client, device);
            out.push_back(std::move(device));
        }
    }
    return out;
}

} // namespace domain
