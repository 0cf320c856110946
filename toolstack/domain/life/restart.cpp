// SPDX-License-Identifier: Apache-2.0
// Restarts that are to happen.
#include "domain/life/restart.hpp"

#include "base/text.hpp"
#include "base/whole_file.hpp"
#include "config/load.hpp"

#include <algorithm>
#include <dirent.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace domain {
namespace {

constexpr auto folder = "/run/xen/restarts";
constexpr std::string_view heading = "# restart of domain "; ///< a comment: the file is a configuration, too
constexpr std::int64_t longest_backoff = 300;

std::string path_of_restart(const config::Uuid& uuid) { return fmt::format("{}/{}", folder, config::print(uuid)); }

} // namespace

std::string print(const Restart& restart) { return fmt::format("{}{}\n{}", heading, restart.old.value, restart.text); }

Result<Restart> parse_restart(std::string_view text) {
    auto end = text.find('\n');
    if (!text.starts_with(heading) || end == std::string_view::npos) return fail("no restart");
    auto old = toolstack::to_unsigned(text.substr(heading.size(), end - heading.size()));
    if (!old || *old >= abi::first_reserved) return fail("a restart of no domain");
    Restart restart;
    restart.old.value = static_cast<abi::domid_t>(*old);
    restart.text = text.substr(end + 1);
    auto config = TRY(config::load_text(restart.text, "restart"));
    if (!config.uuid) return fail("a restart without a UUID");
    restart.uuid = *config.uuid;
    restart.name = std::move(config.name);
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
