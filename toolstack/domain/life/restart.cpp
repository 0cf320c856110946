// SPDX-License-Identifier: Apache-2.0
// Restarts that are to happen.
#include "domain/life/restart.hpp"

#include "base/text.hpp"
#include "config/load.hpp"
#include "xen/handle.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace domain {
namespace {

constexpr auto folder = "/run/xen/restarts";
constexpr std::string_view heading = "# restart of domain "; ///< a comment: the file is a configuration, too
constexpr std::int64_t longest_backoff = 300;

std::string path_of_restart(const config::Uuid& uuid) { return fmt::format("{}/{}", folder, config::print(uuid)); }

std::optional<std::string> read_file(const std::string& path) {
    xen::FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) return std::nullopt;
    std::string text;
    char buffer[8192];
    for (ssize_t got; (got = read(file.get(), buffer, sizeof buffer)) > 0;)
        text.append(buffer, static_cast<std::size_t>(got));
    return text;
}

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
        auto text = read_file(fmt::format("{}/{}", folder, entry->d_name));
        if (!text) continue;
        if (auto restart = parse_restart(*text)) out.push_back(std::move(*restart));
    }
    closedir(dir);
    return out;
}

Result<void> save(const Restart& restart) {
    mkdir("/run/xen", 0755);
    mkdir(folder, 0700);
    auto path = path_of_restart(restart.uuid), partial = path + ".new";
    auto text = print(restart);
    xen::FileDescriptor file(open(partial.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    auto size = file ? write(file.get(), text.data(), text.size()) : -1;
    bool whole = size == static_cast<ssize_t>(text.size());
    if (size >= 0 && !whole) errno = ENOSPC; // a part of it had room
    if (whole && rename(partial.c_str(), path.c_str()) == 0) return {};
    auto failure = fail(fmt::format("cannot write '{}': {}", path, std::strerror(errno)), "free space in /run");
    unlink(partial.c_str());
    return failure;
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
