// SPDX-License-Identifier: Apache-2.0
// The configuration kept for a running domain.
#include "domain/stored_config.hpp"

#include "base/text.hpp"
#include "config/devices/vdev.hpp"
#include "config/load.hpp"
#include "config/parse.hpp"
#include "domain/config_json.hpp"
#include "domain/device_json.hpp"
#include "domain/domains.hpp"
#include "domain/json_text.hpp"
#include "domain/userdata.hpp"

#include <algorithm>
#include <ctime>
#include <fmt/format.h>

namespace domain {
namespace {

using Json = nlohmann::ordered_json;
using config::Setting;
using config::Value;

constexpr std::string_view document = "proxenos-config", libxl_file = "libxl-json";
constexpr std::string_view statements = "xl"; ///< what older tools kept in the document's place; never written
constexpr unsigned version = 1;
constexpr unsigned deepest = 8; ///< lists within lists

Result<config::Uuid> uuid_of(Session& session, DomId id) { return Listed{TRY(session.info(id)), {}}.uuid(); }

/// Which text a file had: FNV-1a, 64 bits. Nobody's security stands on it.
std::string digest(std::string_view text) {
    std::uint64_t hash = 0xcbf29ce484222325;
    for (unsigned char byte : text) hash = (hash ^ byte) * 0x100000001b3;
    return fmt::format("{:016x}", hash);
}

/// A text; JSON has no bytes that are no characters, but paths and names have.
Json text_json(const std::string& text) {
    if (std::ranges::all_of(text, [](unsigned char byte) { return byte < 0x80; })) return text;
    std::string hex;
    for (unsigned char byte : text) hex += fmt::format("{:02x}", byte);
    return {{"bytes", hex}};
}

std::optional<std::string> text_of(const Json& json) {
    if (json.is_string()) return json.get<std::string>();
    if (!json.is_object() || !json.contains("bytes") || !json["bytes"].is_string()) return std::nullopt;
    auto hex = json["bytes"].get<std::string>();
    std::string text;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
        auto byte = toolstack::to_unsigned(std::string_view(hex).substr(i, 2), 16);
        if (!byte) return std::nullopt;
        text += static_cast<char>(*byte);
    }
    return text;
}

Json value_json(const Value& value) {
    if (!value.is_list()) return text_json(value.text);
    Json out = Json::array();
    for (auto& item : value.list) out.push_back(value_json(item));
    return out;
}

std::optional<Value> value_of(const Json& json, unsigned depth = 0) {
    Value value;
    if (auto text = text_of(json)) {
        value.text = std::move(*text);
        return value;
    }
    if (!json.is_array() || depth == deepest) return std::nullopt;
    value.kind = Value::Kind::list;
    for (auto& item : json) {
        auto inner = value_of(item, depth + 1);
        if (!inner) return std::nullopt;
        value.list.push_back(std::move(*inner));
    }
    return value;
}

Setting* find(std::vector<Setting>& settings, std::string_view key) {
    auto found = std::ranges::find(settings, key, &Setting::key);
    return found == settings.end() ? nullptr : &*found;
}

void set(std::vector<Setting>& settings, std::string_view key, Value value) {
    if (auto there = find(settings, key)) there->value = std::move(value);
    else settings.push_back({.key = std::string(key), .value = std::move(value)});
}

/// The items of a list of specifications, parsed; those that cannot be are left out.
template <class Parse> auto items_of(std::vector<Setting>& settings, std::string_view key, Parse parse) {
    std::vector<typename decltype(parse(std::string_view()))::value_type> out;
    auto setting = find(settings, key);
    if (!setting) return out;
    for (auto& item : setting->value.list)
        if (auto parsed = parse(item.text)) out.push_back(std::move(*parsed));
    return out;
}

Result<config::Vif> read_vif(std::string_view text) { return config::parse_vif(text); }

template <class Items> void set_items(std::vector<Setting>& settings, std::string_view key, const Items& items) {
    Value list{.kind = Value::Kind::list};
    for (auto& item : items) list.list.push_back({.text = config::print(item)});
    set(settings, key, std::move(list));
}

bool is_disk(const Json& item, std::uint32_t number) {
    auto disk = disk_of_json(item);
    return disk && disk->number == number;
}

bool is_vif(const Json& item, unsigned devid) {
    auto vif = vif_of_json(item);
    return vif && vif->devid == devid;
}

void erase_where(Json& json, const char* list, auto matches) {
    auto found = json.find(list);
    if (found == json.end() || !found->is_array()) return;
    Json kept = Json::array();
    for (auto& item : *found)
        if (!matches(item)) kept.push_back(item);
    if (kept.empty()) json.erase(list);
    else json[list] = std::move(kept);
}

/// libxl's order of members; a list that appears later must not end up behind the actions.
void reorder(Json& json) {
    Json sorted = Json::object();
    for (auto key : {"c_info", "b_info", "disks", "nics", "vfbs", "vkbs"})
        if (json.contains(key)) sorted[key] = json[key];
    for (auto item = json.begin(); item != json.end(); ++item)
        if (!sorted.contains(item.key())) sorted[item.key()] = *item;
    json = std::move(sorted);
}

/// libxl's JSON with the change; the same text where it is no JSON.
std::string changed(const std::string& text, const DeviceChange& change) {
    auto json = Json::parse(text, nullptr, false);
    if (!json.is_object()) return text;
    auto number = change.disk ? std::optional(change.disk->number) : change.gone_disk;
    if (number) erase_where(json, "disks", [&](auto& item) { return is_disk(item, *number); });
    auto devid = change.vif ? change.vif->devid : change.gone_vif;
    if (devid) erase_where(json, "nics", [&](auto& item) { return is_vif(item, *devid); });
    if (change.disk) json["disks"].push_back(disk_json(*change.disk));
    if (change.vif) json["nics"].push_back(vif_json(*change.vif, change.vif->devid.value_or(0)));
    reorder(json);
    std::string out;
    print_json(out, json, 0);
    return out + "\n";
}

void apply(std::vector<Setting>& settings, const DeviceChange& change) {
    if (change.disk || change.gone_disk) {
        auto disks = items_of(settings, "disk", config::parse_disk);
        auto number = change.disk ? change.disk->number : *change.gone_disk;
        std::erase_if(disks, [&](auto& disk) { return disk.number == number; });
        if (change.disk) disks.push_back(*change.disk);
        set_items(settings, "disk", disks);
    }
    if (change.vif || change.gone_vif) {
        auto vifs = items_of(settings, "vif", read_vif);
        auto devid = change.vif ? change.vif->devid : change.gone_vif;
        std::erase_if(vifs, [&](auto& vif) { return vif.devid == devid; });
        if (change.vif) vifs.push_back(*change.vif);
        set_items(settings, "vif", vifs);
    }
}

bool is_kept(DomId id, const config::Uuid& uuid) {
    return load_userdata(id, uuid, document) || load_userdata(id, uuid, statements);
}

/// Of a guest that older tools made. They did not note which of libxl's texts was theirs: what that says counts.
Result<Kept> load_older(DomId id, const config::Uuid& uuid) {
    auto text = load_userdata(id, uuid, statements);
    if (!text)
        return fail(fmt::format("no configuration is kept for domain {}", id.value), "was it made by another tool?");
    auto kept = TRY(parse_kept_statements(*text));
    if (auto libxl = load_userdata(id, uuid, libxl_file)) take_over(kept.settings, *libxl);
    return kept;
}

Result<Kept> load_kept(DomId id, const config::Uuid& uuid) {
    auto text = load_userdata(id, uuid, document);
    if (!text) return load_older(id, uuid);
    auto kept = TRY(parse_kept(*text));
    auto libxl = load_userdata(id, uuid, libxl_file);
    auto json = Json::parse(*text, nullptr, false);
    auto same = [&](const char* key) { return json["libxl"].is_object() && json["libxl"][key] == digest(*libxl); };
    if (libxl && !same("now") && !same("before")) take_over(kept.settings, *libxl);
    return kept;
}

Result<void> save(DomId id, const config::Uuid& uuid, const Kept& kept, const std::string& libxl,
                  const std::string& before) {
    // The document first: a crash between the two leaves libxl's file as it was "before", which is no change of others.
    TRY(save_userdata(id, uuid, document, print(kept, libxl, before)));
    if (libxl.empty()) return {}; // there was none
    return save_userdata(id, uuid, libxl_file, libxl);
}

} // namespace

