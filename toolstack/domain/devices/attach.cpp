// SPDX-License-Identifier: Apache-2.0
// Devices on their way up.
#include "domain/devices/attach.hpp"

#include "base/checkpoint.hpp"
#include "domain/devices/hotplug.hpp"
#include "domain/devices/native_disk.hpp"
#include "domain/devices/native_vif.hpp"
#include "domain/devices/wait.hpp"
#include "domain/transact.hpp"
#include "xen/domctl.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace domain {

using store::Transaction;

namespace {

constexpr int log_period_ms = 50; ///< how often QEMU's log is read while it opens disks

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

bool by_own_model(const Device& device) { return device.by_device_model() && device.back.value == 0; }

Attachment::Attachment(Session& session, std::vector<Device> devices)
    : session_(session), devices_(std::move(devices)), log_(session, devices_.front().front) {}

Result<void> Attachment::prepare() {
    TRY(add_protocol(session_, devices_));
    TRY(check_sharing(session_, devices_));
    TRY(open_disks(devices_, held_));
    return toolstack::checkpoint("open its disks");
}

Result<void> Attachment::write(const Check& check) {
    auto& client = *TRY(session_.store());
    return transact(client, "cannot write its devices to xenstore", [&](Transaction transaction) -> Result<void> {
        if (check) TRY(check(transaction));
        for (auto& device : devices_)
            TRY(or_fail(post_nodes(client, device, transaction), "cannot write a device to xenstore"));
        return {};
    });
}

Result<void> Attachment::bring_up() {
    auto& client = *TRY(session_.store());
    TRY(toolstack::checkpoint("write its devices' nodes"));
    TRY(ensure_device_model(session_, devices_));
    TRY(toolstack::checkpoint("start its device model"));
    TRY(await_back_ends(session_, client, devices_, log_));
    TRY(toolstack::checkpoint("wait for its back ends"));
    TRY(join_network(session_, devices_));
    TRY(toolstack::checkpoint("join its networks"));
    TRY(run_scripts(session_, devices_, true));
    TRY(toolstack::checkpoint("run its hotplug scripts"));
    return await_opened(session_, devices_);
}

Result<std::optional<host::Lock>> Attachment::lock_storage(Session& session, const std::vector<Device>& devices) {
    if (std::ranges::none_of(devices, [](auto& device) { return device.source.has_value(); })) return std::nullopt;
    return std::optional(TRY(session.lock()));
}

Result<void> attach(Session& session, const std::vector<Device>& devices) {
    if (devices.empty()) return {};
    auto lock = TRY(Attachment::lock_storage(session, devices));
    Attachment attachment(session, devices);
    TRY(attachment.prepare());
    TRY(attachment.write({}));
    lock.reset();
    return attachment.bring_up();
}

} // namespace domain
