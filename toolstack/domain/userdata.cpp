// SPDX-License-Identifier: Apache-2.0
// Files kept for each domain.
#include "domain/userdata.hpp"

#include "base/whole_file.hpp"

#include <dirent.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace domain {
namespace {

constexpr std::string_view folder = "/var/lib/xen";

/// `kind` is libxl's: 'd' data, 'l' the lock.
std::string file_name(char kind, DomId domain, const config::Uuid& uuid, std::string_view name) {
    return fmt::format("{}/userdata-{}.{}.{}.{}", folder, kind, domain.value, config::print(uuid), name);
}

} // namespace

Result<host::Lock> lock_domain(DomId domain, const config::Uuid& uuid) {
    mkdir(std::string(folder).c_str(), 0755);
    return host::Lock::take_passing(file_name('l', domain, uuid, "domain-userdata-lock"));
}

std::optional<std::string> load_userdata(DomId domain, const config::Uuid& uuid, std::string_view name) {
    return toolstack::read_file(file_name('d', domain, uuid, name));
}

Result<void> save_userdata(DomId domain, const config::Uuid& uuid, std::string_view name, std::string_view text) {
    mkdir(std::string(folder).c_str(), 0755);
    return toolstack::replace_file(file_name('d', domain, uuid, name), text, "free space in /var/lib/xen");
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
