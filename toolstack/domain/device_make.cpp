// SPDX-License-Identifier: Apache-2.0
// From a disk or interface specification to a device and its nodes.
#include "domain/device.hpp"

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
    if (errno == EACCES) return fail(fmt::format("{}: the hotplug script '{}' is not executable", label, path), "chmod +x " + path);
    return fail(fmt::format("{}: no hotplug script '{}'", label, path), "install xen-utils-common, or name another with script=");
}

Result<void> check_driver(std::string_view kind, std::string_view module, std::string_view label) {
    auto path = fmt::format("/sys/bus/xen-backend/drivers/{}", kind);
    if (access(path.c_str(), F_OK) == 0) return {};
    return fail(fmt::format("{}: the kernel has no back end for it", label), fmt::format("load its module: modprobe {}", module));
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

} // namespace

Result<Device> make_disk(Session& session, DomId front, const config::Disk& disk) {
    Device device;
    device.kind = "vbd";
    device.front = front;
    device.id = disk.number;
    device.label = fmt::format("disk '{}'", disk.vdev);
    device.back = TRY(backend_domain(session, disk.backend_domain));
    if (disk.format != config::Format::raw && disk.format != config::Format::empty)
        return fail(fmt::format("{}: format {} is not supported yet", device.label, name(disk.format)),
                    "convert it: qemu-img convert -O raw");
    if (disk.backend == config::Backend::qdisk || disk.backend == config::Backend::tap)
        return fail(fmt::format("{}: backendtype {} is not supported yet", device.label, name(disk.backend)), "leave backendtype away");
    device.script = script_path(disk.script.empty() ? "block" : disk.script);
    if (disk.format == config::Format::empty) device.script.clear();
    if (device.back.value == 0 && disk.backend != config::Backend::standalone) {
        TRY(check_driver("vbd", "xen-blkback", device.label));
        if (disk.script.empty() && !disk.target.empty()) TRY(check_target(disk, device.label));
        if (!device.script.empty()) TRY(check_script(device.script, device.label));
    }
    bool discard = disk.writable && disk.discard.value_or(true);
    std::string mode = disk.writable ? disk.force ? "w!" : "w" : "r";
    device.back_nodes = {{"params", disk.target},
                         {"script", device.script},
                         {"frontend-id", std::to_string(front.value)},
                         {"online", "1"},
                         {"removable", disk.cdrom ? "1" : "0"},
                         {"bootable", "1"},
                         {"state", "1"},
                         {"dev", disk.vdev},
                         {"type", "phy"},
                         {"mode", mode},
                         {"device-type", disk.cdrom ? "cdrom" : "disk"},
                         {"discard-enable", discard ? "1" : "0"},
                         {"specification", "xen"}};
    if (disk.direct_io_safe) device.back_nodes.push_back({"direct-io-safe", "1"});
    device.front_nodes = {{"virtual-device", std::to_string(disk.number)},
                          {"device-type", disk.cdrom ? "cdrom" : "disk"},
                          {"trusted", disk.trusted.value_or(true) ? "1" : "0"}};
    if (device.back.value != 0) device.script.clear(); // the driver domain runs its own
    return device;
}

Result<Device> make_vif(Session& session, DomId front, const config::Vif& vif, unsigned devid) {
    Device device;
    device.kind = "vif";
    device.front = front;
    device.id = devid;
    device.label = fmt::format("interface {}", devid);
    device.back = TRY(backend_domain(session, vif.backend));
    device.script = script_path(vif.script.empty() ? "vif-bridge" : vif.script);
    bool bridged = device.script.ends_with("/vif-bridge");
    auto bridge = vif.bridge.empty() && bridged ? std::string("xenbr0") : vif.bridge;
    if (device.back.value == 0) {
        TRY(check_driver("vif", "xen-netback", device.label));
        TRY(check_script(device.script, device.label));
        if (bridged && access(("/sys/class/net/" + bridge + "/bridge").c_str(), F_OK) != 0)
            return fail(fmt::format("{}: there is no bridge '{}'", device.label, bridge),
                        fmt::format("make it: ip link add {} type bridge && ip link set {} up", bridge, bridge));
    }
    device.back_nodes = {{"frontend-id", std::to_string(front.value)}, {"online", "1"}, {"state", "1"},
                         {"script", device.script}};
    if (!vif.name.empty()) device.back_nodes.push_back({"vifname", vif.name});
    device.back_nodes.push_back({"mac", config::print(*vif.mac)});
    if (!vif.ip.empty()) device.back_nodes.push_back({"ip", vif.ip});
    if (!vif.gateway_device.empty()) device.back_nodes.push_back({"gatewaydev", vif.gateway_device});
    if (vif.rate)
        device.back_nodes.push_back({"rate", fmt::format("{},{}", vif.rate->bytes_per_interval, vif.rate->interval_us)});
    if (!bridge.empty()) device.back_nodes.push_back({"bridge", bridge});
    device.back_nodes.insert(device.back_nodes.end(),
                             {{"handle", std::to_string(devid)}, {"type", "vif"}, {"hotplug-status", ""}});
    device.front_nodes = {{"handle", std::to_string(devid)},
                          {"mac", config::print(*vif.mac)},
                          {"trusted", vif.trusted.value_or(true) ? "1" : "0"}};
    if (vif.mtu) device.front_nodes.push_back({"mtu", std::to_string(*vif.mtu)});
    auto interface = vif.name.empty() ? fmt::format("vif{}.{}", front.value, devid) : vif.name;
    device.script_environment = {{"vif", interface}, {"netdev", vif.gateway_device}};
    if (device.back.value != 0) device.script.clear();
    return device;
}

} // namespace domain
