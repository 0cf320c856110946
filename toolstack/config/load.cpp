// SPDX-License-Identifier: Apache-2.0
// From settings to a checked guest configuration.
#include "config/load.hpp"

#include "base/text.hpp"
#include "config/check.hpp"
#include "config/parse.hpp"

#include <charconv>
#include <fmt/format.h>
#include <iterator>

namespace config {

using toolstack::fail;
using toolstack::Result;

namespace {

Result<void> load_identity(const Checked& in, std::string_view source, DomainConfig& out) {
    auto name = in.text("name");
    if (!name) return fail(fmt::format("{}: no name", source), "add a line such as: name = \"guest1\"");
    if (name->find('/') != std::string::npos || toolstack::to_unsigned(*name))
        return in.error("name", fmt::format("'{}' cannot be a domain's name", *name),
                        "use a name without '/' that is not a number");
    out.name = *name;
    if (auto uuid = in.text("uuid")) {
        auto parsed = parse_uuid(*uuid);
        if (!parsed) return in.error("uuid", std::move(parsed).error());
        out.uuid = *parsed;
    }
    if (auto builder = in.choice("builder")) {
        out.type = *builder == 2 ? GuestType::hvm : GuestType::pv;
        out.warnings.push_back(
            fmt::format("{}: builder is an old form; write type=\"{}\"", source, config::name(out.type)));
    }
    if (auto type = in.choice("type")) out.type = static_cast<GuestType>(*type);
    if (in.flag("pvshim"))
        return in.error("pvshim", "is not supported: there is no shim",
                        "leave it away: a PV kernel runs with type=\"pv\"");
    out.pool = in.text("pool").value_or("");
    return {};
}

Result<void> load_resources(const Checked& in, DomainConfig& out) {
    out.given = {in.number("memory").has_value(), in.number("maxmem").has_value(), in.number("vcpus").has_value(),
                 in.number("maxvcpus").has_value()};
    if (auto memory = in.number("memory")) out.memory_kib = static_cast<std::uint64_t>(*memory) * 1024;
    else if (auto most = in.number("maxmem")) out.memory_kib = static_cast<std::uint64_t>(*most) * 1024;
    out.max_memory_kib = out.memory_kib;
    if (auto most = in.number("maxmem")) {
        out.max_memory_kib = static_cast<std::uint64_t>(*most) * 1024;
        if (out.max_memory_kib < out.memory_kib)
            return in.error("maxmem", fmt::format("is {} MiB, less than memory, {} MiB", *most, out.memory_kib / 1024));
    }
    if (auto vcpus = in.number("vcpus")) out.vcpus = static_cast<unsigned>(*vcpus);
    out.max_vcpus = out.vcpus;
    if (auto most = in.number("maxvcpus")) {
        out.max_vcpus = static_cast<unsigned>(*most);
        if (!in.has("vcpus")) out.vcpus = out.max_vcpus;
        if (out.max_vcpus < out.vcpus)
            return in.error("maxvcpus", fmt::format("is {}, less than vcpus, {}", *most, out.vcpus));
    }
    if (auto weight = in.number("cpu_weight")) out.weight = static_cast<unsigned>(*weight);
    if (auto cap = in.number("cap")) out.cap = static_cast<unsigned>(*cap);
    for (auto key : {"cpus", "cpus_soft"}) {
        bool soft = std::string_view(key) == "cpus_soft";
        auto items = in.items(key);
        auto node_cpus = [](unsigned) -> Result<CpuSet> { return CpuSet{}; }; // syntax only, for now
        for (auto& item : items)
            if (auto set = parse_cpus(item, node_cpus); !set) return in.error(key, std::move(set).error());
        if (items.size() > out.max_vcpus && in.is_list(key))
            return in.error(key, fmt::format("has {} entries for {} virtual CPUs", items.size(), out.max_vcpus));
        (soft ? out.cpus_soft_per_vcpu : out.cpus_per_vcpu) = in.is_list(key);
        (soft ? out.cpus_soft : out.cpus) = std::move(items);
    }
    return {};
}

constexpr auto blanks = " \t\n";

void load_limits(const Checked& in, DomainConfig& out) {
    auto set = [&](std::string_view key, std::optional<std::uint32_t>& field) {
        if (auto value = in.number(key)) field = static_cast<std::uint32_t>(*value);
    };
    set("max_grant_frames", out.max_grant_frames);
    set("max_maptrack_frames", out.max_maptrack_frames);
    set("max_grant_version", out.max_grant_version);
    set("max_event_channels", out.max_event_channels);
    out.no_migrate = in.flag("nomigrate");
    out.driver_domain = in.flag("driver_domain");
    out.wants_pci = !in.items("pci").empty();
    out.suspend_evtchn_compat = in.flag("xend_suspend_evtchn_compat");
}

void load_actions(const Checked& in, DomainConfig& out) {
    auto set = [&](std::string_view key, Action& field) {
        if (auto word = in.choice(key)) field = static_cast<Action>(*word);
    };
    set("on_poweroff", out.on_poweroff);
    set("on_reboot", out.on_reboot);
    set("on_crash", out.on_crash);
    set("on_watchdog", out.on_watchdog);
    set("on_soft_reset", out.on_soft_reset);
}

Result<void> load_boot(const Checked& in, DomainConfig& out) {
    out.kernel = in.text("kernel").value_or("");
    out.ramdisk = in.text("ramdisk").value_or("");
    out.bootloader = in.text("bootloader").value_or("");
    for (auto& item : in.items("bootloader_args")) {
        if (in.is_list("bootloader_args")) out.bootloader_args.push_back(std::move(item));
        else
            for (std::size_t at = 0, end; (at = item.find_first_not_of(blanks, at)) != std::string::npos; at = end) {
                end = std::min(item.find_first_of(blanks, at), item.size());
                out.bootloader_args.push_back(item.substr(at, end - at));
            }
    }
    auto root = in.text("root"), extra = in.text("extra");
    if (auto line = in.text("cmdline")) {
        out.command_line = *line;
        if (root || extra) out.warnings.push_back("cmdline is given: root and extra are ignored");
    } else {
        if (root) out.command_line = "root=" + *root;
        if (extra) out.command_line += (out.command_line.empty() ? "" : " ") + *extra;
    }
    if (out.type != GuestType::hvm && out.kernel.empty() && out.bootloader.empty())
        return fail(fmt::format("guest '{}' has no kernel", out.name),
                    "add a line such as: kernel = \"/boot/vmlinuz\"");
    if (auto mode = in.choice("tsc_mode")) {
        if (*mode % 4 == 3) return in.error("tsc_mode", "native_paravirt is gone", "use native, or leave the key away");
        out.tsc_mode = static_cast<TscMode>(*mode % 4);
    }
    if (auto items = in.items("cpuid"); !items.empty()) {
        auto leaves = in.is_list("cpuid") ? parse_cpuid_leaves(items) : parse_cpuid(items[0]);
        if (!leaves) return in.error("cpuid", std::move(leaves.error().what), std::move(leaves.error().remedy));
        out.cpuid = std::move(*leaves);
    }
    out.local_time = in.flag("localtime");
    out.time_offset = static_cast<std::int32_t>(in.number("rtc_timeoffset").value_or(0));
    return {};
}

void load_hardware(const Checked& in, DomainConfig& out) {
    out.hardware.acpi = in.flag("acpi", true);
    out.hardware.hap = in.flag("hap", true);
    if (auto mib = in.number("shadow_memory"); mib && *mib)
        out.hardware.paging_memory_kib = static_cast<std::uint64_t>(*mib) * 1024;
}

/// "FIRST-LAST" or "FIRST" with separator '-', "FIRST,NUMBER" with ','; hexadecimal.
Result<Run> parse_run(std::string_view text, char separator, std::uint64_t limit) {
    auto number = [](std::string_view digits) -> std::optional<std::uint64_t> {
        std::uint64_t value = 0;
        auto trimmed = toolstack::trim(digits);
        if (trimmed.starts_with("0x")) trimmed.remove_prefix(2);
        auto [end, error] = std::from_chars(trimmed.data(), trimmed.data() + trimmed.size(), value, 16);
        return error == std::errc{} && end == trimmed.data() + trimmed.size() ? std::optional(value) : std::nullopt;
    };
    auto at = text.find(separator);
    auto first = number(text.substr(0, at));
    auto second = at == std::string_view::npos ? std::nullopt : number(text.substr(at + 1));
    bool range = separator == '-';
    if (range && at == std::string_view::npos) second = first;
    if (!first || !second || *first > limit || *second > limit || (range && *second < *first) ||
        (!range && *second == 0))
        return fail(fmt::format("has '{}'", text), range ? "write FIRST-LAST in hexadecimal, such as 3f8-3ff"
                                                         : "write FIRST_FRAME,NUMBER in hexadecimal");
    return Run{*first, range ? *second - *first + 1 : *second};
}

Result<void> load_rights(const Checked& in, DomainConfig& out) {
    constexpr std::uint64_t last_port = 0xffff, last_frame = (std::uint64_t{1} << 40) - 1;
    for (auto key : {"ioports", "iomem", "irqs"})
        if (out.type != GuestType::pv && !in.items(key).empty())
            out.warnings.push_back(
                fmt::format("{} is for guests of type pv: a guest of type {} has no use for it", key, name(out.type)));
    auto each = [&](const char* key, char separator, std::uint64_t limit, std::vector<Run>& runs) -> Result<void> {
        for (auto& item : in.items(key)) {
            auto run = parse_run(item, separator, limit);
            if (!run) return in.error(key, std::move(run.error().what), std::move(run.error().remedy));
            runs.push_back(*run);
        }
        return {};
    };
    TRY(each("ioports", '-', last_port, out.rights.ports));
    TRY(each("iomem", ',', last_frame, out.rights.frames));
    for (auto& item : in.items("irqs")) {
        auto number = toolstack::to_unsigned(toolstack::trim(item));
        if (!number || *number > 0xffff) return in.error("irqs", fmt::format("has '{}', which is no interrupt", item));
        out.rights.interrupts.push_back(static_cast<std::uint32_t>(*number));
    }
    return {};
}

Result<void> load_devices(const Checked& in, DomainConfig& out) {
    for (auto& item : in.items("disk")) {
        if (toolstack::trim(item).empty()) continue;
        auto disk = parse_disk(item);
        if (!disk) return in.error("disk", std::move(disk).error());
        for (auto& other : out.disks)
            if (other.number == disk->number) return in.error("disk", fmt::format("has '{}' twice", disk->vdev));
        out.disks.push_back(std::move(*disk));
    }
    for (auto& item : in.items("vif")) {
        auto vif = parse_vif(item, &out.warnings);
        if (!vif) return in.error("vif", std::move(vif).error());
        for (auto& other : out.vifs)
            if (vif->mac && other.mac == vif->mac)
                return in.error("vif", fmt::format("has the MAC address {} twice", print(*vif->mac)));
        out.vifs.push_back(std::move(*vif));
    }
    if (out.type == GuestType::hvm) return {}; // has a graphics card
    for (auto& item : in.items("vfb")) {
        auto vfb = parse_vfb(item, out.warnings);
        if (!vfb) return in.error("vfb", std::move(vfb).error());
        out.vfbs.push_back(std::move(*vfb));
    }
    return {};
}

/// Whether a key is set to what it is anyway: switched off, its default, or empty.
bool asks_nothing(const Key& key, const Value& value) {
    if (value.is_list()) return false;
    auto text = toolstack::trim(value.text);
    return text.empty() || text == "0" || text == key.fallback;
}

/// Keys that are understood but whose devices or guest kinds do not exist yet; those of HVM do not matter to PV.
void warn_later(std::span<const Setting> settings, std::string_view source, DomainConfig& out) {
    for (auto& setting : settings) {
        auto key = find_key(setting.key);
        bool idle = key && (key->use == Use::later || (key->use == Use::pvh && out.type == GuestType::pv));
        if (!idle || (setting.value.is_list() && setting.value.list.empty()) || asks_nothing(*key, setting.value))
            continue;
        out.warnings.push_back(fmt::format("{}: {} {}has no effect on a {} guest", place(setting, source), setting.key,
                                           key->use == Use::later ? "is not supported yet and " : "", name(out.type)));
    }
}

constexpr std::string_view type_names[] = {"pv", "pvh", "hvm"};
constexpr std::string_view action_names[] = {"destroy",          "restart",          "rename-restart", "preserve",
                                             "coredump-destroy", "coredump-restart", "soft-reset"};
constexpr std::string_view tsc_names[] = {"default", "always_emulate", "native"};

} // namespace

std::string_view name(GuestType type) { return type_names[static_cast<std::size_t>(type)]; }
std::string_view name(Action action) { return action_names[static_cast<std::size_t>(action)]; }
std::string_view name(TscMode mode) { return tsc_names[static_cast<std::size_t>(mode)]; }

Result<DomainConfig> load(std::span<const Setting> settings, std::string_view source) {
    DomainConfig out;
    auto in = TRY(Checked::make(settings, source, out.warnings));
    TRY(load_identity(in, source, out));
    TRY(load_resources(in, out));
    load_limits(in, out);
    load_actions(in, out);
    TRY(load_boot(in, out));
    load_hardware(in, out);
    TRY(load_rights(in, out));
    TRY(load_devices(in, out));
    warn_later(settings, source, out);
    return out;
}

Result<DomainConfig> load_text(std::string_view text, std::string_view source, std::span<const std::string> overrides) {
    auto settings = TRY(parse(text, source));
    for (auto& text_override : overrides) {
        auto more = TRY(parse(text_override, "command line", true));
        for (auto& setting : more) setting.typed = true;
        std::move(more.begin(), more.end(), std::back_inserter(settings));
    }
    auto merged = TRY(merge(std::move(settings), source));
    return load(merged, source);
}

} // namespace config
