// SPDX-License-Identifier: Apache-2.0
// /etc/xen/xl.conf.
#include "config/host_settings.hpp"

#include "base/text.hpp"
#include "config/parse.hpp"

#include <fmt/format.h>

namespace config {
namespace {

using toolstack::fail;
using toolstack::Result;

/// Keys that concern what is not built yet, or that this toolstack needs no setting for.
constexpr std::string_view without_effect[] = {"autoballoon", "run_hotplug_scripts", "domid_policy", "lockfile", "output_format", "blkdev_start", "vm.cpumask",
                                               "vm.hvm.cpumask", "vm.pv.cpumask", "remus.default.netbufscript", "colo.default.proxyscript"};

} // namespace

void HostSettings::apply(Vif& vif) const {
    if (vif.bridge.empty()) vif.bridge = bridge;
    if (vif.script.empty()) vif.script = vif_script;
    if (vif.gateway_device.empty()) vif.gateway_device = gateway_device;
    if (vif.backend.empty()) vif.backend = vif_backend;
}

Result<HostSettings> parse_host_settings(std::string_view text, std::string_view source) {
    HostSettings out;
    for (auto& setting : TRY(parse(text, source))) {
        auto& value = setting.value.text;
        auto is = [&](std::string_view name, std::string_view old = "-") { return setting.key == name || setting.key == old; };
        auto number = [&]() -> Result<std::uint32_t> {
            auto parsed = toolstack::to_unsigned(value, 0);
            if (!parsed || *parsed > UINT32_MAX || setting.value.is_list())
                return fail(fmt::format("{}:{}: {} must be a number, but is '{}'", source, setting.line, setting.key, value));
            return static_cast<std::uint32_t>(*parsed);
        };
        if (is("vif.default.bridge", "defaultbridge")) out.bridge = value;
        else if (is("vif.default.script", "vifscript")) out.vif_script = value;
        else if (is("vif.default.gatewaydev")) out.gateway_device = value;
        else if (is("vif.default.backend")) out.vif_backend = value;
        else if (is("max_grant_frames")) out.max_grant_frames = TRY(number());
        else if (is("max_maptrack_frames")) out.max_maptrack_frames = TRY(number());
        else if (is("max_grant_version")) out.max_grant_version = TRY(number());
        else if (is("claim_mode")) out.claim = TRY(number()) != 0;
        else {
            bool known = false;
            for (auto name : without_effect) known = known || setting.key == name;
            if (!known) out.warnings.push_back(fmt::format("{}:{}: unknown key '{}' ignored", source, setting.line, setting.key));
        }
    }
    return out;
}

} // namespace config
