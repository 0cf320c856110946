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

#include "base/text.hpp"

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

std::string boot_id() {
    std::string boot;
    std::ifstream{"/proc/sys/kernel/random/boot_id"} >> boot;
    return boot;
}

std::string file_header() { return fmt::format("PROXENOS STORE {} {}\n", Journal::format, boot_id()); }

/// The first line of a journal. A format of 0: it is none.
struct FileHeader {
    std::uint64_t format = 0;
    std::string_view boot;
    std::size_t size = 0;
};

FileHeader parse_header(std::string_view bytes) {
    constexpr std::string_view magic = "PROXENOS STORE ";
    auto const end = bytes.substr(0, 256).find('\n');
    if (end == std::string_view::npos || !bytes.starts_with(magic)) return {};
    auto const line = bytes.substr(magic.size(), end - magic.size());
    auto const space = line.find(' ');
    auto const number = toolstack::to_unsigned(line.substr(0, space));
    if (!number || space == std::string_view::npos) return {};
    return {*number, line.substr(space + 1), end + 1};
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

xen::Result<Journal> Journal::open(std::string path, std::function<bool(std::string_view)> const& restore,
                                   std::size_t most) {
    Journal journal;
    journal.path_ = std::move(path);
    journal.file_ = XEN_TRY(xen::FileDescriptor::open(journal.path_.c_str(), O_RDWR | O_CREAT | O_APPEND, 0600));
    XEN_TRY(journal.load(restore, most));
    return journal;
}

xen::Result<> Journal::load(std::function<bool(std::string_view)> const& restore, std::size_t most) {
    auto const bytes = XEN_TRY(read_all(file_.get()));
    if (bytes.empty()) return {};
    auto const header = parse_header(bytes);
    if (header.format == 0) {
        complaint_ = path_ + " is no journal";
        was_refused_ = true;
        return {};
    }
    if (header.boot != boot_id()) return {};
    if (header.format > format)
        return xen::fail(
            EPROTONOSUPPORT,
            fmt::format("{} is of format {}, this xenstored reads up to {}: start the newer xenstored again, "
                        "or lose what all running domains have in the store by starting this one with -R",
                        path_, header.format, format));
    std::string_view rest = std::string_view{bytes}.substr(header.size);
    for (; frames_ < most && rest.size() >= sizeof(FrameHeader); ++frames_) {
        FrameHeader next;
        std::memcpy(&next, rest.data(), sizeof next);
        auto const body = rest.substr(sizeof next, next.size);
        if (body.size() != next.size || checksum(body) != next.checksum) break;
        if (!restore(body)) {
            was_refused_ = true;
            break;
        }
        rest.remove_prefix(sizeof next + next.size);
    }
    size_ = snapshot_size_ = bytes.size() - rest.size();
    must_rewrite_ = header.format != format || was_refused_;
    has_tail_ = !rest.empty();
    if (!rest.empty())
        complaint_ = fmt::format("{}: {} bytes after frame {} {}", path_, rest.size(), frames_,
                                 was_refused_ ? "make no sense" : "are not whole");
    return {};
}

xen::Result<> Journal::append(std::string_view records) {
    if (must_rewrite_) return xen::fail(EINVAL, "append to the journal " + path_);
    if (has_tail_ && ::ftruncate(file_.get(), static_cast<off_t>(size_)) < 0)
        return xen::fail_errno("truncate the journal " + path_);
    has_tail_ = false;
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
    if (!write_all(fresh.get(), bytes) || ::rename(fresh_path.c_str(), path_.c_str()) < 0) {
        int const error = errno;
        ::unlink(fresh_path.c_str()); // half of it would take the room that append() may need
        return xen::fail(error, "write " + fresh_path);
    }
    file_ = std::move(fresh);
    must_rewrite_ = has_tail_ = false;
    size_ = snapshot_size_ = bytes.size();
    return {};
}

} // namespace store
