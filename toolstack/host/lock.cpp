// SPDX-License-Identifier: Apache-2.0
// The tools' lock.
#include "host/lock.hpp"

#include "base/stop_signal.hpp"

#include <cerrno>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <fmt/format.h>

namespace host {

toolstack::Result<Lock> Lock::take(const std::string& path) {
    // A record lock, as stock xl takes: the two keep each other out. It ends with the process, however that ends.
    xen::FileDescriptor file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    struct flock whole{};
    whole.l_type = F_WRLCK;
    while (file && fcntl(file.get(), F_SETLK, &whole) != 0) {
        if (errno != EAGAIN && errno != EACCES && errno != EINTR) {
            file.reset();
            break;
        }
        if (toolstack::StopSignals::asked())
            return toolstack::fail(fmt::format("interrupted while waiting for '{}'", path));
        timespec pause{0, 5000000};
        nanosleep(&pause, nullptr);
    }
    if (!file)
        return toolstack::fail(fmt::format("cannot lock '{}': {}", path, std::strerror(errno)),
                               "see lockfile in /etc/xen/xl.conf");
    return Lock(std::move(file));
}

} // namespace host
