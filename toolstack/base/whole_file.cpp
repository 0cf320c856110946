// SPDX-License-Identifier: Apache-2.0
// Files that are read and written as a whole.
#include "base/whole_file.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace toolstack {
namespace {

/// Writes a new file. errno tells why it is not whole.
bool write_new(const std::string& path, std::string_view text) {
    int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return false;
    auto size = write(fd, text.data(), text.size());
    bool is_whole = size == static_cast<ssize_t>(text.size());
    int reason = is_whole ? 0 : size < 0 ? errno : ENOSPC; // a part of it had room
    if (close(fd) != 0 && is_whole) return false;
    errno = reason;
    return is_whole;
}

} // namespace

std::optional<std::string> read_file(const std::string& path) {
    int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return std::nullopt;
    std::string text;
    char buffer[8192];
    for (ssize_t got; (got = read(fd, buffer, sizeof buffer)) > 0;) text.append(buffer, static_cast<std::size_t>(got));
    close(fd);
    return text;
}

Result<void> replace_file(const std::string& path, std::string_view text, std::string remedy) {
    auto partial = path + ".new";
    if (write_new(partial, text) && rename(partial.c_str(), path.c_str()) == 0) return {};
    auto failure = fail(fmt::format("cannot write '{}': {}", path, std::strerror(errno)), std::move(remedy));
    unlink(partial.c_str());
    return failure;
}

} // namespace toolstack
