// SPDX-License-Identifier: Apache-2.0
// Work in progress.
#include "host/maker.hpp"

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

namespace host {

using toolstack::fail;
using toolstack::Result;

namespace {

constexpr auto folder = "/run/xen/making";
constexpr std::size_t longest = 512; ///< of a line
constexpr unsigned tries = 16;       ///< for a file that nobody else holds

/// Of what was read; empty where nothing could be.
std::string_view first_line(const char* text, ssize_t size) {
    std::string_view all(text, size > 0 ? static_cast<std::size_t>(size) : 0);
    return all.substr(0, all.find('\n'));
}

} // namespace

Result<Maker> Maker::begin(std::string_view what) {
    mkdir(run_path("making").c_str(), 0700);
    for (unsigned i = 0; i < tries; ++i) {
        std::uint64_t random = 0;
        if (getrandom(&random, sizeof random, 0) != sizeof random) return fail("no random numbers");
        auto token = fmt::format("{:016x}", random);
        auto lock = TRY(Lock::try_passing(fmt::format("{}/{}", folder, token)));
        if (!lock) continue; // whoever looks for unfinished work had it first, between its making and our lock
        Maker maker(std::move(token), std::move(*lock));
        TRY(maker.note(what));
        return maker;
    }
    return fail(fmt::format("others hold every file in '{}'", folder));
}

Result<void> Maker::note(std::string_view what) {
    auto line = fmt::format("{}\n", what.substr(0, longest - 1));
    // One write: whoever is killed here has written all of it, or nothing. What an older line had behind it is cut at
    // its end by the reader.
    if (pwrite(lock_.fd(), line.data(), line.size(), 0) != static_cast<ssize_t>(line.size()))
        return fail(fmt::format("cannot write in '{}': {}", folder, std::strerror(errno)), "free space in /run");
    return {};
}

std::vector<Unfinished> unfinished(const std::function<bool(std::string_view)>& wanted) {
    std::vector<Unfinished> out;
    auto dir = opendir(folder);
    if (!dir) return out;
    while (auto entry = readdir(dir)) {
        if (entry->d_name[0] == '.') continue;
        auto lock = Lock::try_existing(fmt::format("{}/{}", folder, entry->d_name));
        if (!lock) continue;
        char text[longest];
        auto size = pread(lock->fd(), text, sizeof text, 0);
        auto line = first_line(text, size);
        if (line.empty()) continue; // it died before it began
        if (!wanted || wanted(line)) out.push_back({entry->d_name, std::string(line), std::move(*lock)});
        else lock->leave_file();
    }
    closedir(dir);
    return out;
}

std::vector<std::string> in_progress() {
    std::vector<std::string> out;
    auto dir = opendir(folder);
    if (!dir) return out;
    while (auto entry = readdir(dir)) {
        xen::FileDescriptor file(openat(dirfd(dir), entry->d_name, O_RDONLY | O_CLOEXEC));
        char text[longest];
        auto size = entry->d_name[0] != '.' && file ? read(file.get(), text, sizeof text) : 0;
        if (auto line = first_line(text, size); !line.empty()) out.emplace_back(line);
    }
    closedir(dir);
    return out;
}

} // namespace host
