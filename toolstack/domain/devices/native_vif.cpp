// SPDX-License-Identifier: Apache-2.0
// Interfaces without a script.
#include "domain/devices/native_vif.hpp"

#include "base/text.hpp"
#include "host/lock.hpp"
#include "host/nat.hpp"
#include "host/process.hpp"

#include <algorithm>
#include <ctime>
#include <fmt/format.h>

namespace domain {
namespace {

constexpr int appear_limit_ms = 10000;
constexpr std::array<std::uint8_t, 6> port_mac = {0xfe, 0xff, 0xff,
                                                  0xff, 0xff, 0xff}; ///< highest: a bridge never takes it for its own
constexpr unsigned route_metric = 2; ///< as stock: an emulated card's route (1) comes first

using Way = VifPlan::Way;

std::string first_name(const Device& device) { return fmt::format("vif{}.{}", device.front.value, device.id); }

/// Index of the interface that the kernel's back end makes, once it has.
Result<unsigned> await_interface(const Device& device) {
    auto name = first_name(device);
    auto deadline = host::now_ms() + appear_limit_ms;
    for (;;) {
        if (auto index = host::link_index(name)) return index;
        if (host::now_ms() >= deadline)
            return fail(fmt::format("the kernel makes no interface '{}'", name), "see dmesg");
        timespec pause{0, 1000000};
        nanosleep(&pause, nullptr);
    }
}

/// The guest's address of translation: from ip=, or 10.H.L.N of the domain's id (H, L) and the interface's number (N -
/// 1).
Result<host::Address> nat_guest(const Device& device) {
    if (device.plan->ip.empty()) {
        auto id = device.front.value;
        return host::Address{{10, static_cast<std::uint8_t>(id >> 8), static_cast<std::uint8_t>(id),
                              static_cast<std::uint8_t>(device.id + 1)},
                             32};
    }
    auto address = TRY(host::parse_address(toolstack::trim(device.plan->ip)));
    address.prefix = 32;
    return address;
}

Result<void> route(host::Links& links, const Device& device, unsigned index, const std::string& name) {
    auto& plan = *device.plan;
    auto guests = TRY(route_targets(plan));
    // The host's address as the guest sees it: of the way out. Stock takes eth0 where none is named, which not every
    // host has. For IPv6 the guest has the interface's link-local address as its router.
    std::optional<host::Address> ours;
    if (routes_ipv4(guests)) {
        ours = TRY(host::link_address(plan.gateway.empty() ? host::default_link() : plan.gateway));
        TRY(links.add_address(index, *ours));
    }
    TRY(links.change(index,
                     {.mac = {}, .mtu = plan.mtu ? std::optional(plan.mtu) : std::nullopt, .master = {}, .up = true}));
    TRY(host::set_sysctl(fmt::format("net/ipv4/conf/{}/proxy_arp", name), "1"));
    for (auto& guest : guests) TRY(links.add_route(index, guest, guest.v6 ? std::nullopt : ours, route_metric));
    return {};
}

/// The translations of all domains, as xenstore knows their interfaces.
Result<std::vector<host::Translation>> translations(Session& session) {
    std::vector<host::Translation> out;
    auto& client = *TRY(session.store());
    for (auto& text : client.list("/libxl").value_or(std::vector<std::string>{})) {
        auto id = toolstack::to_unsigned(text);
        if (!id) continue;
        for (auto& device : TRY(devices_of(session, {static_cast<abi::domid_t>(*id)}))) {
            if (device.setup != Setup::native || !device.plan || device.plan->way != Way::nat) continue;
            if (auto guest = nat_guest(device)) out.push_back({*guest, device.plan->gateway});
        }
    }
    return out;
}

Result<void> set_translations(Session& session) {
    auto lock = TRY(host::Lock::take_own("translation")); // or what others join would be missing
    return host::set_translations(TRY(translations(session)));
}

Result<void> translate(Session& session, host::Links& links, const Device& device, unsigned index,
                       const std::string& name) {
    auto& plan = *device.plan;
    auto guest = TRY(nat_guest(device));
    auto ours = guest; // the guest's gateway, at the place where stock's script puts it
    ours.bytes[3] = static_cast<std::uint8_t>(ours.bytes[3] + 127);
    TRY(links.add_address(index, ours));
    TRY(links.change(index,
                     {.mac = {}, .mtu = plan.mtu ? std::optional(plan.mtu) : std::nullopt, .master = {}, .up = true}));
    TRY(links.add_route(index, guest, ours, 0));
    TRY(host::set_sysctl(fmt::format("net/ipv4/conf/{}/proxy_arp", name), "1"));
    return set_translations(session);
}

Result<void> join(Session& session, host::Links& links, const Device& device) {
    auto& plan = *device.plan;
    auto index = TRY(await_interface(device));
    auto name = first_name(device);
    if (!plan.name.empty() && plan.name != name) TRY(links.rename(index, name = plan.name));
    if (plan.way == Way::route) return route(links, device, index, name);
    if (plan.way == Way::nat) return translate(session, links, device, index, name);
    auto bridge = host::link_index(plan.bridge);
    if (!bridge) return fail(fmt::format("the bridge '{}' is gone", plan.bridge));
    return links.change(
        index,
        {.mac = port_mac, .mtu = plan.mtu ? std::optional(plan.mtu) : std::nullopt, .master = bridge, .up = true});
}

} // namespace

std::optional<Way> native_way(std::string_view script) {
    if (script.empty() || script == "vif-bridge") return Way::bridge;
    if (script == "vif-route") return Way::route;
    if (script == "vif-nat") return Way::nat;
    return std::nullopt;
}

Result<void> join_network(Session& session, const std::vector<Device>& devices) {
    std::optional<host::Links> links;
    for (auto& device : devices) {
        if (device.setup != Setup::native || !device.plan) continue;
        if (!links) links = TRY(host::Links::open());
        auto done = join(session, *links, device);
        if (!done) return std::unexpected(in(device.label, std::move(done).error()));
        // Only now may the back end connect: the guest's first packet finds its way.
        auto& client = *TRY(session.store());
        TRY(or_fail(client.write(device.back_path() + "/hotplug-status", "connected"), "cannot tell the back end"));
    }
    return {};
}

void leave_network(Session& session) {
    if (host::translating()) (void)set_translations(session); // what fails now is done with the next one that leaves
}

Result<std::vector<host::Address>> route_targets(const VifPlan& plan) {
    std::vector<host::Address> out;
    for (auto text : toolstack::split(plan.ip, ' '))
        if (!text.empty()) out.push_back(TRY(host::parse_address(text)));
    return out;
}

bool routes_ipv4(const std::vector<host::Address>& targets) {
    return targets.empty() || std::ranges::any_of(targets, [](auto& target) { return !target.v6; });
}

} // namespace domain
