// SPDX-License-Identifier: Apache-2.0
// Reading, appending to and replacing the journal file.
#include "store/core/journal.hpp"

#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

namespace store {

namespace {

struct FrameHeader {
    std::uint32_t size;
    std::uint32_t checksum;
};

/// FNV-1a: cheap, and enough against a frame cut short (nobody forges root's files in /run).
std::uint32_t checksum(std::string_view bytes) {
    std::uint64_t hash = 0xcbf29ce484222325;
    for (unsigned char const byte : bytes) hash = (hash ^ byte) * 0x100000001b3;
    return static_cast<std::uint32_t>(hash ^ (hash >> 32));
}

std::string file_header() {
    std::string boot;
    std::ifstream{"/proc/sys/kernel/random/boot_id"} >> boot;
    return fmt::format("PROXENOS STORE 1 {}\n", boot);
}

void frame(std::string& out, std::string_view records) {
    FrameHeader const header{static_cast<std::uint32_t>(records.size()), checksum(records)};
    out.append(reinterpret_cast<char const*>(&header), sizeof header);
    out.append(records);
}

bool write_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        ssize_t const written = ::write(fd, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

xen::Result<std::string> read_all(int fd) {
    std::string bytes;
    struct stat status{};
    if (::fstat(fd, &status) < 0) return xen::fail_errno("stat the journal");
    bytes.resize(static_cast<std::size_t>(status.st_size));
    std::size_t have = 0;
    while (have < bytes.size()) {
        ssize_t const got = ::pread(fd, bytes.data() + have, bytes.size() - have, static_cast<off_t>(have));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return xen::fail_errno("read the journal");
        if (got == 0) break;
        have += static_cast<std::size_t>(got);
    }
    bytes.resize(have);
    return bytes;
}

} // namespace

xen::Result<Journal> Journal::open(std::string path, std::function<bool(std::string_view)> const& restore) {
    Journal journal;
    journal.path_ = std::move(path);
    journal.file_ = XEN_TRY(xen::FileDescriptor::open(journal.path_.c_str(), O_RDWR | O_CREAT | O_APPEND, 0600));
    XEN_TRY(journal.load(restore));
    return journal;
}

xen::Result<> Journal::load(std::function<bool(std::string_view)> const& restore) {
    auto const bytes = XEN_TRY(read_all(file_.get()));
    auto const header = file_header();
    if (!bytes.starts_with(header)) return rewrite({});
    std::string_view rest = std::string_view{bytes}.substr(header.size());
    while (rest.size() >= sizeof(FrameHeader)) {
        FrameHeader next;
        std::memcpy(&next, rest.data(), sizeof next);
        auto const body = rest.substr(sizeof next, next.size);
        if (body.size() != next.size || checksum(body) != next.checksum) break;
        if (!restore(body)) return xen::fail(EBADMSG, "the journal " + path_ + " makes no sense");
        was_there_ = true;
        rest.remove_prefix(sizeof next + next.size);
    }
    size_ = snapshot_size_ = bytes.size() - rest.size();
    if (::ftruncate(file_.get(), static_cast<off_t>(size_)) < 0) return xen::fail_errno("truncate the journal");
    return {};
}

xen::Result<> Journal::append(std::string_view records) {
    frame_.clear();
    frame(frame_, records);
    if (!write_all(file_.get(), frame_)) {
        int const error = errno;
        (void)::ftruncate(file_.get(), static_cast<off_t>(size_));
        return xen::fail(error, "append to the journal " + path_);
    }
    size_ += frame_.size();
    return {};
}

xen::Result<> Journal::rewrite(std::string_view records) {
    auto const fresh_path = path_ + ".new";
    auto fresh = XEN_TRY(xen::FileDescriptor::open(fresh_path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0600));
    std::string bytes = file_header();
    if (!records.empty()) frame(bytes, records);
    if (!write_all(fresh.get(), bytes)) return xen::fail_errno("write " + fresh_path);
    if (::rename(fresh_path.c_str(), path_.c_str()) < 0) return xen::fail_errno("rename " + fresh_path);
    file_ = std::move(fresh);
    size_ = snapshot_size_ = bytes.size();
    return {};
}

} // namespace store
