// SPDX-License-Identifier: Apache-2.0
// Loop devices (Linux: include/uapi/linux/loop.h).
#include "host/loop.hpp"

#include "base/text.hpp"

#include <cerrno>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace host {

using toolstack::fail;
using toolstack::Result;

namespace {

constexpr unsigned tries = 64; ///< somebody else may take the free device first

Result<Loop> configure(unsigned number, int backing, const std::string& path, bool writable) {
    Loop loop;
    loop.number = number;
    auto name = fmt::format("/dev/loop{}", number);
    loop.file = xen::FileDescriptor(open(name.c_str(), (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC));
    if (!loop.file) return fail(fmt::format("cannot open '{}': {}", name, std::strerror(errno)));
    loop_config config{};
    config.fd = static_cast<__u32>(backing);
    // What the guest sees stays 512: with sectors of another size its partition table would mean something else. A disk
    // of 4 KiB sectors under the file then takes no direct I/O, and the kernel silently goes through its cache.
    config.block_size = 512;
    config.info.lo_flags = LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO | (writable ? 0u : LO_FLAGS_READ_ONLY);
    std::strncpy(reinterpret_cast<char*>(config.info.lo_file_name), path.c_str(), LO_NAME_SIZE - 1);
    int done = ioctl(loop.file.get(), LOOP_CONFIGURE, &config);
    if (done != 0 && errno == EINVAL) { // a kernel that refuses direct I/O instead
        config.info.lo_flags &= ~LO_FLAGS_DIRECT_IO;
        done = ioctl(loop.file.get(), LOOP_CONFIGURE, &config);
    }
    if (done != 0 && errno == EBUSY) return Loop{};
    if (done != 0) return fail(fmt::format("cannot put '{}' behind {}: {}", path, name, std::strerror(errno)));
    struct stat status{};
    loop_info64 info{};
    fstat(loop.file.get(), &status);
    loop.device = status.st_rdev;
    loop.direct = ioctl(loop.file.get(), LOOP_GET_STATUS64, &info) == 0 && (info.lo_flags & LO_FLAGS_DIRECT_IO);
    return loop;
}

} // namespace

Result<Loop> open_loop(const std::string& path, bool writable) {
    xen::FileDescriptor backing(open(path.c_str(), (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC));
    if (!backing) {
        bool refused = writable && (errno == EROFS || errno == EACCES || errno == ETXTBSY);
        return fail(fmt::format("cannot open '{}': {}", path, std::strerror(errno)),
                    refused ? "give it to the guest read-only: access=r" : "");
    }
    xen::FileDescriptor control(open("/dev/loop-control", O_RDWR | O_CLOEXEC));
    if (!control)
        return fail(fmt::format("no loop devices: {}", std::strerror(errno)), "load the driver: modprobe loop");
    for (unsigned i = 0; i < tries; ++i) {
        int number = ioctl(control.get(), LOOP_CTL_GET_FREE);
        if (number < 0) return fail(fmt::format("no free loop device: {}", std::strerror(errno)));
        auto loop = TRY(configure(static_cast<unsigned>(number), backing.get(), path, writable));
        if (loop.file) return loop;
    }
    return fail("other programs take every free loop device first");
}

std::vector<LoopUse> loops_in_use() {
    std::vector<LoopUse> out;
    auto folder = opendir("/sys/block");
    if (!folder) return out;
    while (auto entry = readdir(folder)) {
        std::string_view name = entry->d_name;
        auto number = name.starts_with("loop") ? toolstack::to_unsigned(name.substr(4)) : std::nullopt;
        if (!number || access(fmt::format("/sys/block/{}/loop", name).c_str(), F_OK) != 0) continue; // it has no file
        xen::FileDescriptor file(open(fmt::format("/dev/{}", name).c_str(), O_RDONLY | O_CLOEXEC));
        loop_info64 info{};
        struct stat status{};
        if (!file || ioctl(file.get(), LOOP_GET_STATUS64, &info) != 0 || fstat(file.get(), &status) != 0) continue;
        // lo_device is in the kernel's packed form for user space (new_encode_dev()).
        auto packed = info.lo_device;
        auto device = makedev((packed >> 8) & 0xfff, (packed & 0xff) | ((packed >> 12) & 0xfff00));
        out.push_back({static_cast<unsigned>(*number), status.st_rdev, device, static_cast<ino_t>(info.lo_inode)});
    }
    closedir(folder);
    return out;
}

} // namespace host
