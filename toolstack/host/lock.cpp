// SPDX-License-Identifier: Apache-2.0
// The tools' lock.
#include "host/lock.hpp"

#include "base/stop_signal.hpp"

#include <cerrno>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

namespace host {

toolstack::Result<Lock> Lock::take(const std::string& path, std::string remedy) {
    // A record lock, as stock xl takes: the two keep each other out. It ends with the process, however that ends.
    xen::FileDescriptor file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    int error = errno;
    struct flock whole{};
    whole.l_type = F_WRLCK;
    while (file && fcntl(file.get(), F_SETLK, &whole) != 0) {
        if (errno != EAGAIN && errno != EACCES && errno != EINTR) {
            error = errno;
            file.reset();
            break;
        }
        if (toolstack::StopSignals::asked())
            return toolstack::fail(fmt::format("interrupted while waiting for '{}'", path));
        timespec pause{0, 5000000};
        nanosleep(&pause, nullptr);
    }
    if (!file)
        return toolstack::fail(fmt::format("cannot lock '{}': {}", path, std::strerror(error)), std::move(remedy));
    return Lock(std::move(file));
}

toolstack::Result<Lock> Lock::take_own(std::string_view name) {
    mkdir("/run/xen", 0755);
    return take(fmt::format("/run/xen/proxenos-{}.lock", name), "run this as root in domain 0");
}

} // namespace host
