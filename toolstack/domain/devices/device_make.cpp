// SPDX-License-Identifier: Apache-2.0
// From a disk or interface specification to a device and its nodes.
#include "domain/device.hpp"

#include "base/text.hpp"
#include "domain/devices/device_model.hpp"
#include "domain/devices/native_vif.hpp"
#include "host/link.hpp"

#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace domain {
namespace {

constexpr std::string_view scripts = "/etc/xen/scripts/";

std::string script_path(std::string_view name) {
    return name.starts_with('/') ? std::string(name) : std::string(scripts) + std::string(name);
}

Result<void> check_script(const std::string& path, std::string_view label) {
    if (access(path.c_str(), X_OK) == 0) return {};
    if (errno == EACCES)
        return fail(fmt::format("{}: the hotplug script '{}' is not executable", label, path), "chmod +x " + path);
    return fail(fmt::format("{}: no hotplug script '{}'", label, path),
                "install xen-utils-common, or name another with script=");
}

Result<void> check_driver(std::string_view kind, std::string_view module, std::string_view label) {
    auto path = fmt::format("/sys/bus/xen-backend/drivers/{}", kind);
    if (access(path.c_str(), F_OK) == 0) return {};
    return fail(fmt::format("{}: the kernel has no back end for it", label),
                fmt::format("load its module: modprobe {}", module));
}

/// Name of a format as the back end's nodes have it, which is libxl's way.
std::string_view model_format(config::Format format) { return format == config::Format::raw ? "aio" : name(format); }

/// Whether QEMU serves the disk: what is not raw, or by the user's wish.
Result<bool> needs_device_model(const config::Disk& disk, const Device& device) {
    bool raw = disk.format == config::Format::raw || disk.format == config::Format::empty;
    if (disk.backend == config::Backend::tap)
        return fail(fmt::format("{}: there is no backendtype tap any more", device.label),
                    "leave backendtype away, or use qdisk");
    if (raw || disk.backend == config::Backend::standalone) return disk.backend == config::Backend::qdisk;
    if (disk.backend == config::Backend::phy || !disk.script.empty())
        return fail(fmt::format("{}: {} needs QEMU, but {} is for raw disks", device.label, name(disk.format),
                                disk.script.empty() ? "backendtype=phy" : "script="),
                    "leave that away");
    return true;
}

Result<DomId> backend_domain(Session& session, const std::string& name) {
    return name.empty() ? Result<DomId>(DomId{0}) : session.existing(name);
}

/// Whether the target can be served by the kernel's block back end.
Result<void> check_target(const config::Disk& disk, std::string_view label) {
    struct stat status{};
    if (stat(disk.target.c_str(), &status) != 0)
        return fail(fmt::format("{}: '{}': {}", label, disk.target, std::strerror(errno)), "check the path in disk=");
    if (!S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode))
        return fail(fmt::format("{}: '{}' is neither a file nor a block device", label, disk.target));
    if (S_ISREG(status.st_mode) && status.st_size == 0)
        return fail(fmt::format("{}: '{}' is empty", label, disk.target), "make it larger: truncate -s 2G FILE");
    return {};
}

/// What can be known of a disk that domain 0 serves before anything exists.
Result<void> check_disk(const config::Disk& disk, const Device& device, bool by_model, bool scripted) {
    if (!scripted && !disk.target.empty()) TRY(check_target(disk, device.label));
    if (!by_model) TRY(check_driver("vbd", "xen-blkback", device.label));
    if (device.setup == Setup::script) TRY(check_script(device.script, device.label));
    if (!by_model) return {};
    auto found = check_device_model();
    if (!found)
        return std::unexpected(
            in(fmt::format("{}: format {}", device.label, name(disk.format)), std::move(found).error()));
    return {};
}

/// Whether an interface with address translation can be what it is to be.
Result<void> check_translation(const std::vector<host::Address>& guests, const config::Vif& vif,
                               std::string_view label) {
    for (auto& guest : guests) {
        if (guest.v6)
            return fail(fmt::format("{}: '{}': vif-nat translates IPv4 only", label, print(guest)),
                        "give an IPv6 address to an interface with script=vif-route or vif-bridge");
        if (guest.bytes[3] > 128)
            return fail(
                fmt::format("{}: '{}' leaves no room for its gateway, which is 127 higher", label, print(guest)),
                "use 10.x.y.1 to 10.x.y.128");
    }
    if (guests.size() > 1)
        return fail(fmt::format("{}: vif-nat translates one address, but ip= has {}", label, guests.size()),
                    "use an interface for each");
    if (vif.gateway_device.contains('"')) // which nft's language has no way to write
        return fail(fmt::format("{}: no interface of this name can translate: '{}'", label, vif.gateway_device),
                    "rename it: ip link set OLD name NEW");
    return {};
}

