// SPDX-License-Identifier: Apache-2.0
// Samples of what domains use.
#include "domain/usage.hpp"

#include "base/text.hpp"

#include <cstdio>
#include <ctime>
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace domain {
namespace {

std::uint64_t number_in(const std::string& path) {
    char buffer[32];
    int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    auto got = read(fd, buffer, sizeof buffer);
    close(fd);
    return toolstack::to_unsigned(
               toolstack::trim(std::string_view(buffer, got > 0 ? static_cast<std::size_t>(got) : 0)))
        .value_or(0);
}

/// Calls `each(domid, path)` for the entries named PREFIX<domid><separator>... of a folder.
template <class Each> void entries(const std::string& folder, std::string_view prefix, char separator, Each each) {
    auto dir = opendir(folder.c_str());
    if (!dir) return;
    while (auto entry = readdir(dir)) {
        std::string_view name = entry->d_name;
        if (!name.starts_with(prefix)) continue;
        auto end = name.find(separator, prefix.size());
        if (end == std::string_view::npos) continue;
        if (auto id = toolstack::to_unsigned(name.substr(prefix.size(), end - prefix.size())))
            each(*id, folder + "/" + entry->d_name);
    }
    closedir(dir);
}

} // namespace

Result<Sample> sample(Session& session, const Sample& before) {
    Sample now;
    auto host = TRY(or_fail(xen::physical_info(*TRY(session.xen())), "cannot examine the host"));
    now.total_kib = host.total_pages * 4;
    now.free_kib = host.free_pages * 4;
    now.cpus = host.nr_cpus;
    now.cpu_mhz = host.cpu_khz / 1000;
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    now.ns = static_cast<std::uint64_t>(time.tv_sec) * 1000000000u + static_cast<std::uint64_t>(time.tv_nsec);
    for (auto& entry : TRY(list(session))) now.domains.push_back({entry, {}, {}, 0});
    auto find = [&](std::uint64_t id) -> Used* {
        for (auto& used : now.domains)
            if (used.domain.info.domain == id) return &used;
        return nullptr;
    };
    // What the interface receives in domain 0, the guest has sent.
    entries("/sys/class/net", "vif", '.', [&](std::uint64_t id, const std::string& path) {
        if (auto used = find(id)) {
            ++used->net.count;
            used->net.sent += number_in(path + "/statistics/rx_bytes");
            used->net.received += number_in(path + "/statistics/tx_bytes");
        }
    });
    entries("/sys/bus/xen-backend/devices", "vbd-", '-', [&](std::uint64_t id, const std::string& path) {
        if (auto used = find(id)) {
            auto& disk = used->disk;
            ++disk.count;
            disk.full += number_in(path + "/statistics/oo_req");
            disk.reads += number_in(path + "/statistics/rd_req");
            disk.writes += number_in(path + "/statistics/wr_req");
            disk.read_sectors += number_in(path + "/statistics/rd_sect");
            disk.written_sectors += number_in(path + "/statistics/wr_sect");
        }
    });
    for (auto& used : now.domains)
        for (auto& old : before.domains)
            if (old.domain.info.domain == used.domain.info.domain && now.ns > before.ns)
                used.cpu_percent = 100.0 * static_cast<double>(used.domain.info.cpu_time - old.domain.info.cpu_time) /
                                   static_cast<double>(now.ns - before.ns);
    return now;
}

} // namespace domain
