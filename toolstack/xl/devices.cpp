// SPDX-License-Identifier: Apache-2.0
// block-* and network-*.
#include "xl/devices.hpp"

#include "base/text.hpp"
#include "config/devices/mac.hpp"
#include "config/devices/vdev.hpp"
#include "domain/config_json.hpp"
#include "domain/device.hpp"
#include "domain/devices/running.hpp"
#include "domain/host_settings.hpp"
#include "domain/life/remains.hpp"
#include "xl/json.hpp"

#include <algorithm>
#include <cstdlib>
#include <sys/random.h>

namespace xl {

using domain::Device;

namespace {

Result<std::vector<Device>> of_kind(Context& context, DomId id, std::string_view kind) {
    auto devices = TRY(domain::devices_of(context.session, id));
    std::erase_if(devices, [&](auto& device) { return device.kind != kind; });
    std::sort(devices.begin(), devices.end(), [](auto& a, auto& b) { return a.id < b.id; });
    return devices;
}

/// A number in a node, or -1.
long number_at(store::Client& client, const std::string& path) {
    auto text = client.get(path);
    return text ? std::strtol(text->c_str(), nullptr, 10) : -1;
}

/// An interface's address as it was given: what the guest says in its own nodes is not for our terminal, nor to choose
/// by. Stock tools keep it in the same place.
std::string mac_of(store::Client& client, const Device& device) {
    return client.get(device.libxl_path() + "/mac").value_or("");
}

/// All words behind the first as one specification.
std::string joined(const Words& words) {
    std::string text;
    for (std::size_t i = 1; i < words.words.size(); ++i) text += (i > 1 ? "," : "") + words.words[i];
    return text;
}

} // namespace

Result<int> run_block_list(Context& context, const Words& words) {
    auto& client = *TRY(context.session.store());
    Rows rows;
    bool json = words.has('J');
    if (!json)
        out("{:<5} {:<3} {:<6} {:<5} {:<6} {:<8} {:<30}\n", "Vdev", "BE", "handle", "state", "evt-ch", "ring-ref",
            "BE-path");
    for (auto& word : words.words) {
        auto id = context.session.find(word);
        if (!id) {
            note("{}", id.error().what);
            continue;
        }
        for (auto& device : TRY(of_kind(context, *id, "vbd"))) {
            auto front = device.front_path();
            auto state = number_at(client, front + "/state"), channel = number_at(client, front + "/event-channel");
            auto ring = number_at(client, front + "/ring-ref");
            if (json)
                rows.row()
                    .number("vdev", device.id)
                    .text("name", config::vdev_name(device.id))
                    .number("backend", device.back.value)
                    .number("state", state)
                    .number("event_channel", channel)
                    .number("ring_ref", ring)
                    .text("backend_path", device.back_path())
                    .text("target", client.get(device.back_path() + "/params").value_or(""))
                    .text("mode", client.get(device.back_path() + "/mode").value_or(""));
            else
                out("{:<5} {:<3} {:<6} {:<5} {:<6} {:<8} {:<30}\n", device.id, device.back.value, device.front.value,
                    state, channel, ring, device.back_path());
        }
    }
    if (json) out("{}", rows.print());
    return exit_good; // as stock: an unknown name is told, but is no failure
}

Result<int> run_block_attach(Context& context, const Words& words) {
    auto id = TRY(context.session.existing(words.words[0]));
    auto disk = TRY(config::parse_disk(joined(words)));
    if (context.dry_run) {
        TRY(domain::make_disk(context.session, id, disk));
        out("disk: {}\n", domain::planned_json(disk));
        return exit_good;
    }
    domain::mend_remains_of(context.session, id);
    TRY(domain::attach_disk(context.session, id, disk));
    return exit_good;
}

Result<int> run_block_detach(Context& context, const Words& words) {
    auto id = TRY(context.session.existing(words.words[0]));
    auto number = TRY(config::vdev_number(words.words[1]));
    for (auto& device : TRY(of_kind(context, id, "vbd"))) {
        if (device.id != number) continue;
        domain::mend_remains_of(context.session, id);
        TRY(domain::detach_running(context.session, device, words.has('f')));
        return exit_good;
    }
    return fail(fmt::format("Error: Device {} not connected.", words.words[1]), "see xl block-list");
}

Result<int> run_network_list(Context& context, const Words& words) {
    auto& client = *TRY(context.session.store());
    Rows rows;
    bool json = words.has('J');
    if (!json)
        out("{:<3} {:<2} {:<17} {:<6} {:<5} {:<6} {:>5}/{:<5} {:<30}\n", "Idx", "BE", "Mac Addr.", "handle", "state",
            "evt-ch", "tx-", "rx-ring-ref", "BE-path");
    for (auto& word : words.words) {
        auto id = TRY(context.session.find(word)); // unlike block-list's, an unknown name ends it: as stock
        for (auto& device : TRY(of_kind(context, id, "vif"))) {
            auto front = device.front_path();
            auto mac = mac_of(client, device);
            auto state = number_at(client, front + "/state"), channel = number_at(client, front + "/event-channel");
            auto tx = number_at(client, front + "/tx-ring-ref"), rx = number_at(client, front + "/rx-ring-ref");
            if (json)
                rows.row()
                    .number("devid", device.id)
                    .text("mac", mac)
                    .number("backend", device.back.value)
                    .number("state", state)
                    .number("tx_ring_ref", tx)
                    .number("rx_ring_ref", rx)
                    .text("backend_path", device.back_path())
                    .text("bridge", client.get(device.back_path() + "/bridge").value_or(""));
            else
                out("{:<3} {:<2} {:<17} {:>5} {:>5} {:>6} {:>5}/{:<11} {:<30}\n", device.id, device.back.value, mac,
                    device.id, state, channel, tx, rx, device.back_path());
        }
    }
    if (json) out("{}", rows.print());
    return exit_good;
}

Result<int> run_network_attach(Context& context, const Words& words) {
    auto id = TRY(context.session.existing(words.words[0]));
    auto vif = TRY(config::parse_vif(joined(words)));
    if (vif.emulated) return fail("type=ioemu is an emulated card, which only HVM guests have", "leave type= away");
    if (!vif.model.empty()) note("warning: model has no effect on a paravirtual interface");
    auto given = vif;
    TRY(domain::host_settings()).apply(vif);
    if (!vif.mac) {
        std::uint32_t random = 0;
        if (getrandom(&random, sizeof random, 0) < 0) return fail("no random numbers for a MAC address");
        vif.mac = config::make_mac(random);
    }
    if (context.dry_run) {
        TRY(domain::make_vif(context.session, id, vif, vif.devid.value_or(0)));
        out("vif: {}\n", domain::planned_json(given));
        return exit_good;
    }
    domain::mend_remains_of(context.session, id);
    TRY(domain::attach_vif(context.session, id, vif));
    return exit_good;
}

Result<int> run_network_detach(Context& context, const Words& words) {
    auto id = TRY(context.session.existing(words.words[0]));
    auto& client = *TRY(context.session.store());
    auto devid = toolstack::to_unsigned(words.words[1]);
    auto mac = config::parse_mac(words.words[1]);
    if (!devid && !mac)
        return fail(fmt::format("'{}' is neither a number nor a MAC address", words.words[1]), "see xl network-list");
    for (auto& device : TRY(of_kind(context, id, "vif"))) {
        auto its = config::parse_mac(mac_of(client, device));
        if (devid ? device.id != *devid : !its || *its != *mac) continue;
        domain::mend_remains_of(context.session, id);
        TRY(domain::detach_running(context.session, device, words.has('f')));
        return exit_good;
    }
    return fail(fmt::format("Unknown device {}.", words.words[1]), "see xl network-list");
}

} // namespace xl