/// The plan of an interface that is joined to the network without a script.
Result<VifPlan> make_plan(const config::Vif& vif, const Device& device, VifPlan::Way way, const std::string& bridge) {
    VifPlan plan{.way = way,
                 .name = vif.name,
                 .bridge = way == VifPlan::Way::bridge ? bridge : "",
                 .gateway = vif.gateway_device,
                 .ip = vif.ip};
    plan.mtu = vif.mtu.value_or(way == VifPlan::Way::bridge ? host::link_mtu(bridge).value_or(0) : 0);
    if (way == VifPlan::Way::bridge) return plan;
    auto targets = route_targets(plan);
    if (!targets) return std::unexpected(in(device.label, std::move(targets).error()));
    if (way == VifPlan::Way::nat) TRY(check_translation(*targets, vif, device.label));
    bool needs_address = way == VifPlan::Way::nat ? !vif.gateway_device.empty() : routes_ipv4(*targets);
    if (!needs_address) return plan;
    auto out = vif.gateway_device.empty() ? host::default_link() : vif.gateway_device;
    auto ours = host::link_address(out);
    if (!ours) return std::unexpected(in(device.label, std::move(ours).error()));
    return plan;
}

} // namespace

Result<Device> make_disk(Session& session, DomId front, const config::Disk& disk) {
    Device device;
    device.kind = "vbd";
    device.front = front;
    device.id = disk.number;
    device.label = fmt::format("disk '{}'", disk.vdev);
    device.back = TRY(backend_domain(session, disk.backend_domain));
    auto& settings = *TRY(session.settings());
    bool empty = disk.format == config::Format::empty;
    bool by_model = TRY(needs_device_model(disk, device));
    if (by_model) device.back_kind = "qdisk";
    bool scripted = !disk.script.empty() && (disk.script != "block" || !settings.native_hotplug);
    bool ours = device.back.value == 0 && disk.backend != config::Backend::standalone;
    if (!ours || by_model || empty) device.setup = Setup::none;
    else if (!settings.run_hotplug_scripts) device.setup = Setup::none; // udev does it
    else device.setup = scripted || !settings.native_hotplug ? Setup::script : Setup::native;
    if (!by_model && !empty) device.script = script_path(disk.script.empty() ? "block" : disk.script);
    // Stock tools run what stands here when they destroy the domain; a file's loop device goes by itself.
    if (device.setup == Setup::native) device.script = "/bin/true";
    if (ours) TRY(check_disk(disk, device, by_model, scripted));
    if (ours && !empty && (by_model || device.setup == Setup::native))
        device.source = DiskSource{disk.target, disk.writable, disk.force};
    bool discard = disk.writable && disk.discard.value_or(true);
    std::string mode = disk.writable ? disk.force ? "w!" : "w" : "r";
    device.back_nodes = {
        {"params", by_model ? fmt::format("{}:{}", model_format(disk.format), disk.target) : disk.target}};
    if (!by_model) device.back_nodes.push_back({"script", device.script});
    device.back_nodes.insert(device.back_nodes.end(), {{"frontend-id", std::to_string(front.value)},
                                                       {"online", "1"},
                                                       {"removable", disk.cdrom ? "1" : "0"},
                                                       {"bootable", "1"},
                                                       {"state", "1"},
                                                       {"dev", disk.vdev},
                                                       {"type", by_model ? "qdisk" : "phy"},
                                                       {"mode", mode},
                                                       {"device-type", disk.cdrom ? "cdrom" : "disk"},
                                                       {"discard-enable", discard ? "1" : "0"},
                                                       {"specification", "xen"}});
    if (disk.direct_io_safe) device.back_nodes.push_back({"direct-io-safe", "1"});
    device.front_nodes = {{"virtual-device", std::to_string(disk.number)},
                          {"device-type", disk.cdrom ? "cdrom" : "disk"},
                          {"trusted", disk.trusted.value_or(true) ? "1" : "0"}};
    return device;
}

