// SPDX-License-Identifier: Apache-2.0
// Devices of running domains.
#include "domain/devices/running.hpp"

#include "base/checkpoint.hpp"
#include "base/stop_signal.hpp"
#include "base/text.hpp"
#include "domain/devices/attach.hpp"
#include "domain/devices/detach.hpp"
#include "domain/devices/hotplug.hpp"
#include "domain/devices/pace.hpp"
#include "domain/domains.hpp"
#include "domain/stored_config.hpp"
#include "domain/transact.hpp"
#include "domain/userdata.hpp"
#include "host/maker.hpp"

#include <algorithm>
#include <cstdlib>
#include <fmt/format.h>

namespace domain {

using store::Transaction;

namespace {

Result<config::Uuid> uuid_of(Session& session, DomId id) { return Listed{TRY(session.info(id)), {}}.uuid(); }

/// What removes a device from what is kept.
DeviceChange without(const Device& device) {
    DeviceChange change;
    if (device.kind == "vbd") change.gone_disk = device.id;
    if (device.kind == "vif") change.gone_vif = device.id;
    return change;
}

/// What a Maker writes down: who mends it reads this (domain/life/remains.cpp).
std::string described(const char* what, const Device& device, const config::Uuid& uuid) {
    return fmt::format("{} {} {} {} {}", what, device.front.value, config::print(uuid), device.kind, device.id);
}

/// Whether the device is still the one with this mark. The caller holds the domain's lock.
bool is_same(store::Client& client, const Device& device) {
    return client.get(device.libxl_path() + "/backend") == device.back_path() &&
           client.get(device.libxl_path() + "/owner").value_or("") == device.owner;
}

/// Looks, within the transaction that writes its nodes, that the domain is there and the place is free.
Result<void> check_place(store::Client& client, const Device& device, Transaction transaction) {
    auto id = device.front.value;
    if (!client.get(path_of(device.front) + "/vm", transaction))
        return fail(fmt::format("domain {} is gone", id), "see xl list");
    if (!client.get(device.libxl_path() + "/backend", transaction)) return {};
    // Ours, if the store went away just when it was written.
    if (client.get(device.libxl_path() + "/owner", transaction) == device.owner) return {};
    return fail(
        fmt::format("domain {} has {} already", id, device.kind == "vbd" ? "a " + device.label : "an " + device.label),
        device.kind == "vbd" ? "choose another vdev; see xl block-list"
                             : "choose another devid, or leave it away; see xl network-list");
}

/// Makes a device known: nodes and what is kept, or neither. The caller holds the domain's lock.
Result<void> place(Session& session, Attachment& attachment, const Device& device, const DeviceChange& change) {
    auto& client = *TRY(session.store());
    TRY(attachment.prepare());
    TRY(attachment.write([&](Transaction transaction) { return check_place(client, device, transaction); }));
    TRY(change_kept(session, device.front, change));
    return toolstack::checkpoint("keep its configuration");
}

/// Lowest number behind all interfaces of a domain.
unsigned next_vif(store::Client& client, DomId id) {
    unsigned next = 0;
    for (auto& each : client.list(fmt::format("/libxl/{}/device/vif", id.value)).value_or(std::vector<std::string>{}))
        if (auto number = toolstack::to_unsigned(each)) next = std::max(next, static_cast<unsigned>(*number) + 1);
    return next;
}

/// The device as it was before somebody asked for it: a guest that keeps it goes on with it. Not where the guest has
/// begun to let go.
void put_back(store::Client& client, const Device& device) {
    (void)transact(client, "cannot give the device back", [&](Transaction transaction) -> xen::Result<> {
        auto front = client.get(device.front_path() + "/state", transaction).value_or("");
        if (front.size() != 1 || front < "1" || front > "4") return {};
        XEN_TRY(client.post_write(device.back_path() + "/online", "1", transaction));
        if (client.get(device.back_path() + "/state", transaction) != "5") return {};
        // A front end that never came up, or is about to, finds its back end waiting, as before.
        return client.post_write(device.back_path() + "/state", front == "4" ? "4" : "2", transaction);
    });
}

/// Waits until the guest has let go; with `force` it need not.
Result<void> await_release(store::Client& client, const Device& device, const std::vector<Device>& waited, bool force) {
    auto late = TRY(await_closing(client, waited));
    if (!late || force) return {};
    return fail(fmt::format("{}: the guest does not let go of it", device.label),
                "unmount it in the guest, or use --force");
}

/// Takes a device with this mark away; gives whether it was there. Nobody waits under the domain's lock. With `force`
/// all is done, whatever fails; without it a guest that does not let go keeps the device.
Result<bool> take_away(Session& session, const Device& device, const config::Uuid& uuid, bool force) {
    auto& client = *TRY(session.store());
    std::vector<Device> waited;
    {
        auto lock = TRY(lock_domain(device.front, uuid));
        if (!is_same(client, device)) return false;
        waited = ask_to_close(session, client, {device}, force);
    }
    Result<void> result = toolstack::checkpoint("ask the guest to let go");
    if (result) result = await_release(client, device, waited, force);
    toolstack::StopShield shield; // now it is given back, or goes altogether
    if (!result && !force) {
        auto lock = TRY(lock_domain(device.front, uuid));
        if (is_same(client, device)) put_back(client, device);
        return std::unexpected(std::move(result).error());
    }
    if (client.get(device.back_path() + "/state"))
        if (auto scripts = run_scripts(session, {device}, false); !scripts && result) result = std::move(scripts);
    {
        auto lock = TRY(lock_domain(device.front, uuid));
        if (!is_same(client, device)) return false;
        note_gone(client, {device});
        remove_nodes(client, device);
        bool there = session.info(device.front).has_value();
        auto forgotten = there ? change_kept(session, device.front, without(device)) : Result<void>{};
        if (!forgotten && result) result = std::move(forgotten);
    }
    release_host_side(session, {device});
    if (!result) return std::unexpected(std::move(result).error());
    return true;
}

/// Undoes an attachment.
Result<void> take_back(Session& session, const Device& device, const config::Uuid& uuid) {
    toolstack::StopShield shield;
    TRY(take_away(session, device, uuid, true));
    return {};
}

/// A domain that is still being made gets its devices from who makes it, by numbers that are not taken yet.
Result<void> check_made(DomId id, const config::Uuid& uuid) {
    auto making = "create " + config::print(uuid);
    for (auto& line : host::in_progress())
        if (line.starts_with(making))
            return fail(fmt::format("domain {} is still being made", id.value), "a moment later it is there");
    return {};
}

/// Attaches a device. `choose(device)` completes it, and gives what is to be kept, under the domain's lock; again where
/// a device of that number went so short a time ago that it has to be waited for, which is done without the lock.
template <class Choose>
Result<void> arrive(Session& session, const config::Uuid& uuid, host::Maker& maker, Device& device, Choose choose) {
    auto& client = *TRY(session.store());
    for (;;) {
        auto storage = TRY(Attachment::lock_storage(session, {device}));
        std::optional lock = TRY(lock_domain(device.front, uuid));
        TRY(check_made(device.front, uuid));
        DeviceChange change = TRY(choose(device));
        if (auto left = TRY(until_turn(client, {device})); left > 0) {
            lock.reset();
            storage.reset();
            TRY(await_turn(client, left));
            continue;
        }
        TRY(maker.note(described("attach", device, uuid)));
        Attachment attachment(session, {device});
        TRY(place(session, attachment, device, change));
        lock.reset();
        storage.reset();
        return attachment.bring_up();
    }
}

} // namespace

Result<void> attach_disk(Session& session, DomId id, const config::Disk& disk) {
    toolstack::StopSignals stop; // Ctrl-C ends it, so that it is undone
    auto uuid = TRY(uuid_of(session, id));
    auto device = TRY(make_disk(session, id, disk));
    auto maker = TRY(host::Maker::begin(described("attach", device, uuid)));
    device.owner = maker.token();
    auto done = arrive(session, uuid, maker, device, [&](Device&) -> Result<DeviceChange> { return {{.disk = disk}}; });
    if (done) return {};
    if (!take_back(session, device, uuid)) maker.leave_behind();
    return done;
}

Result<unsigned> attach_vif(Session& session, DomId id, config::Vif vif) {
    toolstack::StopSignals stop;
    auto uuid = TRY(uuid_of(session, id));
    auto& client = *TRY(session.store());
    auto given = vif.devid;
    auto device = TRY(make_vif(session, id, vif, given.value_or(0)));
    auto maker = TRY(host::Maker::begin(described("attach", device, uuid)));
    auto done = arrive(session, uuid, maker, device, [&](Device& chosen) -> Result<DeviceChange> {
        vif.devid = given.value_or(next_vif(client, id));
        chosen = TRY(make_vif(session, id, vif, *vif.devid));
        chosen.owner = maker.token();
        return {{.vif = vif}};
    });
    if (done) return *vif.devid;
    // Where it has no mark yet, it has nothing to take away either.
    if (!device.owner.empty() && !take_back(session, device, uuid)) maker.leave_behind();
    return std::unexpected(std::move(done).error());
}

Result<void> detach_running(Session& session, const Device& device, bool force) {
    toolstack::StopSignals stop; // Ctrl-C ends the wait for the guest, and the guest keeps the device
    auto uuid = TRY(uuid_of(session, device.front));
    auto maker = TRY(host::Maker::begin(described("detach", device, uuid) + " " + device.owner));
    if (!force) TRY(await_connected(*TRY(session.store()), {device}));
    if (TRY(take_away(session, device, uuid, force))) return {};
    return fail(fmt::format("{}: somebody else has taken it away", device.label));
}

Result<void> mend_device(Session& session, DomId domain, std::string_view kind, unsigned id, std::string_view token,
                         bool leaving) {
    auto& client = *TRY(session.store());
    auto uuid = TRY(uuid_of(session, domain));
    auto devices = TRY(devices_of(session, domain));
    std::erase_if(devices, [&](auto& device) { return device.kind != kind || device.id != id; });
    if (devices.empty()) { // killed between its nodes and what is kept
        Device gone;
        gone.kind = kind;
        gone.id = id;
        gone.front = domain;
        auto lock = TRY(lock_domain(domain, uuid));
        if (client.get(gone.libxl_path() + "/backend")) return {}; // another one came meanwhile
        note_gone(client, {gone});
        return change_kept(session, domain, without(gone));
    }
    for (auto& device : devices) {
        if (device.owner != token) continue;
        bool kept = leaving && client.get(device.front_path() + "/state") == "4";
        if (!kept) return take_back(session, device, uuid);
        auto lock = TRY(lock_domain(domain, uuid));
        if (is_same(client, device)) put_back(client, device);
    }
    return {};
}

} // namespace domain
