// SPDX-License-Identifier: Apache-2.0
// Files mapped read-only.
#include "image/bytes.hpp"

#include <algorithm>
#include <cerrno>
#include <csetjmp>
#include <csignal>
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

std::vector<ZeroRun> File::holes() const {
    constexpr off_t least = 64 << 10;
    std::vector<ZeroRun> out;
    auto size = static_cast<off_t>(size_);
    for (off_t at = 0; at < size;) {
        auto first = lseek(fd_, at, SEEK_HOLE);
        if (first < 0 || first >= size) break; // every file ends with a hole
        auto next = lseek(fd_, first, SEEK_DATA);
        at = next < 0 ? size : std::min(next, size);
        if (at - first >= least)
            out.push_back({static_cast<std::uint64_t>(first), static_cast<std::uint64_t>(at - first)});
    }
    return out;
}

namespace {

sigjmp_buf cut_short;

/// Copies in vectors of `Wide`, past the caches.
template <class Wide> [[gnu::always_inline]] inline void stream_by(View from, std::uint8_t* to) {
    using Loose [[gnu::aligned(1), gnu::may_alias]] = Wide;
    auto source = from.data(), end = source + from.size();
    auto head = std::min<std::size_t>(-reinterpret_cast<std::uintptr_t>(to) % sizeof(Wide), from.size());
    std::memcpy(to, source, head);
    for (source += head, to += head; end - source >= static_cast<std::ptrdiff_t>(4 * sizeof(Wide));
         source += 4 * sizeof(Wide), to += 4 * sizeof(Wide)) {
        Wide block[4];
        for (int i = 0; i < 4; ++i) block[i] = reinterpret_cast<const Loose*>(source)[i];
        for (int i = 0; i < 4; ++i) __builtin_nontemporal_store(block[i], reinterpret_cast<Wide*>(to) + i);
    }
    __builtin_ia32_sfence();
    std::memcpy(to, source, static_cast<std::size_t>(end - source));
}

[[gnu::target("avx")]] void stream_wide(View from, std::uint8_t* to) {
    stream_by<long long __attribute__((vector_size(32)))>(from, to);
}

void stream(View from, std::uint8_t* to) {
    static const bool wide = __builtin_cpu_supports("avx");
    if (wide) stream_wide(from, to);
    else stream_by<long long __attribute__((vector_size(16)))>(from, to);
}

void leave_copy(int) { siglongjmp(cut_short, 1); }

} // namespace

toolstack::Result<void> copy_mapped(View from, std::uint8_t* to) {
    struct sigaction action{}, before{};
    action.sa_handler = leave_copy;
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, &before);
    volatile bool whole = false;
    if (sigsetjmp(cut_short, 1) == 0) {
        stream(from, to);
        whole = true;
    }
    sigaction(SIGBUS, &before, nullptr);
    if (!whole) return toolstack::fail("cannot read a file: it became shorter");
    return {};
}

} // namespace image
