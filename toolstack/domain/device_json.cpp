// SPDX-License-Identifier: Apache-2.0
// Devices in libxl's JSON. Members are in libxl's order; defaults are left out as its generator does.
#include "domain/device_json.hpp"

#include "config/devices/vdev.hpp"

#include <limits>

namespace domain {

using Json = nlohmann::ordered_json;

namespace {

std::string text_at(const Json& in, const char* key) {
    auto found = in.find(key);
    return found != in.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::optional<std::uint64_t> number_at(const Json& in, const char* key) {
    auto found = in.find(key);
    if (found == in.end() || !found->is_number_unsigned()) return std::nullopt;
    return found->get<std::uint64_t>();
}

/// libxl's defbool is "True" or "False"; its plain flags are numbers or booleans.
std::optional<bool> flag_at(const Json& in, const char* key) {
    auto found = in.find(key);
    if (found == in.end()) return std::nullopt;
    if (found->is_boolean()) return found->get<bool>();
    if (found->is_number_integer()) return found->get<std::int64_t>() != 0;
    if (*found == "True") return true;
    if (*found == "False") return false;
    return std::nullopt;
}

} // namespace

Json disk_json(const config::Disk& disk) {
    Json out;
    if (!disk.backend_domain.empty()) out["backend_domname"] = disk.backend_domain;
    if (!disk.target.empty()) out["pdev_path"] = disk.target;
    out["vdev"] = disk.vdev;
    if (disk.backend != config::Backend::chosen) out["backend"] = std::string(name(disk.backend));
    out["format"] =
        disk.format == config::Format::vmdk ? "unknown" : std::string(name(disk.format)); // libxl has no word for vmdk
    if (!disk.script.empty()) out["script"] = disk.script;
    if (disk.cdrom) out["removable"] = 1;
    if (disk.writable) out["readwrite"] = 1;
    if (disk.cdrom) out["is_cdrom"] = 1;
    if (disk.direct_io_safe) out["direct_io_safe"] = true;
    if (disk.discard) out["discard_enable"] = *disk.discard ? "True" : "False";
    out["colo_restore_enable"] = "False";
    return out;
}

Json vif_json(const config::Vif& vif, unsigned devid) {
    Json out;
    if (!vif.backend.empty()) out["backend_domname"] = vif.backend;
    out["devid"] = devid;
    if (vif.mtu) out["mtu"] = *vif.mtu;
    if (!vif.model.empty()) out["model"] = vif.model;
    if (vif.mac) out["mac"] = config::print(*vif.mac);
    if (!vif.ip.empty()) out["ip"] = vif.ip;
    out["bridge"] = vif.bridge.empty() ? "xenbr0" : vif.bridge;
    if (!vif.name.empty()) out["ifname"] = vif.name;
    if (!vif.script.empty()) out["script"] = vif.script;
    out["nictype"] = vif.emulated ? "vif_ioemu" : "vif";
    if (vif.rate) {
        out["rate_bytes_per_interval"] = vif.rate->bytes_per_interval;
        out["rate_interval_usecs"] = vif.rate->interval_us;
    }
    if (!vif.gateway_device.empty()) out["gatewaydev"] = vif.gateway_device;
    return out;
}

std::optional<config::Disk> disk_of_json(const Json& item) {
    if (!item.is_object()) return std::nullopt;
    config::Disk disk;
    disk.vdev = text_at(item, "vdev");
    auto number = config::vdev_number(disk.vdev);
    if (!number) return std::nullopt;
    disk.number = *number;
    disk.backend_domain = text_at(item, "backend_domname");
    disk.target = text_at(item, "pdev_path");
    disk.script = text_at(item, "script");
    auto format = text_at(item, "format"), backend = text_at(item, "backend");
    for (auto each : {config::Format::raw, config::Format::qcow, config::Format::qcow2, config::Format::qed,
                      config::Format::vhd, config::Format::empty})
        if (format == name(each)) disk.format = each;
    for (auto each : {config::Backend::phy, config::Backend::qdisk, config::Backend::tap, config::Backend::standalone})
        if (backend == name(each)) disk.backend = each;
    disk.cdrom = flag_at(item, "is_cdrom").value_or(false);
    disk.writable = flag_at(item, "readwrite").value_or(false);
    disk.direct_io_safe = flag_at(item, "direct_io_safe").value_or(false);
    disk.discard = flag_at(item, "discard_enable");
    return disk;
}

std::optional<config::Vif> vif_of_json(const Json& item) {
    if (!item.is_object()) return std::nullopt;
    config::Vif vif;
    vif.backend = text_at(item, "backend_domname");
    vif.bridge = text_at(item, "bridge");
    vif.ip = text_at(item, "ip");
    vif.name = text_at(item, "ifname");
    vif.script = text_at(item, "script");
    vif.gateway_device = text_at(item, "gatewaydev");
    vif.model = text_at(item, "model");
    if (auto mac = text_at(item, "mac"); !mac.empty()) {
        auto parsed = config::parse_mac(mac);
        if (!parsed) return std::nullopt;
        vif.mac = *parsed;
    }
    constexpr auto most = std::numeric_limits<std::uint32_t>::max();
    if (auto devid = number_at(item, "devid"); devid && *devid < most) vif.devid = static_cast<unsigned>(*devid);
    if (auto mtu = number_at(item, "mtu"); mtu && *mtu && *mtu < most) vif.mtu = static_cast<unsigned>(*mtu);
    auto bytes = number_at(item, "rate_bytes_per_interval"), interval = number_at(item, "rate_interval_usecs");
    if (bytes && *bytes && interval && *interval && *interval < most)
        vif.rate = config::Rate{*bytes, static_cast<std::uint32_t>(*interval)};
    return vif;
}

} // namespace domain
