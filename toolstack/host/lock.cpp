// SPDX-License-Identifier: Apache-2.0
// Locks between the tools of one host.
#include "host/lock.hpp"

#include "base/stop_signal.hpp"

#include <cerrno>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace host {

using toolstack::fail;
using toolstack::Result;

namespace {

void pause_ms(long ms) {
    timespec time{0, ms * 1000000};
    nanosleep(&time, nullptr);
}

std::unexpected<toolstack::Failure> cannot(const std::string& path, int error, std::string remedy) {
    if (remedy.empty() && (error == EACCES || error == EPERM)) remedy = "run this as root in domain 0";
    if (remedy.empty() && error == ENOSPC) remedy = "free space in " + path.substr(0, path.rfind('/'));
    return fail(fmt::format("cannot lock '{}': {}", path, std::strerror(error)), std::move(remedy));
}

/// Whether the file is still the one of that name: its last holder may have removed it while we waited.
bool is_current(int fd, const std::string& path) {
    struct stat mine{}, named{};
    return fstat(fd, &mine) == 0 && stat(path.c_str(), &named) == 0 && mine.st_dev == named.st_dev &&
           mine.st_ino == named.st_ino;
}

} // namespace

Lock& Lock::operator=(Lock&& other) noexcept {
    std::swap(file_, other.file_);
    std::swap(passing_, other.passing_);
    return *this;
}

Lock::~Lock() {
    if (file_ && !passing_.empty()) unlink(passing_.c_str()); // while we hold it: whoever waits for it looks again
    // Let go of in so many words: a child that is being started may have the open file for a moment yet.
    struct flock whole{};
    whole.l_type = F_UNLCK;
    if (file_) (void)fcntl(file_.get(), F_OFD_SETLK, &whole);
    if (file_) (void)flock(file_.get(), LOCK_UN);
}

Result<Lock> Lock::take(const std::string& path, std::string remedy) {
    xen::FileDescriptor file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    int error = errno;
    struct flock whole{};
    whole.l_type = F_WRLCK;
    // Against stock xl's record lock this kind excludes as its own kind would; l_pid must be 0.
    while (file && fcntl(file.get(), F_OFD_SETLK, &whole) != 0) {
        if (errno != EAGAIN && errno != EACCES && errno != EINTR) {
            error = errno;
            file.reset();
            break;
        }
        if (toolstack::StopSignals::asked()) return fail(fmt::format("interrupted while waiting for '{}'", path));
        pause_ms(5);
    }
    if (!file) return cannot(path, error, std::move(remedy));
    return Lock(std::move(file));
}

Result<Lock> Lock::take_own(std::string_view name) { return take(run_path(fmt::format("proxenos-{}.lock", name))); }

Result<std::optional<Lock>> Lock::try_passing(const std::string& path) {
    for (;;) {
        xen::FileDescriptor file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
        if (!file) return cannot(path, errno, {});
        if (flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
            if (errno == EWOULDBLOCK) return std::nullopt;
            if (errno != EINTR) return cannot(path, errno, {});
        } else if (is_current(file.get(), path)) {
            return std::optional(Lock(std::move(file), path));
        }
    }
}

Result<Lock> Lock::take_passing(const std::string& path) {
    for (;;) {
        if (auto taken = TRY(try_passing(path))) return std::move(*taken);
        if (toolstack::StopSignals::asked()) return fail(fmt::format("interrupted while waiting for '{}'", path));
        pause_ms(5);
    }
}

std::optional<Lock> Lock::try_existing(const std::string& path) {
    xen::FileDescriptor file(open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (!file || flock(file.get(), LOCK_EX | LOCK_NB) != 0 || !is_current(file.get(), path)) return std::nullopt;
    return Lock(std::move(file), path);
}

std::string run_path(std::string_view name) {
    mkdir("/run/xen", 0755);
    return fmt::format("/run/xen/{}", name);
}

} // namespace host
