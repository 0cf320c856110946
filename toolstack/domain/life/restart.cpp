// SPDX-License-Identifier: Apache-2.0
// Restarts that are to happen.
#include "domain/life/restart.hpp"

#include "base/text.hpp"
#include "base/whole_file.hpp"

#include <algorithm>
#include <dirent.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

namespace domain {
namespace {

using Json = nlohmann::ordered_json;

constexpr auto folder = "/run/xen/restarts";
constexpr unsigned version = 1;
constexpr std::string_view older = "# restart of domain "; ///< what older tools wrote begins so, statements follow
constexpr std::int64_t longest_backoff = 300;

std::string path_of_restart(const config::Uuid& uuid) { return fmt::format("{}/{}", folder, config::print(uuid)); }

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
    if (!json.contains("old") || !json["old"].is_number_unsigned() || json["old"] >= abi::first_reserved)
        return fail("a restart of no domain");
    Restart restart;
    restart.name = word("name");
    restart.uuid = TRY(config::parse_uuid(word("uuid")));
    restart.old.value = json["old"].get<abi::domid_t>();
    restart.kept = TRY(parse_kept(word("kept")));
    return restart;
}

std::vector<Restart> restarts() {
    std::vector<Restart> out;
    auto dir = opendir(folder);
    if (!dir) return out;
    while (auto entry = readdir(dir)) {
        if (!config::parse_uuid(entry->d_name)) continue; // a partial file, or none of ours
        auto text = toolstack::read_file(fmt::format("{}/{}", folder, entry->d_name));
        if (!text) continue;
        if (auto restart = parse_restart(*text)) out.push_back(std::move(*restart));
    }
    closedir(dir);
    return out;
}

Result<void> save(const Restart& restart) {
    mkdir("/run/xen", 0755);
    mkdir(folder, 0700);
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

} // namespace domain
