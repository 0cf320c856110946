// SPDX-License-Identifier: Apache-2.0
// Unpacked kernels kept on disk.
#include "image/cache.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <unistd.h>
#include <vector>

namespace image {
namespace {

constexpr std::size_t keep = 4;           ///< images in the folder
constexpr std::uint64_t spare = 32 << 20; ///< bytes left to others in its file system

/// Removes the oldest images until there is room for one more.
void prune(const std::string& folder) {
    struct Entry {
        std::string path;
        time_t used;
    };
    std::vector<Entry> entries;
    auto dir = opendir(folder.c_str());
    if (!dir) return;
    while (auto item = readdir(dir)) {
        auto path = folder + "/" + item->d_name;
        struct stat status{};
        if (stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode)) entries.push_back({path, status.st_mtime});
    }
    closedir(dir);
    while (entries.size() >= keep) {
        std::size_t oldest = 0;
        for (std::size_t i = 1; i < entries.size(); ++i)
            if (entries[i].used < entries[oldest].used) oldest = i;
        unlink(entries[oldest].path.c_str());
        entries.erase(entries.begin() + static_cast<std::ptrdiff_t>(oldest));
    }
}

constexpr std::size_t block = 4096; ///< what file systems leave out of a file in

bool is_zero(View bytes) { return bytes[0] == 0 && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0; }

/// Runs of blocks that are not all zero: half of Linux' unpacked image is zeros, which need no room.
std::vector<View> contents(View bytes) {
    std::vector<View> out;
    for (std::size_t at = 0; at < bytes.size(); at += block) {
        auto part = bytes.subspan(at, std::min(block, bytes.size() - at));
        if (is_zero(part)) continue;
        bool joins = !out.empty() && out.back().data() + out.back().size() == part.data();
        if (joins) out.back() = {out.back().data(), out.back().size() + part.size()};
        else out.push_back(part);
    }
    return out;
}

/// Writes the runs of `whole` where they belong; holes are left between them.
bool write_runs(int fd, View whole, const std::vector<View>& runs) {
    for (auto run : runs) {
        while (!run.empty()) {
            auto done = pwrite(fd, run.data(), run.size(), run.data() - whole.data());
            if (done <= 0) return false;
            run = run.subspan(static_cast<std::size_t>(done));
        }
    }
    return ftruncate(fd, static_cast<off_t>(whole.size())) == 0;
}

/// Room in the folder's file system; one that lives in memory without a limit has what the machine has.
std::uint64_t free_bytes(const std::string& folder) {
    struct statvfs space{};
    if (statvfs(folder.c_str(), &space) != 0) return 0;
    if (space.f_blocks) return space.f_bavail * space.f_frsize;
    struct sysinfo memory{};
    return sysinfo(&memory) == 0 ? std::uint64_t{memory.freeram} * memory.mem_unit : 0;
}

} // namespace

std::string cache_name(const std::string& folder, const std::string& path) {
    struct stat status{};
    if (stat(path.c_str(), &status) != 0) return {};
    return fmt::format("{}/{:x}-{:x}-{:x}-{:x}.{:09}", folder, status.st_dev, status.st_ino, status.st_size,
                       status.st_ctim.tv_sec, status.st_ctim.tv_nsec);
}

void cache_store(const std::string& name, View bytes) {
    auto folder = name.substr(0, name.rfind('/'));
    for (auto slash = folder.find('/', 1); slash != std::string::npos; slash = folder.find('/', slash + 1))
        mkdir(folder.substr(0, slash).c_str(), 0755);
    mkdir(folder.c_str(), 0700);
    auto runs = contents(bytes);
    std::uint64_t needed = spare;
    for (auto& run : runs) needed += run.size();
    if (free_bytes(folder) < needed) return;
    prune(folder);
    auto partial = fmt::format("{}.{}", name, getpid());
    int fd = open(partial.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return;
    bool written = write_runs(fd, bytes, runs);
    close(fd);
    if (!written || rename(partial.c_str(), name.c_str()) != 0) unlink(partial.c_str());
}

} // namespace image
