// SPDX-License-Identifier: Apache-2.0
// Owning handles and the error's text.
#include "xen/handle.hpp"

#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

namespace xen {

std::string Error::message() const { return code == 0 ? context : fmt::format("{}: {}", context, std::strerror(code)); }

Result<FileDescriptor> FileDescriptor::open(char const* path, int flags, unsigned mode) {
    int const fd = ::open(path, flags | O_CLOEXEC, mode);
    if (fd < 0) return fail_errno(fmt::format("cannot open {}", path));
    return FileDescriptor{fd};
}

void FileDescriptor::reset() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
}

Result<Mapping> Mapping::map(int fd, std::size_t size, int prot, long offset, char const* what) {
    void* const address = ::mmap(nullptr, size, prot, MAP_SHARED, fd, offset);
    if (address == MAP_FAILED) return fail_errno(fmt::format("cannot map {} bytes of {}", size, what));
    return Mapping{address, size};
}

void Mapping::reset() {
    if (address_) ::munmap(address_, size_);
    address_ = nullptr;
    size_ = 0;
}

} // namespace xen
