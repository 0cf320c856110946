// SPDX-License-Identifier: Apache-2.0
// /etc/xen/xl.conf.
#include "config/host_settings.hpp"

#include "base/text.hpp"
#include "config/parse.hpp"

#include <fmt/format.h>
#include <initializer_list>
#include <utility>

namespace config {
namespace {

using toolstack::fail;
using toolstack::Result;

/// Keys of xl.conf(5) that have no effect here, and why. Who sets one hears of it.
constexpr std::pair<std::string_view, std::string_view> without_effect[] = {
    {"blkdev_start", "boot loaders read their disk's file or device itself: none is attached to domain 0"},
    {"remus.default.netbufscript", "Remus is not supported"},
    {"colo.default.proxyscript", "COLO is not supported"},
};

constexpr HostKey keys[] = {
    {"autoballoon", "\"on\", \"off\" or \"auto\"",
     "Whether domain 0 gives memory when a new guest needs more than is free. auto: unless dom0_mem= was given to the "
     "hypervisor. Domain 0 keeps what its programs use and 64 MiB more, and at least 128 MiB. Default: auto."},
    {"run_hotplug_scripts", "0 or 1", "0 leaves the host's side of devices to udev. Default: 1."},
    {"native_hotplug", "0 or 1",
     "0 runs the scripts block, vif-bridge, vif-route and vif-nat in place of doing the same natively. Other scripts, "
     "and those named by their whole path, are run in any case. Default: 1."},
    {"lockfile", "path", "Lock that keeps tools from taking the same memory or disk at once. Default: /var/lock/xl."},
    {"domid_policy", "\"xen\" or \"random\"", "Who chooses the id of a new domain. Default: xen, the next free one."},
    {"claim_mode", "0 or 1", "Reserve a guest's memory before it is built. Default: 1."},
    {"max_grant_frames", "number", "Default of the guest key of that name."},
    {"max_maptrack_frames", "number", "Default of the guest key of that name."},
    {"max_grant_version", "number", "Default of the guest key of that name."},
    {"vm.cpumask", "CPUs", "Only these physical CPUs run guests, whatever their cpus= says."},
    {"vm.pv.cpumask", "CPUs", "The same for PV guests."},
    {"vm.hvm.cpumask", "CPUs", "The same for HVM and PVH guests."},
    {"vif.default.bridge", "name", "Bridge of interfaces that name none. Default: xenbr0."},
    {"vif.default.script", "name or path", "Script of interfaces that name none. Default: vif-bridge."},
    {"vif.default.gatewaydev", "name", "The host's interface that routed and translated traffic goes through."},
    {"vif.default.backend", "domain", "Domain that serves interfaces that name none. Default: domain 0."},
    {"output_format", "\"json\"", "Form of long listings. \"sxp\" is not supported: a warning says so."},
    {"blkdev_start", "", "No effect, as boot loaders read their disk's file or device itself: a warning says so."},
    {"bootloader_restrict", "0 or 1",
     "Boot loaders run without root's rights, without a network, with mounts of their own and bounded in what they "
     "use; "
     "pygrub does so itself and shows no menu then. Other loaders need a disk that their user may read. Default: 0."},
    {"bootloader_user", "name",
     "The user that restricted boot loaders run as. Default: xen-bootloader or xen-qemuuser-shared, where there is "
     "one; "
     "without any, guests with a boot loader are refused."},
    {"remus.default.netbufscript", "", "No effect, as Remus is not supported: a warning says so."},
    {"colo.default.proxyscript", "", "No effect, as COLO is not supported: a warning says so."},
};

/// Index of a word in a list, or a failure that names the list.
Result<unsigned> choose(std::string_view value, std::initializer_list<std::string_view> words) {
    unsigned index = 0;
    std::string all;
    for (auto word : words) {
        if (word == value) return index;
        ++index;
        all += (all.empty() ? "" : ", ") + std::string(word);
    }
    return fail(fmt::format("cannot be '{}'", value), "choose from: " + all);
}

/// What to say of a key that does nothing.
std::string no_effect(std::string_view key) {
    for (auto& [name, reason] : without_effect)
        if (name == key) return fmt::format("{} has no effect: {}", key, reason);
    return fmt::format("unknown key '{}' ignored", key);
}

} // namespace

std::span<const HostKey> host_keys() { return keys; }

Result<CpuSet> HostSettings::allowed_cpus(bool pv) const {
    auto no_nodes = [](unsigned) -> Result<CpuSet> {
        return fail("a cpumask of xl.conf cannot name nodes", "write the CPUs' numbers");
    };
    CpuSet mask;
    mask.set();
    for (auto text : {&cpus, pv ? &cpus_pv : &cpus_hvm})
        if (!text->empty()) mask &= TRY(parse_cpus(*text, no_nodes));
    return mask;
}

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
        auto is = [&](std::string_view name, std::string_view old = "-") {
            return setting.key == name || setting.key == old;
        };
        auto number = [&]() -> Result<std::uint32_t> {
            auto parsed = toolstack::to_unsigned(value, 0);
            if (!parsed || *parsed > UINT32_MAX || setting.value.is_list())
                return fail(
                    fmt::format("{}:{}: {} must be a number, but is '{}'", source, setting.line, setting.key, value));
            return static_cast<std::uint32_t>(*parsed);
        };
        auto word = [&](std::initializer_list<std::string_view> words) -> Result<unsigned> {
            auto chosen = choose(value, words);
            if (!chosen)
                return std::unexpected(
                    in(fmt::format("{}:{}: {}", source, setting.line, setting.key), std::move(chosen).error()));
            return chosen;
        };
        if (is("vif.default.bridge", "defaultbridge")) out.bridge = value;
        else if (is("vif.default.script", "vifscript")) out.vif_script = value;
        else if (is("vif.default.gatewaydev")) out.gateway_device = value;
        else if (is("vif.default.backend")) out.vif_backend = value;
        else if (is("max_grant_frames")) out.max_grant_frames = TRY(number());
        else if (is("max_maptrack_frames")) out.max_maptrack_frames = TRY(number());
        else if (is("max_grant_version")) out.max_grant_version = TRY(number());
        else if (is("claim_mode")) out.claim = TRY(number()) != 0;
        else if (is("autoballoon"))
            out.autoballoon = static_cast<HostSettings::Autoballoon>(TRY(word({"off", "on", "auto", "0", "1"})) % 3);
        else if (is("run_hotplug_scripts")) out.run_hotplug_scripts = TRY(number()) != 0;
        else if (is("native_hotplug")) out.native_hotplug = TRY(number()) != 0;
        else if (is("bootloader_restrict")) out.bootloader_restrict = TRY(number()) != 0;
        else if (is("bootloader_user")) out.bootloader_user = value;
        else if (is("lockfile")) out.lock_file = value;
        else if (is("domid_policy")) out.random_ids = TRY(word({"xen", "random"})) == 1;
        else if (is("vm.cpumask")) out.cpus = value;
        else if (is("vm.pv.cpumask")) out.cpus_pv = value;
        else if (is("vm.hvm.cpumask")) out.cpus_hvm = value;
        else if (is("output_format")) {
            if (TRY(word({"json", "sxp"})) == 1)
                out.warnings.push_back(
                    fmt::format("{}:{}: output_format \"sxp\" is not supported: output is JSON", source, setting.line));
        } else out.warnings.push_back(fmt::format("{}:{}: {}", source, setting.line, no_effect(setting.key)));
    }
    return out;
}

} // namespace config