Result<Device> make_vif(Session& session, DomId front, const config::Vif& vif, unsigned devid) {
    Device device;
    device.kind = "vif";
    device.front = front;
    device.id = devid;
    device.label = fmt::format("interface {}", devid);
    device.back = TRY(backend_domain(session, vif.backend));
    auto& settings = *TRY(session.settings());
    device.script = script_path(vif.script.empty() ? "vif-bridge" : vif.script);
    auto way = settings.native_hotplug ? native_way(vif.script) : std::nullopt;
    bool bridged = device.script.ends_with("/vif-bridge");
    auto bridge = vif.bridge.empty() && bridged ? std::string("xenbr0") : vif.bridge;
    if (device.back.value == 0) {
        TRY(check_driver("vif", "xen-netback", device.label));
        if (settings.run_hotplug_scripts) device.setup = way ? Setup::native : Setup::script; // else udev does it
        if (device.setup == Setup::script) TRY(check_script(device.script, device.label));
        if (bridged && access(("/sys/class/net/" + bridge + "/bridge").c_str(), F_OK) != 0)
            return fail(fmt::format("{}: there is no bridge '{}'", device.label, bridge),
                        fmt::format("make it: ip link add {} type bridge && ip link set {} up", bridge, bridge));
        if (!vif.name.empty() && host::link_index(vif.name))
            return fail(fmt::format("{}: there is an interface '{}' already", device.label, vif.name),
                        "choose another vifname");
        if (device.setup == Setup::native) device.plan = TRY(make_plan(vif, device, *way, bridge));
    }
    device.back_nodes = {
        {"frontend-id", std::to_string(front.value)}, {"online", "1"}, {"state", "1"}, {"script", device.script}};
    if (!vif.name.empty()) device.back_nodes.push_back({"vifname", vif.name});
    device.back_nodes.push_back({"mac", config::print(*vif.mac)});
    if (!vif.ip.empty()) device.back_nodes.push_back({"ip", vif.ip});
    if (!vif.gateway_device.empty()) device.back_nodes.push_back({"gatewaydev", vif.gateway_device});
    if (vif.rate)
        device.back_nodes.push_back(
            {"rate", fmt::format("{},{}", vif.rate->bytes_per_interval, vif.rate->interval_us)});
    if (!bridge.empty()) device.back_nodes.push_back({"bridge", bridge});
    if (vif.mtu) device.back_nodes.push_back({"mtu", std::to_string(*vif.mtu)});
    device.back_nodes.insert(device.back_nodes.end(),
                             {{"handle", std::to_string(devid)}, {"type", "vif"}, {"hotplug-status", ""}});
    device.front_nodes = {{"handle", std::to_string(devid)},
                          {"mac", config::print(*vif.mac)},
                          {"trusted", vif.trusted.value_or(true) ? "1" : "0"}};
    auto mtu = device.plan ? device.plan->mtu : vif.mtu.value_or(0);
    if (mtu) device.front_fixed.push_back({"mtu", std::to_string(mtu)});
    device.script_environment = {{"vif", fmt::format("vif{}.{}", front.value, devid)}, {"netdev", vif.gateway_device}};
    return device;
}

Result<std::vector<Device>> make_vfb(DomId front, const config::Vfb& vfb, unsigned devid) {
    Device screen;
    screen.kind = "vfb";
    screen.front = front;
    screen.id = devid;
    screen.label = fmt::format("frame buffer {}", devid);
    auto found = check_device_model();
    if (!found) return std::unexpected(in(screen.label, std::move(found).error()));
    Device input = screen;
    input.kind = "vkbd";
    input.label = fmt::format("keyboard {}", devid);
    screen.screen = vfb;
    auto bit = [](bool value) { return std::string(value ? "1" : "0"); };
    const Nodes common = {{"frontend-id", std::to_string(front.value)}, {"online", "1"}, {"state", "1"}};
    input.back_nodes = screen.back_nodes = common;
    auto add = [&](std::string key, std::string value) {
        if (!value.empty()) screen.back_nodes.emplace_back(std::move(key), std::move(value));
    };
    add("vnc", bit(vfb.shows_vnc()));
    if (vfb.shows_vnc()) add("vnclisten", vfb.listen.empty() ? vfb.address() : vfb.listen);
    // The password is told to QEMU alone: these nodes are the guest's to read.
    add("vncdisplay", std::to_string(vfb.vnc_display.value_or(0)));
    add("vncunused", bit(vfb.seeks_display()));
    add("sdl", bit(vfb.sdl.value_or(false)));
    add("opengl", bit(vfb.opengl.value_or(false)));
    add("xauthority", vfb.x_authority);
    add("display", vfb.x_display);
    return std::vector{std::move(screen), std::move(input)};
}

} // namespace domain
