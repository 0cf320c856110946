// SPDX-License-Identifier: Apache-2.0
// The configuration kept for a running domain.
#include "domain/stored_config.hpp"

#include "config/devices/vdev.hpp"
#include "config/load.hpp"
#include "config/parse.hpp"
#include "domain/config_json.hpp"
#include "domain/domains.hpp"
#include "domain/json_text.hpp"
#include "domain/userdata.hpp"

#include <fmt/format.h>

namespace domain {
namespace {

using Json = nlohmann::ordered_json;

Result<config::Uuid> uuid_of(Session& session, DomId id) { return Listed{TRY(session.info(id)), {}}.uuid(); }

/// "key = [ ... ]" from printed specifications.
template <class Items> std::string list_statement(std::string_view key, const Items& items) {
    config::Value list{.kind = config::Value::Kind::list};
    for (auto& item : items) list.list.push_back({.text = config::print(item)});
    return fmt::format("{} = {}\n", key, config::print(list));
}

/// Changes the kept text by `change(config)`, which gives the statement to add; nothing where no text is kept.
template <class Change> Result<void> change_text(Session& session, DomId id, Change change) {
    auto uuid = TRY(uuid_of(session, id));
    auto text = load_userdata(id, uuid, "xl");
    if (!text) return {};
    auto config = TRY(config::load_text(*text, "stored configuration"));
    return save_userdata(id, uuid, "xl", *text + change(config));
}

/// Changes the kept JSON.
template <class Change> Result<void> change_json(Session& session, DomId id, Change change) {
    auto uuid = TRY(uuid_of(session, id));
    auto text = load_userdata(id, uuid, "libxl-json");
    if (!text) return {};
    auto json = Json::parse(*text, nullptr, false);
    if (!json.is_object()) return {};
    change(json);
    std::string out;
    print_json(out, json, 0);
    return save_userdata(id, uuid, "libxl-json", out + "\n");
}

void erase_where(Json& json, const char* list, auto matches) {
    if (!json.contains(list)) return;
    Json kept = Json::array();
    for (auto& item : json[list])
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

} // namespace

Result<std::string> stored_text(Session& session, DomId id) {
    auto text = load_userdata(id, TRY(uuid_of(session, id)), "xl");
    if (!text)
        return fail(fmt::format("no configuration is kept for domain {}", id.value), "was it made by another tool?");
    return *text;
}

Result<config::DomainConfig> stored_config(Session& session, DomId id) {
    return config::load_text(TRY(stored_text(session, id)), "stored configuration");
}

Result<void> replace_stored_config(Session& session, DomId id, const std::string& text) {
    auto uuid = TRY(uuid_of(session, id));
    auto name = session.display_name(id);
    auto whole = text + fmt::format("\nname = \"{}\"\nuuid = \"{}\"\n", name, config::print(uuid));
    auto config = TRY(config::load_text(whole, "new configuration"));
    TRY(save_userdata(id, uuid, "xl", whole));
    return save_userdata(id, uuid, "libxl-json", to_libxl_json(config, uuid));
}

Result<void> remember(Session& session, DomId id, const config::Disk& disk) {
    TRY(change_text(session, id, [&](config::DomainConfig& config) {
        config.disks.push_back(disk);
        return list_statement("disk", config.disks);
    }));
    return change_json(session, id, [&](Json& json) {
        json["disks"].push_back(Json::parse(device_json(disk)));
        reorder(json);
    });
}

Result<void> remember(Session& session, DomId id, const config::Vif& vif) {
    TRY(change_text(session, id, [&](config::DomainConfig& config) {
        config.vifs.push_back(vif);
        return list_statement("vif", config.vifs);
    }));
    return change_json(session, id, [&](Json& json) {
        json["nics"].push_back(Json::parse(device_json(vif)));
        reorder(json);
    });
}

Result<void> forget_disk(Session& session, DomId id, std::uint32_t number) {
    TRY(change_text(session, id, [&](config::DomainConfig& config) {
        std::erase_if(config.disks, [&](auto& disk) { return disk.number == number; });
        return list_statement("disk", config.disks);
    }));
    return change_json(session, id, [&](Json& json) {
        erase_where(json, "disks", [&](Json& disk) {
            return disk.contains("vdev") && config::vdev_number(disk["vdev"].get<std::string>()).value_or(0) == number;
        });
    });
}

Result<void> forget_vif(Session& session, DomId id, unsigned devid) {
    TRY(change_text(session, id, [&](config::DomainConfig& config) {
        std::erase_if(config.vifs, [&](auto& vif) { return vif.devid == devid; });
        return list_statement("vif", config.vifs);
    }));
    return change_json(session, id, [&](Json& json) {
        erase_where(json, "nics", [&](Json& vif) { return vif.contains("devid") && vif["devid"] == devid; });
    });
}

} // namespace domain