std::int64_t boot_seconds() {
    timespec now{};
    clock_gettime(CLOCK_BOOTTIME, &now);
    return now.tv_sec;
}

std::string print(const Kept& kept, std::string_view libxl, std::string_view before) {
    Json settings = Json::object();
    for (auto& setting : kept.settings) settings[setting.key] = value_json(setting.value);
    Json all = {{"version", version},
                {"settings", std::move(settings)},
                {"started", kept.started},
                {"quick", kept.quick},
                {"libxl", {{"now", digest(libxl)}, {"before", digest(before)}}}};
    return all.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<Kept> parse_kept(std::string_view text) {
    auto json = Json::parse(text, nullptr, false);
    if (!json.is_object() || !json.contains("version") || !json["version"].is_number_unsigned() ||
        !json.contains("settings") || !json["settings"].is_object())
        return fail("the configuration kept for it cannot be read", "xl config-update DOMAIN FILE replaces it");
    if (json["version"] != version)
        return fail(fmt::format("the configuration kept for it has version {}, these tools know {}",
                                json["version"].dump(), version),
                    "use newer tools, or replace it: xl config-update DOMAIN FILE");
    Kept kept;
    for (auto item = json["settings"].begin(); item != json["settings"].end(); ++item) {
        auto value = value_of(*item);
        if (!value) return fail(fmt::format("the configuration kept for it has a bad value of '{}'", item.key()));
        kept.settings.push_back({.key = item.key(), .value = std::move(*value)});
    }
    auto number = [&](const char* key) -> std::int64_t {
        return json.contains(key) && json[key].is_number_integer() ? json[key].get<std::int64_t>() : 0;
    };
    kept.started = number("started");
    kept.quick = static_cast<unsigned>(std::clamp<std::int64_t>(number("quick"), 0, 1000));
    return kept;
}

Result<Kept> parse_kept_statements(std::string_view text) {
    constexpr auto source = "stored configuration";
    Kept kept;
    kept.settings = TRY(config::merge(TRY(config::parse(text, source)), source));
    return kept;
}

void take_over(std::vector<Setting>& settings, std::string_view libxl_json) {
    auto json = Json::parse(libxl_json, nullptr, false);
    if (!json.is_object()) return;
    auto theirs = [&](const char* list, auto parse) {
        std::vector<typename decltype(parse(Json()))::value_type> out;
        if (json.contains(list) && json[list].is_array())
            for (auto& item : json[list])
                if (auto parsed = parse(item)) out.push_back(std::move(*parsed));
        return out;
    };
    // What both have is ours, which says more; the rest came or went by other tools.
    auto merge = [](auto ours, auto now, auto same) {
        std::erase_if(ours, [&](auto& each) {
            return std::ranges::none_of(now, [&](auto& other) { return same(each, other); });
        });
        for (auto& other : now)
            if (std::ranges::none_of(ours, [&](auto& each) { return same(each, other); })) ours.push_back(other);
        return ours;
    };
    auto disks = merge(items_of(settings, "disk", config::parse_disk), theirs("disks", disk_of_json),
                       [](auto& a, auto& b) { return a.number == b.number; });
    auto our_vifs = items_of(settings, "vif", read_vif);
    for (unsigned i = 0; i < our_vifs.size(); ++i) our_vifs[i].devid = our_vifs[i].devid.value_or(i); // as create does
    auto vifs =
        merge(std::move(our_vifs), theirs("nics", vif_of_json), [](auto& a, auto& b) { return a.devid == b.devid; });
    if (!disks.empty() || find(settings, "disk")) set_items(settings, "disk", disks);
    if (!vifs.empty() || find(settings, "vif")) set_items(settings, "vif", vifs);
}

Result<Kept> stored(Session& session, DomId id) { return load_kept(id, TRY(uuid_of(session, id))); }

Result<config::DomainConfig> load(const Kept& kept) { return config::load(kept.settings, "stored configuration"); }

Result<void> keep(DomId id, const config::Uuid& uuid, const Kept& kept, const std::string& libxl) {
    return save(id, uuid, kept, libxl, {});
}

Result<void> replace_stored_config(Session& session, DomId id, std::vector<Setting> settings) {
    auto uuid = TRY(uuid_of(session, id));
    auto lock = TRY(lock_domain(id, uuid));
    set(settings, "name", {.text = session.display_name(id)});
    set(settings, "uuid", {.text = config::print(uuid)});
    auto config = TRY(config::load(settings, "new configuration"));
    auto old = load_kept(id, uuid);
    Kept kept = old ? std::move(*old) : Kept{};
    kept.settings = std::move(settings);
    return save(id, uuid, kept, to_libxl_json(config, uuid), load_userdata(id, uuid, libxl_file).value_or(""));
}

Result<void> change_kept(Session& session, DomId id, const DeviceChange& change) {
    auto uuid = TRY(uuid_of(session, id)); // also: that it is still there
    auto libxl = load_userdata(id, uuid, libxl_file);
    auto now = libxl ? changed(*libxl, change) : std::string();
    if (!is_kept(id, uuid)) return libxl ? save_userdata(id, uuid, libxl_file, now) : Result<void>{};
    auto kept = TRY(load_kept(id, uuid));
    apply(kept.settings, change);
    return save(id, uuid, kept, now, libxl.value_or(""));
}

} // namespace domain
