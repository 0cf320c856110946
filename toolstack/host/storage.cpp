// SPDX-License-Identifier: Apache-2.0
// Identity and use of storage.
#include "host/storage.hpp"

#include "base/text.hpp"
#include "base/whole_file.hpp"
#include "host/loop.hpp"
#include "xen/handle.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace host {

using toolstack::fail;
using toolstack::Result;

namespace {

std::string whole_text(const std::string& path) { return toolstack::read_file(path).value_or(""); }

std::string sys_path(dev_t device) { return fmt::format("/sys/dev/block/{}:{}", major(device), minor(device)); }

std::optional<dev_t> parse_device(std::string_view text) {
    text = toolstack::trim(text);
    auto colon = text.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    auto high = toolstack::to_unsigned(text.substr(0, colon)), low = toolstack::to_unsigned(text.substr(colon + 1));
    if (!high || !low || *high > UINT32_MAX || *low > UINT32_MAX) return std::nullopt;
    return makedev(static_cast<unsigned>(*high), static_cast<unsigned>(*low));
}

/// The disk that a partition is on; the device itself where it is no partition.
dev_t whole_of(dev_t device) {
    if (access((sys_path(device) + "/partition").c_str(), F_OK) != 0) return device;
    return parse_device(whole_text(sys_path(device) + "/../dev")).value_or(device);
}

/// Whether the kernel or a program holds a block device for itself: swap, RAID, a volume group, a mount of another name
/// space.
bool held(dev_t device) {
    auto name = whole_text(sys_path(device) + "/uevent");
    auto at = name.find("DEVNAME=");
    if (at == std::string::npos) return false;
    auto path = "/dev/" + name.substr(at + 8, name.find('\n', at) - at - 8);
    xen::FileDescriptor file(open(path.c_str(), O_RDONLY | O_EXCL | O_CLOEXEC | O_NONBLOCK));
    return !file && errno == EBUSY;
}

} // namespace

Storage identify(dev_t block_device) {
    auto whole = whole_of(block_device);
    if (access((sys_path(whole) + "/loop").c_str(), F_OK) == 0)
        for (auto& loop : loops_in_use())
            if (loop.device == whole) return {false, loop.file_device, loop.file_device, loop.file_inode};
    return {true, block_device, whole, 0};
}

Result<Storage> identify(const std::string& path) {
    struct stat status{};
    if (stat(path.c_str(), &status) != 0) return fail(fmt::format("'{}': {}", path, std::strerror(errno)));
    if (S_ISREG(status.st_mode)) return Storage{false, status.st_dev, status.st_dev, status.st_ino};
    if (!S_ISBLK(status.st_mode)) return fail(fmt::format("'{}' is neither a file nor a block device", path));
    return identify(status.st_rdev);
}

bool overlap(const Storage& a, const Storage& b) {
    if (a.block != b.block) return false;
    if (!a.block) return a.device == b.device && a.inode == b.inode;
    return a.device == b.device || (a.whole == b.whole && (a.device == a.whole || b.device == b.whole));
}

std::vector<Mount> parse_mounts(std::string_view mountinfo) {
    std::vector<Mount> out;
    for (auto line : toolstack::split(mountinfo, '\n')) {
        auto words = toolstack::split(line, ' ');
        if (words.size() < 10) continue;
        auto device = parse_device(words[2]);
        // Behind the lone hyphen: type, source, options of the file system itself; a bind mount may be read-only alone.
        std::size_t hyphen = 6;
        while (hyphen < words.size() && words[hyphen] != "-") ++hyphen;
        if (!device || hyphen + 3 >= words.size()) continue;
        auto options = toolstack::split(words[hyphen + 3], ',');
        bool read_only = !options.empty() && options[0] == "ro";
        out.push_back({*device, std::string(words[4]), !read_only});
    }
    return out;
}

std::optional<std::string> used_here(const Storage& storage, bool writable) {
    for (auto& mount : parse_mounts(whole_text("/proc/self/mountinfo")))
        if (major(mount.device) != 0 && (writable || mount.writable) && overlap(storage, identify(mount.device)))
            return fmt::format("mounted on {}{}", mount.point, mount.writable ? "" : " (read-only)");
    if (!writable) return std::nullopt;
    if (storage.block && held(storage.device))
        return "held by the kernel (swap, RAID, a volume group) or another program";
    for (auto& loop : loops_in_use())
        if (!storage.block && loop.file_device == storage.device && loop.file_inode == storage.inode &&
            held(loop.device))
            return fmt::format("in use through /dev/loop{}", loop.number);
    return std::nullopt;
}

} // namespace host
