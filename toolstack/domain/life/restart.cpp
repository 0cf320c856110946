// SPDX-License-Identifier: Apache-2.0
// Restarts that are to happen.
#include "domain/life/restart.hpp"

#include "base/text.hpp"
#include "base/whole_file.hpp"
#include "host/lock.hpp"

#include <algorithm>
#include <dirent.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

namespace domain {
namespace {

using Json = nlohmann::ordered_json;

constexpr unsigned version = 1;
constexpr std::string_view older = "# restart of domain "; ///< what older tools wrote begins so, statements follow
constexpr std::int64_t longest_backoff = 300;

std::string folder() { return host::run_path("restarts"); }
std::string path_of_restart(const config::Uuid& uuid) { return folder() + "/" + config::print(uuid); }

/// One that older tools wrote down: its name and UUID stand among the statements.
Result<Restart> parse_older(std::string_view text) {
    auto end = std::min(text.find('\n'), text.size());
    auto old = toolstack::to_unsigned(text.substr(older.size(), end - older.size()));
    if (!old || *old >= abi::first_reserved) return fail("a restart of no domain");
    Restart restart;
    restart.old.value = static_cast<abi::domid_t>(*old);
    restart.kept = TRY(parse_kept_statements(text.substr(end)));
    auto config = TRY(load(restart.kept));
    if (!config.uuid) return fail("a restart without a UUID");
    restart.uuid = *config.uuid;
    restart.name = std::move(config.name);
    return restart;
}

} // namespace

std::string print(const Restart& restart) {
    Json all = {{"version", version},
                {"name", restart.name},
                {"uuid", config::print(restart.uuid)},
                {"old", restart.old.value},
                {"old_uuid", config::print(restart.old_uuid)},
                {"renamed", restart.renamed},
                {"watched", restart.watched},
                {"failures", restart.failures},
                {"not_before", restart.not_before},
                {"error", restart.error},
                {"kept", print(restart.kept, {}, {})}};
    return all.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<Restart> parse_restart(std::string_view text) {
    if (text.starts_with(older)) return parse_older(text);
    auto json = Json::parse(text, nullptr, false);
    if (!json.is_object() || !json.contains("version") || json["version"] != version)
        return fail("no restart, or one of another version");
    auto word = [&](const char* key) -> std::string {
        return json.contains(key) && json[key].is_string() ? json[key].get<std::string>() : "";
    };
    auto number = [&](const char* key) -> std::int64_t {
        return json.contains(key) && json[key].is_number_integer() ? json[key].get<std::int64_t>() : 0;
    };
    Restart restart;
    restart.name = word("name");
    restart.uuid = TRY(config::parse_uuid(word("uuid")));
    restart.old_uuid = TRY(config::parse_uuid(word("old_uuid")));
    restart.old.value = static_cast<abi::domid_t>(std::clamp<std::int64_t>(number("old"), 0, abi::first_reserved));
    restart.renamed = word("renamed");
    restart.watched = !json.contains("watched") || json["watched"] != false;
    restart.failures = static_cast<unsigned>(std::clamp<std::int64_t>(number("failures"), 0, 1000000));
    restart.not_before = number("not_before");
    restart.error = word("error");
    restart.kept = TRY(parse_kept(word("kept")));
    return restart;
}

std::vector<Restart> restarts() {
    std::vector<Restart> out;
    auto dir = opendir("/run/xen/restarts");
    if (!dir) return out;
    while (auto entry = readdir(dir)) {
        if (!config::parse_uuid(entry->d_name)) continue; // a partial file, or none of ours
        auto text = toolstack::read_file(fmt::format("/run/xen/restarts/{}", entry->d_name));
        if (!text) continue;
        if (auto restart = parse_restart(*text)) out.push_back(std::move(*restart));
    }
    closedir(dir);
    return out;
}

std::optional<Restart> find_restart(const config::Uuid& uuid) {
    auto text = toolstack::read_file(path_of_restart(uuid));
    auto restart = text ? parse_restart(*text) : Result<Restart>(fail("none"));
    return restart ? std::optional(std::move(*restart)) : std::nullopt;
}

std::optional<Restart> restart_of(DomId id, const config::Uuid& uuid) {
    if (auto restart = find_restart(uuid)) return restart;
    for (auto& restart : restarts())
        if (restart.old == id && restart.old_uuid == uuid) return std::move(restart);
    return std::nullopt;
}

Result<void> save(const Restart& restart) {
    mkdir(folder().c_str(), 0700);
    return toolstack::replace_file(path_of_restart(restart.uuid), print(restart), "free space in /run");
}

void forget(const Restart& restart) { unlink(path_of_restart(restart.uuid).c_str()); }

bool call_off(std::string_view word) {
    bool any = false;
    for (auto& restart : restarts()) {
        if (word != restart.name && word != config::print(restart.uuid) && word != std::to_string(restart.old.value))
            continue;
        forget(restart);
        any = true;
    }
    return any;
}

std::int64_t backoff(unsigned failures) {
    constexpr unsigned doublings = 9;
    return std::min(std::int64_t{1} << std::min(failures, doublings), longest_backoff);
}

std::string describe(const Restart& restart) {
    if (restart.failures == 0) return fmt::format("guest '{}' is being started again", restart.name);
    auto left = std::max<std::int64_t>(restart.not_before - boot_seconds(), 0);
    return fmt::format("guest '{}' could not be started again ({} tr{}, next in {} s): {}", restart.name,
                       restart.failures, restart.failures == 1 ? "y" : "ies", left, restart.error);
}

} // namespace domain
