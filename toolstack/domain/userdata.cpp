// SPDX-License-Identifier: Apache-2.0
// Files kept for each domain.
#include "domain/userdata.hpp"

#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace domain {
namespace {

constexpr std::string_view folder = "/var/lib/xen";

std::string file_name(DomId domain, const config::Uuid& uuid, std::string_view name) {
    return fmt::format("{}/userdata-d.{}.{}.{}", folder, domain.value, config::print(uuid), name);
}

} // namespace

std::optional<std::string> load_userdata(DomId domain, const config::Uuid& uuid, std::string_view name) {
    int fd = open(file_name(domain, uuid, name).c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return std::nullopt;
    std::string text;
    char buffer[8192];
    for (ssize_t got; (got = read(fd, buffer, sizeof buffer)) > 0;) text.append(buffer, static_cast<std::size_t>(got));
    close(fd);
    return text;
}

Result<void> save_userdata(DomId domain, const config::Uuid& uuid, std::string_view name, std::string_view text) {
    auto path = file_name(domain, uuid, name), partial = path + ".new";
    auto failed = [&] {
        return fail(fmt::format("cannot write '{}': {}", path, std::strerror(errno)), "free space in /var/lib/xen");
    };
    mkdir(std::string(folder).c_str(), 0755);
    int fd = open(partial.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return failed();
    bool whole = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    whole = close(fd) == 0 && whole;
    if (!whole || rename(partial.c_str(), path.c_str()) != 0) {
        auto failure = failed();
        unlink(partial.c_str());
        return failure;
    }
    return {};
}

void remove_userdata(DomId domain, const config::Uuid& uuid) {
    auto start = fmt::format("userdata-d.{}.{}.", domain.value, config::print(uuid));
    auto dir = opendir(std::string(folder).c_str());
    if (!dir) return;
    while (auto entry = readdir(dir))
        if (std::string_view(entry->d_name).starts_with(start)) unlinkat(dirfd(dir), entry->d_name, 0);
    closedir(dir);
}

} // namespace domain
