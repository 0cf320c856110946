// SPDX-License-Identifier: Apache-2.0
// Configurations in libxl's JSON form. Members are in libxl's order; defaults are left out as its generator does.
#include "domain/config_json.hpp"

#include "domain/device_json.hpp"
#include "domain/json_text.hpp"

namespace domain {

using Json = nlohmann::ordered_json;
using config::DomainConfig;

namespace {

Json vfb_json(const config::Vfb& vfb, unsigned devid) {
    auto flag = [](Json& in, const char* key, std::optional<bool> value) {
        if (value) in[key] = *value ? "True" : "False";
    };
    auto text = [](Json& in, const char* key, const std::string& value) {
        if (!value.empty()) in[key] = value;
    };
    Json vnc = Json::object(), sdl = Json::object();
    flag(vnc, "enable", vfb.vnc);
    text(vnc, "listen", vfb.listen);
    text(vnc, "passwd", vfb.password);
    if (vfb.vnc_display) vnc["display"] = *vfb.vnc_display;
    flag(vnc, "findunused", vfb.find_unused);
    flag(sdl, "enable", vfb.sdl);
    flag(sdl, "opengl", vfb.opengl);
    text(sdl, "display", vfb.x_display);
    text(sdl, "xauthority", vfb.x_authority);
    Json out = {{"devid", devid}, {"vnc", std::move(vnc)}, {"sdl", std::move(sdl)}};
    text(out, "keymap", vfb.keymap);
    return out;
}

/// The numbers in each set.
Json sets_json(const std::vector<config::CpuSet>& sets) {
    Json out = Json::array();
    for (auto& set : sets) {
        Json numbers = Json::array();
        for (std::size_t i = 0; i < set.size(); ++i)
            if (set[i]) numbers.push_back(i);
        out.push_back(std::move(numbers));
    }
    return out;
}

Json cpuid_json(const std::vector<config::CpuidLeaf>& leaves) {
    constexpr const char* names[] = {"eax", "ebx", "ecx", "edx"};
    Json list = Json::array();
    for (auto& leaf : leaves) {
        Json item = {{"leaf", leaf.leaf}};
        if (leaf.subleaf) item["subleaf"] = *leaf.subleaf;
        for (std::size_t i = 0; i < leaf.registers.size(); ++i)
            if (!leaf.registers[i].empty()) item[names[i]] = leaf.registers[i];
        list.push_back(std::move(item));
    }
    return {{"cpuid", std::move(list)}, {"msr", Json::array()}};
}

Json build_json(const DomainConfig& config) {
    Json info;
    info["max_vcpus"] = config.max_vcpus;
    info["avail_vcpus"] = Json::array();
    for (unsigned i = 0; i < config.vcpus; ++i) info["avail_vcpus"].push_back(i);
    if (!config.hard_affinity.empty()) info["vcpu_hard_affinity"] = sets_json(config.hard_affinity);
    if (!config.soft_affinity.empty()) info["vcpu_soft_affinity"] = sets_json(config.soft_affinity);
    if (config.tsc_mode != config::TscMode::automatic) info["tsc_mode"] = std::string(name(config.tsc_mode));
    info["max_memkb"] = config.max_memory_kib;
    info["target_memkb"] = config.memory_kib;
    info["video_memkb"] = 0;
    if (config.hardware.paging_memory_kib) info["shadow_memkb"] = *config.hardware.paging_memory_kib;
    if (config.time_offset) info["rtc_timeoffset"] = config.time_offset;
    if (config.local_time) info["localtime"] = "True";
    if (config.no_migrate) info["disable_migrate"] = "True";
    if (!config.cpuid.empty()) info["cpuid"] = cpuid_json(config.cpuid);
    if (config.max_grant_frames) info["max_grant_frames"] = *config.max_grant_frames;
    if (config.max_maptrack_frames) info["max_maptrack_frames"] = *config.max_maptrack_frames;
    if (config.max_grant_version) info["max_grant_version"] = *config.max_grant_version;
    info["sched_params"] = Json::object();
    if (config.weight) info["sched_params"]["weight"] = *config.weight;
    if (config.cap) info["sched_params"]["cap"] = *config.cap;
    for (auto& run : config.rights.ports) info["ioports"].push_back({{"first", run.first}, {"number", run.count}});
    if (!config.rights.interrupts.empty()) info["irqs"] = config.rights.interrupts;
    for (auto& run : config.rights.frames) info["iomem"].push_back({{"start", run.first}, {"number", run.count}});
    info["claim_mode"] = "True";
    if (config.max_event_channels) info["event_channels"] = *config.max_event_channels;
    if (!config.kernel.empty()) info["kernel"] = config.kernel;
    if (!config.command_line.empty()) info["cmdline"] = config.command_line;
    if (!config.ramdisk.empty()) info["ramdisk"] = config.ramdisk;
    if (!config.bootloader.empty()) info["bootloader"] = config.bootloader;
    if (!config.bootloader_args.empty()) info["bootloader_args"] = config.bootloader_args;
    info[config.type == config::GuestType::pvh ? "type.pvh" : "type.pv"] = Json::object();
    info["arch_arm"] = Json::object();
    info["arch_x86"] = {{"msr_relaxed", "False"}};
    return info;
}

std::string libxl_action(config::Action action) {
    if (action == config::Action::rename_restart) return "restart_rename"; // the file's "rename-restart"
    std::string text(name(action));
    for (auto& c : text)
        if (c == '-') c = '_';
    return text;
}

Json whole_json(const DomainConfig& config, const config::Uuid& uuid) {
    Json all;
    all["c_info"] = {{"type", std::string(name(config.type))},
                     {"name", config.name},
                     {"domid", 4294967295u}, // "not fixed", as libxl stores it
                     {"uuid", config::print(uuid)}};
    if (!config.pool.empty()) all["c_info"]["pool_name"] = config.pool;
    all["c_info"]["run_hotplug_scripts"] = "True";
    if (config.driver_domain) all["c_info"]["driver_domain"] = "True";
    all["b_info"] = build_json(config);
    for (auto& disk : config.disks) all["disks"].push_back(disk_json(disk));
    for (unsigned i = 0; i < config.vifs.size(); ++i)
        all["nics"].push_back(vif_json(config.vifs[i], config.vifs[i].devid.value_or(i)));
    for (unsigned i = 0; i < config.vfbs.size(); ++i) {
        all["vfbs"].push_back(vfb_json(config.vfbs[i], i));
        all["vkbs"].push_back({{"devid", i}});
    }
    auto action = [&](const char* key, config::Action value, config::Action fallback) {
        if (value != fallback) all[key] = libxl_action(value);
    };
    action("on_poweroff", config.on_poweroff, config::Action::destroy); // libxl leaves "destroy" out
    action("on_reboot", config.on_reboot, config::Action::destroy);
    action("on_watchdog", config.on_watchdog, config::Action::destroy);
    action("on_crash", config.on_crash, config::Action::destroy);
    action("on_soft_reset", config.on_soft_reset, config::Action::destroy);
    return all;
}

std::string printed(const Json& value) {
    std::string text;
    print_json(text, value, 0);
    return text + "\n";
}

/// A device without libxl's defaults.
Json bare(Json device, bool numbered) {
    device.erase("colo_restore_enable");
    if (!numbered) device.erase("devid");
    return device;
}

/// A vif's bridge is a default, too, unless it is named.
Json bare(const config::Vif& vif, unsigned devid, bool numbered) {
    auto device = bare(vif_json(vif, devid), numbered);
    if (vif.bridge.empty()) device.erase("bridge");
    if (!vif.typed) device.erase("nictype");
    return device;
}

} // namespace

std::string to_libxl_json(const DomainConfig& config, const config::Uuid& uuid) {
    return printed(whole_json(config, uuid));
}

std::string planned_json(const DomainConfig& config, const config::Uuid& uuid) {
    auto all = whole_json(config, uuid);
    all["c_info"].erase("domid");
    auto& build = all["b_info"];
    build.erase("video_memkb");
    if (!config.given.vcpus && !config.given.max_vcpus) build.erase("max_vcpus");
    if (!config.given.vcpus) build.erase("avail_vcpus");
    if (!config.given.memory && !config.given.max_memory) build.erase("max_memkb");
    if (!config.given.memory) build.erase("target_memkb");
    all["b_info"]["arch_x86"] = Json::object();
    for (std::size_t i = 0; i < config.disks.size(); ++i) all["disks"][i] = bare(disk_json(config.disks[i]), true);
    for (unsigned i = 0; i < config.vifs.size(); ++i)
        all["nics"][i] = bare(config.vifs[i], config.vifs[i].devid.value_or(i), true);
    return printed(all);
}

std::string planned_json(const config::Disk& disk) { return printed(bare(disk_json(disk), false)); }
std::string planned_json(const config::Vif& vif) { return printed(bare(vif, 0, false)); }

std::string pretty_json(const std::string& text) {
    auto value = Json::parse(text, nullptr, false);
    if (value.is_discarded()) return text;
    std::string out;
    print_json(out, value, 0);
    return out;
}

} // namespace domain
