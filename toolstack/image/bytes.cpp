// SPDX-License-Identifier: Apache-2.0
// Files mapped read-only.
#include "image/bytes.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace image {

toolstack::Result<File> File::open(std::string_view what, const std::string& path) {
    auto failed = [&](std::string_view why) { return toolstack::fail(fmt::format("{} '{}': {}", what, path, why)); };
    int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return failed(std::strerror(errno));
    struct stat status{};
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        close(fd);
        return failed("not a regular file");
    }
    auto size = static_cast<std::size_t>(status.st_size);
    if (size == 0) {
        close(fd);
        return failed("the file is empty");
    }
    void* data = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED) {
        auto why = std::strerror(errno);
        close(fd);
        return failed(why);
    }
    return File(data, size, fd);
}

File::~File() {
    if (data_) munmap(data_, size_);
    if (fd_ >= 0) close(fd_);
}

toolstack::Result<void> File::copy(View part, std::uint8_t* to) const {
    auto at = static_cast<off_t>(part.data() - view().data());
    for (std::size_t done = 0; done < part.size();) {
        auto got = pread(fd_, to + done, part.size() - done, at + static_cast<off_t>(done));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return toolstack::fail(fmt::format("cannot read a file: {}", got < 0 ? std::strerror(errno) : "it became shorter"));
        done += static_cast<std::size_t>(got);
    }
    return {};
}

} // namespace image
